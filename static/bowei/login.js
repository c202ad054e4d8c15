// Logging in: passkeys, a look at what was typed, how long a new password is. Codes and passwords work without.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  function read({ publicKey: key }) {
    key.challenge = bytes(key.challenge);
    if (key.user) key.user.id = bytes(key.user.id);
    for (const one of key.allowCredentials ?? key.excludeCredentials ?? []) one.id = bytes(one.id);
    return { publicKey: key };
  }

  function told(made) {
    const said = { id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {}, response: {} };
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[name]) said.response[name] = text(made.response[name]);
    }
    return JSON.stringify(said);
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    form.hidden = false;
    const answer = form.elements[form.dataset.field], trouble = form.querySelector(".error");
    form.addEventListener("submit", async (event) => {
      if (answer.value) return;
      event.preventDefault();
      event.stopPropagation();
      trouble.hidden = true;
      try {
        answer.value = told(await navigator.credentials[form.dataset.passkey](read(JSON.parse(form.dataset.options))));
      } catch {
        trouble.hidden = false;
        return;
      }
      form.requestSubmit();
    });
  }

  for (const button of document.querySelectorAll("button[data-show]")) {
    const field = document.getElementById(button.dataset.show), show = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => {
      field.type = field.type === "password" ? "text" : "password";
      button.textContent = field.type === "password" ? show : button.dataset.hide;
    });
  }

  for (const field of document.querySelectorAll("input[data-strength]")) {
    const says = document.getElementById(field.dataset.strength);
    field.addEventListener("input", () => {
      const length = [...field.value].length, kinds = new Set(field.value).size;
      const how = length < 12 ? "short" : length < 16 || kinds < 8 ? "fair" : "good";
      says.textContent = length ? says.dataset[how] : "";
    });
  }
})();
