// Adds the reader's own time to each moment on the page, where it differs from Beijing time.
"use strict";
(() => {
  const page = document.documentElement;
  const beijing = new Intl.DateTimeFormat(page.lang, { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Shanghai" });
  const own = new Intl.DateTimeFormat(page.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime()) || own.format(at) === beijing.format(at)) continue;
    const added = document.createElement("span");
    added.className = "hint own-time";
    added.textContent = page.dataset.ownTime.replace("{}", own.format(at));
    time.append(" ", added);
  }
})();
