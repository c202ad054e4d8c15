// Keeps parts of a page right. An element with {% live topic %} and an id is fetched again, from data-live-src or this page, whenever the server hints that something changed, after every
// reconnection, when the page is looked at again, and slowly in between. Hints carry no truth:
// what is shown always comes from asking.
(() => {
  const parts = [...document.querySelectorAll("[data-live][id]")];
  if (!parts.length) return;
  const say = document.getElementById("announce");
  const slowly = 30_000;
  let asking = null, again = false, opening = 0; // several sockets open together: asked once

  async function refresh() {
    if (asking) { again = true; return; }
    asking = (async () => {
      const here = location.href;
      const sources = new Map();
      for (const part of parts) {
        const src = part.dataset.liveSrc || here;
        if (!sources.has(src)) sources.set(src, []);
        sources.get(src).push(part.id);
      }
      for (const [src, ids] of sources) {
        const answer = await fetch(src, { headers: { Accept: "text/html", "X-Bowei-Unasked": "1" }, credentials: "same-origin" });
        if (!answer.ok) continue;
        if (answer.redirected && src === here) { location.assign(answer.url); return; }
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (location.href !== here) { again = true; return; } // the list was narrowed meanwhile
        for (const id of ids) put(document.getElementById(id), fresh.getElementById(id));
      }
      document.dispatchEvent(new CustomEvent("live:refreshed"));
    })().catch(() => {}).finally(() => {
      asking = null;
      if (again) { again = false; refresh(); }
    });
  }

  function put(old, fresh) {
    if (!old || !fresh) return;
    const was = told(old), now = told(fresh);
    if (old.innerHTML === fresh.innerHTML) return;
    // Nobody loses the place they are at, a half-written field, rows on their way or an opened detail.
    if (old.ariaBusy === "true" || old.querySelector("input:focus, textarea:focus, select:focus")) return;
    const focus = old.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...old.querySelectorAll("details[id][open]")].map((d) => d.id);
    old.replaceChildren(...fresh.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    const place = focus && document.getElementById(focus);
    if (place) {
      if (place.tabIndex < 0) place.setAttribute("tabindex", "-1");
      place.focus({ preventScroll: true });
    }
    const news = [...now.keys()].filter((k) => was.get(k) !== now.get(k)).map((k) => now.get(k));
    if (say && news.length) say.textContent = news.slice(0, 3).join(". ");
  }

  function told(part) {
    return new Map([...part.querySelectorAll("[data-say]")].map((e, i) => [e.id || i, e.dataset.say]));
  }

  // One socket for each topic; a page seldom has more than one.
  function connect(topic, wait = 500) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live/${topic}`);
    socket.onopen = () => { wait = 500; clearTimeout(opening); opening = setTimeout(refresh, 100); };
    socket.onmessage = () => refresh();
    socket.onclose = (event) => {
      if (event.code === 4403) return; // the page is older than a day: asking slowly goes on
      setTimeout(connect, wait * (0.5 + Math.random()), topic, Math.min(wait * 2, slowly));
    };
  }

  for (const topic of new Set(parts.map((part) => part.dataset.live))) connect(topic);
  setInterval(() => document.hidden || refresh(), slowly);
  document.addEventListener("live:ask", refresh);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
})();
