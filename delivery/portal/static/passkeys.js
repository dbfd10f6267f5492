// Has the browser make or use a passkey, puts its answer into the form of the button, and sends that form.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  const text = (buffer) => btoa(Array.from(new Uint8Array(buffer), (each) => String.fromCharCode(each)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (each) => ({ ...each, id: bytes(each.id) });

  const make = async (options) => {
    const user = { ...options.user, id: bytes(options.user.id) };
    const excludeCredentials = (options.excludeCredentials ?? []).map(named);
    const publicKey = { ...options, user, excludeCredentials, challenge: bytes(options.challenge) };
    const made = await navigator.credentials.create({ publicKey });
    return { made, response: { attestationObject: text(made.response.attestationObject) } };
  };

  const use = async (options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge) };
    delete publicKey.allowCredentials; // none is named: the device offers what it holds
    const made = await navigator.credentials.get({ publicKey });
    const { authenticatorData, signature, userHandle } = made.response;
    const response = { authenticatorData: text(authenticatorData), signature: text(signature) };
    return { made, response: userHandle ? { ...response, userHandle: text(userHandle) } : response };
  };

  const challenge = async (button) => {
    const body = new URLSearchParams({ csrf: button.form.elements.csrf.value, alone: button.dataset.alone ?? "" });
    const answer = await fetch(button.dataset.challenge, { method: "POST", body, redirect: "error" });
    if (!answer.ok) throw new DOMException("", answer.status === 403 ? "Expired" : "NetworkError");
    return answer.json();
  };

  const act = async (button) => {
    const options = button.dataset.challenge ? await challenge(button) : JSON.parse(button.dataset.options);
    const { made, response } = await (button.dataset.challenge ? use(options) : make(options));
    const answer = { id: made.id, rawId: text(made.rawId), type: made.type, response };
    answer.response.clientDataJSON = text(made.response.clientDataJSON);
    button.form.elements.passkey.value = JSON.stringify(answer);
    button.form.submit();
  };

  const press = async (button) => {
    const told = document.getElementById(button.dataset.told);
    told.hidden = true;
    if (!button.form.reportValidity()) return;
    button.disabled = true;
    try {
      await act(button);
    } catch (error) {
      told.textContent = told.dataset[{ InvalidStateError: "known", Expired: "expired" }[error.name] ?? "failed"];
      told.hidden = false;
      button.disabled = false;
    }
  };

  // What needs passkeys is shown where they can be used: by a browser that has them, under the right address.
  const origin = document.querySelector("[data-passkeys-of]")?.dataset.passkeysOf;
  if (!window.PublicKeyCredential || location.origin !== origin) return;
  for (const each of document.querySelectorAll("[data-with-passkeys]")) each.hidden = false;
  for (const each of document.querySelectorAll("[data-without-passkeys]")) each.hidden = true;
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    button.addEventListener("click", () => press(button));
  }
  // Coming back by the browser's history shows the form as it was sent: it may be sent again.
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[data-passkey]")) button.disabled = false;
  });
})();
