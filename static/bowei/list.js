// htmx narrows, sorts and turns a page's list (#list) in place; the page draws it as for a whole load. Here it is
// said that rows are on their way, that they are there, or that they did not come.
(() => {
  const part = (id) => document.getElementById(id);
  const say = (text) => { part("announce").textContent = text; };
  const patience = 150;
  let waiting = 0, inside = false;

  document.addEventListener("htmx:beforeRequest", () => {
    part("list").ariaBusy = "true";
    part("trouble").hidden = true;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      part("busy").hidden = false;
      say(part("busy").textContent);
    }, patience);
  });

  document.addEventListener("htmx:beforeSwap", () => {
    inside = part("list").contains(document.activeElement);
  });

  document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    const list = part("list"), came = xhr.status >= 200 && xhr.status < 400;
    clearTimeout(waiting);
    list.ariaBusy = null;
    part("busy").hidden = true;
    part("trouble").hidden = came;
    if (!came) return;
    // htmx finds the place again by its id; the last page has no "next" to return to.
    if (inside && document.activeElement === document.body) list.focus({ preventScroll: true });
    say(list.querySelector(".pager span, .empty h2")?.textContent ?? "");
  });

  // Back and forward ask again: a list is never kept in the browser, and the filters come with it.
  document.addEventListener("htmx:historyCacheMiss", (event) => {
    event.preventDefault();
    htmx.ajax("GET", event.detail.path,
      { source: "body", target: "#main", select: "#main > *", swap: "innerHTML" });
  });

  // What live.js put in place is htmx's too.
  document.addEventListener("live:refreshed", () => htmx.process(part("main")));
})();
