// Names, stars and notes that a reader gives to units: kept by the browser, if it may, and in files.

const KEPT = `rhohat-notes-${report.model}`;
const NOTHING = { name: "", star: false, note: "" };
const notes = new Map();
let isStale = false; // whether the gallery shows what was said before
const noteOf = (unit, layer = found) => notes.get(`${layer.number}-${unit}`) ?? NOTHING;

/** What notes say of a unit, to be searched. */
const saidOf = (unit) => `${noteOf(unit).name}\n${noteOf(unit).note}`.toLowerCase();

/** The units with notes, as files and the browser hold them. */
const asList = () => [...notes].map(([key, said]) => {
  const [layer, unit] = key.split("-").map(Number);
  return { layer: layer + 1, unit, ...said };
});

/** Whether the browser has kept the notes. */
function keepNotes() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(asList()));
    return true;
  } catch {
    return false; // pages from disk may not be allowed to
  }
}

/** Take over notes; how many. What is not about a unit of this model, or not of the right kind, is left out. */
function takeNotes(list) {
  let n = 0;
  for (const said of Array.isArray(list) ? list : []) {
    const isAbout = layers[said?.layer - 1]?.all[said.unit] !== undefined;
    const isRight = isAbout && Object.keys(NOTHING).every((name) => typeof said[name] === typeof NOTHING[name]);
    if (!isRight) continue;
    notes.set(`${said.layer - 1}-${said.unit}`, { name: said.name, star: said.star, note: said.note });
    n++;
  }
  return n;
}

/** Change what is said of a unit. */
function sayOf(unit, change) {
  const key = `${found.number}-${unit}`, said = { ...noteOf(unit), ...change };
  if (said.name || said.star || said.note) notes.set(key, said);
  else notes.delete(key);
  const isKept = keepNotes();
  for (const warning of document.querySelectorAll(".unkept")) warning.hidden = isKept;
  isStale = true;
}

function starButton(unit) {
  const button = el("button", { type: "button", className: "star" });
  const show = () => {
    const { star } = noteOf(unit);
    button.textContent = star ? "★" : "☆";
    button.setAttribute("aria-pressed", String(star));
    button.setAttribute("aria-label", "Star");
  };
  button.addEventListener("click", () => {
    sayOf(unit, { star: !noteOf(unit).star });
    show();
  });
  show();
  return button;
}

function nameField(unit) {
  const field = el("input", { type: "text", className: "name", placeholder: "Name it", maxLength: 80, autocomplete: "off", value: noteOf(unit).name });
  field.setAttribute("aria-label", `Name of unit ${unit}`);
  field.addEventListener("input", () => {
    sayOf(unit, { name: field.value.trim() });
    byId("unit-heading").textContent = called(unit);
    tellTitle(called(unit));
  });
  return field;
}

function noteCard(unit) {
  const field = el("textarea", { rows: 3, placeholder: "What does it look for?", value: noteOf(unit).note });
  field.setAttribute("aria-label", `Note on unit ${unit}`);
  field.addEventListener("input", () => sayOf(unit, { note: field.value }));
  const unkept = el("p", { className: "unkept", hidden: true }, "This browser keeps nothing for pages from disk: save names and notes as a file, by the gallery’s “Save” menu.");
  const node = card("Your note", note("The name, star and note stay in this browser; the gallery’s “Save” menu writes them to a file and reads them back."), field, unkept);
  node.classList.add("note");
  return node;
}

function exportNotes() {
  const content = { format: "rhohat notes", model: report.model, title: TITLE, units: asList() };
  saveAs("notes.json", JSON.stringify(content, null, 1), "application/json");
}

/** Take over the notes of a file, and say how it went. */
async function importNotes(file) {
  let content = null;
  try {
    content = JSON.parse(await file.text());
  } catch {
    // Told below: it is not what was expected.
  }
  if (content?.format !== "rhohat notes" || !Array.isArray(content.units)) {
    return tell(`${file.name} is not a file of names and notes: choose one that was saved from this page.`);
  }
  if (content.model !== report.model) {
    return tell(`${file.name} was saved for another model, “${content.title}”, with other units: nothing was read.`);
  }
  const n = takeNotes(content.units), lost = content.units.length - n;
  keepNotes();
  applyChoices();
  return tell(`Read names and notes of ${n} unit${n === 1 ? "" : "s"}${lost ? `; skipped ${lost} for units that this model does not have` : ""}.`);
}

try {
  takeNotes(JSON.parse(localStorage.getItem(KEPT)));
} catch {
  // There are none, or they may not be kept.
}
