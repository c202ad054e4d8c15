// Keeps the attendant's page for where no network is: the newest one that came, and what it needs.
// PAGE and NEEDED stand before this (recovery/attend_pages.py). The page is of who is logged in: it
// goes with the log-in, here or where one logs out or in (bowei/page.js).
const KEPT = "attend", PERSONS = "persons-page";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(NEEDED)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function newest(request) {
  const isPage = new URL(request.url).pathname === PAGE;
  try {
    const answer = await fetch(request);
    if (isPage && answer.ok) await (await caches.open(PERSONS)).put(PAGE, answer.clone());
    else if (isPage && answer.type === "opaqueredirect") await caches.delete(PERSONS);
    return answer;
  } catch (away) {
    const page = await (await caches.open(PERSONS)).match(PAGE);
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
