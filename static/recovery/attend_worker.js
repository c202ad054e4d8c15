// Keeps the attendant's page for where no network is: the newest one that came, and what it needs.
// PAGE and NEEDED stand before this (recovery/attend_pages.py).
const KEPT = "attend";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(NEEDED)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function newest(request) {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    const isPage = new URL(answer.url).pathname === PAGE;
    if (answer.ok && isPage && !answer.redirected) await kept.put(PAGE, answer.clone());
    return answer;
  } catch (away) {
    const page = await kept.match(PAGE);
    if (page) return page;
    throw away;
  }
}

async function known(request) {
  return (await (await caches.open(KEPT)).match(request)) || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(newest(request));
  else if (NEEDED.includes(new URL(request.url).pathname)) event.respondWith(known(request));
});
