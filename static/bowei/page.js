// Small comforts; every page works without them.
(() => {
  // A form is sent once, however often the button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post") {
      form.dataset.sent = "1";
      for (const b of form.querySelectorAll("button:not([name])")) b.setAttribute("aria-disabled", "true");
    }
  });
  // Coming back by the back button: the form may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const b of form.querySelectorAll("[aria-disabled]")) b.removeAttribute("aria-disabled");
    }
  });
  // What a worker keeps of a person's page goes when they log out or another logs in.
  const forget = () => globalThis.caches?.delete("persons-page");
  if (document.querySelector("form[data-log-in]")) forget();
  document.addEventListener("submit", ({ target }) => { if (target.matches("[data-log-out]")) forget(); });
  // A queue's links are pressed by their keys while nobody types.
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
  });
  // A photograph that is still being prepared is asked for again, a minute long.
  const prepared = async (img, tries) => {
    const answer = await fetch(img.src, { method: "HEAD" }).catch(() => null);
    if (answer?.status === 200) img.src += "#ready";
    else if (answer?.status === 202 && tries) setTimeout(prepared, 3000, img, tries - 1);
  };
  document.addEventListener("load", ({ target }) => {
    if (target.matches?.(".evidence img, .look img, .photo img") && !target.src.endsWith("#ready")) prepared(target, 20);
  }, true);
  // The summary of errors is where a reader must be first.
  document.querySelector(".errors")?.focus();
  document.querySelector(".side [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
})();
