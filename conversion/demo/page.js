"use strict";
// The server keeps the photo and the models' logits; this page asks for the cards anew whenever something changes.
const MOST_BYTES = 40 * 2 ** 20;
const element = (id) => document.getElementById(id);
const controls = element("controls");
const picker = document.querySelector(".drop input");
let photo = null;
let name = "";
let asking = new AbortController();

function showFault(message) {
  element("fault").textContent = message;
  element("fault").hidden = !message;
}

async function post(path, body, signal) {
  const response = await fetch(path, { method: "POST", body, signal });
  if (!response.ok) throw new Error(await response.text());
  return response;
}

// What was asked before and is not answered yet no longer matters.
async function ask(work) {
  asking.abort();
  const mine = (asking = new AbortController());
  element("cards").classList.add("busy");
  showFault("");
  try {
    await work(mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    element("cards").replaceChildren();
    showFault(error instanceof TypeError ? "The command that serves this page has ended." : error.message);
  }
  if (mine === asking) element("cards").classList.remove("busy");
}

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}

async function showCards(signal) {
  if (photo === null) return;
  const form = new FormData(controls);
  const asked = {
    photo,
    artefacts: form.getAll("artefacts"),
    effect: form.get("effect"),
    background: form.get("background"),
    foreground: form.getAll("foreground"),
    threshold: Number(form.get("threshold") ?? 0),
    opening: Number(form.get("opening") ?? 1),
    magnification: Number(form.get("magnification")),
  };
  for await (const line of lines(await post("cards", JSON.stringify(asked), signal))) {
    const { html, fault } = JSON.parse(line);
    if (fault) throw new Error(fault);
    element("cards").innerHTML = html;
  }
}

function open(path, body, preview, called) {
  photo = null;
  name = called;
  element("shown").src = preview;
  element("shown").hidden = false;
  element("cards").replaceChildren();
  return ask(async (signal) => {
    const answer = await (await post(path, body, signal)).json();
    if (answer.fault) throw new Error(`${name}: ${answer.fault}`);
    photo = answer.photo;
    await showCards(signal);
  });
}

function openFile(file) {
  if (!file) return;
  if (file.size > MOST_BYTES) {
    photo = null;
    element("cards").replaceChildren();
    showFault(`${file.name} has more than ${MOST_BYTES / 2 ** 20} MB; shrink it`);
    return;
  }
  if (element("shown").src.startsWith("blob:")) URL.revokeObjectURL(element("shown").src);
  open("photos", file, URL.createObjectURL(file), file.name);
}

function openExample(button) {
  open(`examples/${button.dataset.example}`, null, button.querySelector("img").src, "this held-out photo");
}

function showValues() {
  for (const range of controls.querySelectorAll("input[type=range]")) range.previousElementSibling.value = range.value;
  element("background").hidden = new FormData(controls).get("effect") !== "background";
}

async function openCamera() {
  const dialog = element("viewfinder");
  const video = dialog.querySelector("video");
  showFault("");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
  } catch (error) {
    showFault(`The camera cannot be used (${error.message})`);
    return;
  }
  dialog.showModal();
  await video.play();
}

function takePhoto() {
  const video = element("viewfinder").querySelector("video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => openFile(new File([blob], "the camera's photo")), "image/png");
  element("viewfinder").close();
}

element("viewfinder").addEventListener("close", () => {
  const video = element("viewfinder").querySelector("video");
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
});
element("viewfinder").addEventListener("click", ({ target }) => {
  if (target.value === "take") takePhoto();
  if (target.value === "close") element("viewfinder").close();
});
element("camera").addEventListener("click", openCamera);
picker.addEventListener("change", () => {
  openFile(picker.files[0]);
  // So that choosing the same file again is a change.
  picker.value = "";
});
document.addEventListener("paste", (event) => openFile(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  openFile(event.dataTransfer.files[0]);
});
for (const button of document.querySelectorAll("[data-example]")) button.addEventListener("click", () => openExample(button));
controls.addEventListener("input", showValues);
controls.addEventListener("change", () => ask(showCards));
controls.addEventListener("submit", (event) => event.preventDefault());
showValues();
document.querySelector("[data-example]")?.click();
