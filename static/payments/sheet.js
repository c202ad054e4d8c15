// Opens the sheet of the app around this page. What the app answers proves nothing and only leads
// on to a page that asks the server; a closed or failed sheet can be opened again.
(() => {
  const sheet = document.getElementById("sheet");
  const button = document.getElementById("open");
  const request = JSON.parse(sheet.dataset.request);
  let opened = false;

  function say(when) {
    for (const one of sheet.querySelectorAll("[data-when]")) one.hidden = one.dataset.when !== when;
  }

  function open() {
    if (opened) return;
    if (!window.WeixinJSBridge) { say("fail"); return; }
    opened = true;
    say("begin");
    window.WeixinJSBridge.invoke("getBrandWCPayRequest", request, (answer) => {
      opened = false;
      const said = String(answer?.err_msg ?? "");
      if (said.endsWith(":ok")) { location.assign(sheet.dataset.done); return; }
      say(said.endsWith(":cancel") ? "cancel" : "fail");
      document.dispatchEvent(new Event("live:ask"));
    });
  }

  button.addEventListener("click", open);
  if (window.WeixinJSBridge) open();
  else document.addEventListener("WeixinJSBridgeReady", open, { once: true });
})();
