"use strict";
// The list on disk, line by line with the photo that each drops, and what was chosen otherwise on this page.
const { key, head, lines } = JSON.parse(document.getElementById("list").textContent);
const listed = new Set(lines.map(([, name]) => name).filter((name) => name !== null));
const cards = [...document.querySelectorAll("figure[data-name]")];
const names = new Set(cards.map((card) => card.dataset.name));
const chosen = new Map(remembered());
const element = (id) => document.getElementById(id);

function remembered() {
  // A browser may refuse to remember, or remember what another version of this page wrote.
  try {
    return JSON.parse(localStorage.getItem(key)).filter(([name, drop]) => names.has(name) && drop !== listed.has(name));
  } catch {
    return [];
  }
}

function remember() {
  try {
    localStorage.setItem(key, JSON.stringify([...chosen]));
  } catch {
    element("unremembered").hidden = false;
  }
}

function isDropped(name) {
  return chosen.has(name) ? chosen.get(name) : listed.has(name);
}

function choose(name, drop) {
  if (drop === listed.has(name)) chosen.delete(name);
  else chosen.set(name, drop);
}

function text() {
  const kept = lines.filter(([, name]) => name === null || isDropped(name)).map(([line]) => line);
  const added = cards.filter((card) => chosen.get(card.dataset.name)).map((card) => card.dataset.line);
  return [...(lines.length ? [] : [head]), ...kept, ...added, ""].join("\n");
}

function show() {
  for (const card of cards) {
    const drop = isDropped(card.dataset.name);
    card.classList.toggle("dropped", drop);
    const button = card.querySelector("button");
    button.textContent = drop ? "Dropped" : "Drop";
    button.setAttribute("aria-pressed", String(drop));
  }
  const every = new Set([...listed, ...cards.map((card) => card.dataset.name)]);
  const count = [...every].filter(isDropped).length;
  element("count").textContent = `${count} dropped`;
  element("changed").textContent = chosen.size ? `, ${chosen.size} unsaved change${chosen.size > 1 ? "s" : ""}` : "";
  element("again").disabled = !chosen.size;
  element("text").value = text();
}

function changed() {
  remember();
  show();
}

for (const card of cards) {
  const name = card.dataset.name;
  card.querySelector("button").addEventListener("click", () => {
    choose(name, !isDropped(name));
    changed();
  });
}

element("above").addEventListener("submit", (event) => {
  event.preventDefault();
  const limit = element("limit").valueAsNumber;
  for (const card of cards) if (Number(card.dataset.suspicion) > limit) choose(card.dataset.name, true);
  changed();
});

element("again").addEventListener("click", () => {
  chosen.clear();
  changed();
});

element("download").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text()], { type: "text/plain" }));
  link.download = "dropped.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

element("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(text());
  } catch {
    // Pages from disk may not reach the clipboard everywhere; the older way needs the text to be visible.
    element("list-text").open = true;
    element("text").select();
    document.execCommand("copy");
  }
  element("copy").textContent = "Copied";
  setTimeout(() => (element("copy").textContent = "Copy list"), 1500);
});

show();
element("tools").hidden = false;
