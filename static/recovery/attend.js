// What an attendant notes without network waits in this phone, in order, and arrives once: each act
// keeps its own key, and goes only after the one before it was answered.
const queue = document.getElementById("queue");
const { person, acts: address, worker, page } = queue.dataset;
const AGAIN_MS = 15000;
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
  row.querySelector(".plate-text").textContent = one.plate;
  row.querySelector(".cash").textContent = `¥${one.amount}`;
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

function send(act) {
  const { id, plate, amount, at_ms } = act;
  return fetch(address, {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    body: JSON.stringify({ id, plate, amount, at_ms }),
  });
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
  return told.ok ? { text: said.text, over: !said.rest_fen } : { text: said.title, over: false };
}

async function empty() {
  for (const act of await waiting()) {
    const told = await answer(act);
    if (told === null) return;
    await within("readwrite", (acts, shelf) => {
      acts.delete(act.number);
      if (!told.over) shelf.put({ ...act, text: told.text });
    });
    if (told.over) {
      at("sent").textContent = `${act.plate}: ${told.text}`;
      at("sent").hidden = false;
    }
    await show();
  }
}

// One at a time, also over several open pages.
const flush = () =>
  navigator.locks.request("attend", { ifAvailable: true }, (lock) => (lock ? empty() : null)).catch(() => null);

at("note").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const plate = form.elements.plate.value.trim();
  const amount = form.elements.amount.value.trim();
  if (!plate || !amount) return;
  await within("readwrite", (acts) =>
    acts.add({ id: crypto.randomUUID(), person, plate, amount, at_ms: Date.now() }),
  );
  form.reset();
  form.elements.plate.focus();
  await show();
  flush();
});

at("look-up").addEventListener("submit", (event) => {
  if (navigator.onLine) return;
  event.preventDefault();
  at("note").open = true;
  const { plate, amount } = at("note").querySelector("form").elements;
  plate.value = event.target.elements.plate.value;
  amount.focus();
});

queue.hidden = false;
show().then(flush);
setInterval(flush, AGAIN_MS);
addEventListener("online", () => show().then(flush));
addEventListener("offline", show);
navigator.serviceWorker?.register(worker, { scope: page });
navigator.storage?.persist?.();
