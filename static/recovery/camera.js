// Photographs by the phone's camera, in the page: small, without where they were taken, surely new.
// Where the page is given no camera the phone's own takes them, by the field for a file.
const MOST_PX = 1600, QUALITY = 0.85;
const camera = document.getElementById("camera");

function shrunk(picture, width, height) {
  const scale = Math.min(1, MOST_PX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}

function chosen(field) {
  return new Promise((done) => {
    field.value = "";
    field.addEventListener("change", () => done(field.files[0] ?? null), { once: true });
    field.addEventListener("cancel", () => done(null), { once: true });
    field.click();
  });
}

// What the file holds; as it is where this browser can't open it: the platform says why.
async function ofFile(field) {
  const file = await chosen(field);
  const bitmap = file && (await createImageBitmap(file).catch(() => null));
  return bitmap ? shrunk(bitmap, bitmap.width, bitmap.height) : file;
}

function ofStream(stream) {
  const video = camera.querySelector("video");
  video.srcObject = stream;
  camera.showModal();
  return new Promise((done) => {
    const end = async (take) => {
      const taken = take && video.videoWidth ? await shrunk(video, video.videoWidth, video.videoHeight) : null;
      for (const track of stream.getTracks()) track.stop();
      camera.close();
      done(taken);
    };
    camera.querySelector("[data-take]").onclick = () => end(true);
    camera.querySelector("[data-cancel]").onclick = () => end(false);
    camera.oncancel = () => end(false);
  });
}

// A photograph (JPEG), or null where the person thought better of it.
async function takePhotograph(field) {
  const wanted = { video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } } };
  const stream = await navigator.mediaDevices?.getUserMedia(wanted).catch(() => null);
  return stream ? ofStream(stream) : ofFile(field);
}

// The plate of the vehicle in front of one, into the field for it.
const reading = document.getElementById("reading");
const plain = reading.querySelector(".plain"), shoot = reading.querySelector("[data-camera]");
const says = document.getElementById("read"), others = document.getElementById("perhaps");
const typed = document.querySelector("#look-up [name=plate]");

function offer(plates) {
  others.replaceChildren(...plates.slice(1).map(({ text, percent }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = `${text} · ${percent} %`;
    button.addEventListener("click", () => { typed.value = text; });
    return button;
  }));
  if (!plates.length) { typed.focus(); return; }
  typed.value = plates[0].text;
  document.querySelector("#look-up button").focus();
}

function tell(text) {
  says.textContent = text;
  says.hidden = !text;
}

async function readPlate() {
  const taken = await takePhotograph(reading.elements.photograph);
  if (!taken) return;
  const sent = new FormData();
  sent.append("photograph", taken, "plate.jpg");
  sent.append("csrfmiddlewaretoken", reading.elements.csrfmiddlewaretoken.value);
  tell(reading.dataset.wait);
  others.replaceChildren();
  shoot.disabled = true;
  try {
    const answer = await fetch(reading.action, { method: "POST", body: sent, headers: { Accept: "application/json" } });
    const said = await answer.json();
    tell(answer.ok ? said.text : said.title);
    offer(answer.ok ? said.plates : []);
  } catch {
    tell(reading.dataset.away);
    typed.focus();
  } finally {
    shoot.disabled = false;
  }
}

plain.hidden = true;
shoot.hidden = false;
shoot.addEventListener("click", readPlate);
