// The scanner page: what the form does without this as well, made quicker. No data leaves the form.
"use strict";
(() => {
  const form = document.getElementById("scan");
  const code = document.getElementById("code");
  const date = document.getElementById("date");
  let composing = false;
  let sent = false;

  // Full-width digits of an input method become plain ones once it has let go of them.
  const plain = (field) => {
    const text = field.value.normalize("NFKC");
    if (text !== field.value) field.value = text;
  };
  for (const field of [code, date]) {
    field.addEventListener("compositionstart", () => { composing = true; });
    field.addEventListener("compositionend", () => { composing = false; plain(field); });
    field.addEventListener("input", () => { if (!composing) plain(field); });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      // An Enter that ends a composition is the input method's own (229 in browsers that do not say so otherwise).
      if (event.isComposing || event.keyCode === 229) { event.preventDefault(); return; }
      // The scanner ends each code with Enter: without a date yet, that leads on to the date.
      if (field === code && date.value.trim() === "") { event.preventDefault(); date.focus(); }
    });
  }
  form.addEventListener("submit", (event) => {
    if (sent) { event.preventDefault(); return; }
    sent = true;
    plain(code);
    plain(date);
  });
  // Coming back by the browser's history shows the form as it was sent: it may be sent again.
  window.addEventListener("pageshow", () => { sent = false; });
})();
