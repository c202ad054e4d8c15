// What an attendant does on this page waits in this phone, in order, and arrives once: each act keeps
// its own key and photograph, and goes only after the one before it was answered.
const queue = document.getElementById("queue");
const { person, acts: address, worker, page } = queue.dataset;
const AGAIN_MS = 15000;
const MOST_ACTS = 200, MOST_BYTES = 80 * 1024 * 1024; // that wait in the phone
const at = (id) => document.getElementById(id);

function opened() {
  return new Promise((done, failed) => {
    const asked = indexedDB.open("attend", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("acts", { keyPath: "number", autoIncrement: true });
      asked.result.createObjectStore("answers", { keyPath: "id" });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

const base = opened();

// One transaction over both shelves; `work` says what is asked, the promise ends when it is on disk.
async function within(mode, work) {
  const open = await base;
  return new Promise((done, failed) => {
    const transaction = open.transaction(["acts", "answers"], mode, { durability: "strict" });
    const asked = work(transaction.objectStore("acts"), transaction.objectStore("answers"));
    transaction.oncomplete = () => done(asked?.result);
    transaction.onabort = transaction.onerror = () => failed(transaction.error);
  });
}

const mine = (rows) => rows.filter((one) => one.person === person);
const waiting = async () => mine(await within("readonly", (acts) => acts.getAll()));
const answers = async () => mine(await within("readonly", (_acts, told) => told.getAll()));

async function show() {
  const left = (await waiting()).length;
  at("count").textContent = left;
  at("waiting").hidden = !left;
  at("away").hidden = navigator.onLine;
  const rows = (await answers()).sort((one, other) => one.at_ms - other.at_ms);
  at("refused").replaceChildren(...rows.map(shown));
}

function shown(one) {
  const row = at("refusal").content.cloneNode(true);
  row.querySelector(".about").textContent = one.about;
  const when = new Date(one.at_ms);
  const time = row.querySelector("time");
  time.dateTime = when.toISOString();
  time.textContent = when.toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
  row.querySelector(".why").textContent = one.text;
  row.querySelector("button").addEventListener("click", async () => {
    await within("readwrite", (_acts, told) => told.delete(one.id));
    show();
  });
  return row;
}

const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

// A page that was kept has an old token: a fresh one stands on a fresh page.
async function renew() {
  const fresh = await fetch(page, { redirect: "manual", cache: "no-store" });
  if (!fresh.ok) return false;
  const read = new DOMParser().parseFromString(await fresh.text(), "text/html");
  const found = read.querySelector("[name=csrfmiddlewaretoken]");
  if (found) for (const one of document.querySelectorAll("[name=csrfmiddlewaretoken]")) one.value = found.value;
  return read.getElementById("queue")?.dataset.person === person;
}

function send({ id, at_ms, fields, photograph }) {
  const body = new FormData();
  for (const [name, value] of fields) body.append(name, value);
  if (photograph) body.append("photograph", photograph, "photograph.jpg");
  for (const [name, value] of Object.entries({ id, at_ms, sent_ms: Date.now() })) body.append(name, value);
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  return fetch(address, { method: "POST", redirect: "manual", headers, body });
}

// What became of it; null where it has to wait: no network, a busy or failing platform, no log-in.
async function answer(act) {
  let told = await send(act);
  const isProblem = () => (told.headers.get("Content-Type") || "").includes("json");
  if (told.status === 403 && !isProblem() && (await renew())) told = await send(act);
  if (told.type === "opaqueredirect" || told.status === 401 || (told.status === 403 && !isProblem())) {
    at("log-in").hidden = false;
    return null;
  }
  if (told.status === 429 || told.status >= 500 || !isProblem()) return null;
  at("log-in").hidden = true;
  const said = await told.json();
  return told.ok ? { text: said.text, over: !said.rest } : { text: said.title, over: false };
}

async function empty() {
  for (const act of await waiting()) {
    const told = await answer(act);
    if (told === null) return;
    await within("readwrite", (acts, shelf) => {
      acts.delete(act.number);
      if (!told.over) shelf.put({ ...act, photograph: null, text: told.text });
    });
    if (told.over) {
      at("sent").textContent = `${act.about}: ${told.text}`;
      at("sent").hidden = false;
    }
    await show();
  }
}

// One at a time, also over several open pages.
const flush = () =>
  navigator.locks.request("attend", { ifAvailable: true }, (lock) => (lock ? empty() : null)).catch(() => null);

async function isFull(more) {
  const acts = await waiting();
  const bytes = acts.reduce((sum, one) => sum + (one.photograph?.size ?? 0), more?.size ?? 0);
  return acts.length >= MOST_ACTS || bytes > MOST_BYTES;
}

// What the form says, with the photograph that it asks for and where the phone said it is.
async function noted(form) {
  const field = form.elements.photograph;
  const photograph = field ? await takePhotograph(field) : null;
  if (field && !photograph) return;
  const fields = [...new FormData(form)].filter(([name]) => name !== "photograph" && name !== "csrfmiddlewaretoken");
  if (here && Date.now() - here.at_ms < 120000) {
    fields.push(["latitude", here.latitude], ["longitude", here.longitude]);
  }
  const typed = ["plate", "amount", "berth"].map((name) => form.elements[name]?.value.trim()).filter(Boolean);
  const about = [form.dataset.about, ...typed].join(" · ");
  at("full").hidden = !(await isFull(photograph));
  if (!at("full").hidden) { at("full").scrollIntoView(); return; }
  await within("readwrite", (acts) =>
    acts.add({ id: crypto.randomUUID(), person, about, fields, photograph, at_ms: Date.now() }),
  );
  form.reset();
  await show();
  await flush();
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  event.stopPropagation();
  noted(form);
}, true);

// Photographs come by the camera; the field for a file is for where no JavaScript is.
function ready() {
  for (const plain of document.querySelectorAll("form[data-act] .plain")) {
    plain.hidden = true;
    plain.querySelector("input").required = false;
  }
  sort();
}

// Nearest first, where the phone says where it is: asked for by a touch, and not kept.
let here = null;
const RADIUS_M = 6371000, rad = (degrees) => (degrees * Math.PI) / 180;
function metres({ dataset: { latitude, longitude } }) {
  if (latitude === undefined) return Infinity;
  const x = rad(longitude - here.longitude) * Math.cos(rad((Number(latitude) + here.latitude) / 2));
  return Math.hypot(x, rad(latitude - here.latitude)) * RADIUS_M;
}

function sort() {
  if (!here) return;
  for (const list of document.querySelectorAll("[data-nearness]")) {
    const rows = [...list.children].map((row) => [metres(row), row]);
    rows.sort(([one], [other]) => (one === other ? 0 : one - other));
    list.replaceChildren(...rows.map(([, row]) => row));
  }
}

at("near").hidden = !navigator.geolocation;
at("near").addEventListener("click", () => {
  const found = ({ coords: { latitude, longitude } }) => {
    here = { latitude, longitude, at_ms: Date.now() };
    sort();
  };
  const lost = () => { at("near").textContent = at("near").dataset.away; };
  navigator.geolocation.getCurrentPosition(found, lost, { enableHighAccuracy: true, timeout: 10000 });
});
document.addEventListener("live:refreshed", ready);

at("look-up").addEventListener("submit", (event) => {
  if (navigator.onLine) return;
  event.preventDefault();
  at("note").open = true;
  const { plate, amount } = at("note").querySelector("form").elements;
  plate.value = event.target.elements.plate.value;
  amount.focus();
});

queue.hidden = false;
ready();
show().then(flush);
setInterval(flush, AGAIN_MS);
addEventListener("online", () => show().then(flush));
addEventListener("offline", show);
navigator.serviceWorker?.register(worker, { scope: page });
navigator.storage?.persist?.();
