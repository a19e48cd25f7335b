// The page of an exploration: sliders choose a fit, which is shown with its units and the terms of its loss.
// What the data hold is declared in exploration.py.

const sliders = report.axes.map((_, i) => byId(`axis-${i}`));
const buttons = [...document.querySelectorAll("[data-cell]")];
/** Numbers of the values of a fit on all sliders, from its number, in which the last slider counts least. */
const placesIn = (number) => report.axes.reduceRight(([places, rest], { values }) => [[rest % values.length, ...places], Math.floor(rest / values.length)], [[], number])[0];
const numberOf = (places) => places.reduce((number, place, i) => number * report.axes[i].values.length + place, 0);
const usual = report.cells[report.first].view;
let current = -1;

// The figure: one canvas for each unit, painted again for each fit.

const canvases = Array.from({ length: usual.shape[0] }, (_, unit) => el("canvas", { role: "img", "aria-label": `Unit ${unit}` }));

function drawFigure(cell) {
  const dead = new Set(cell.dead);
  canvases.forEach((canvas, unit) => {
    canvas.classList.toggle("dead", dead.has(unit));
    canvas.setAttribute("aria-label", `Unit ${unit}${dead.has(unit) ? ", dead" : ""}`);
    paint(canvas, cell.view, unit, { places: placesOf(cell.view) });
  });
}

/** The terms of the loss as bars, all on the scale of the greatest loss, and what else was measured. */
function drawTerms(cell) {
  const greatest = Math.max(...report.cells.map((one) => one?.loss ?? 0));
  const bar = (name, kind, value) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, short(value)), el("td", { className: "room" }, svgBar(kind, value / greatest)));
  const fact = (name, value) => [el("dt", {}, name), el("dd", {}, value)];
  byId("terms").replaceChildren(
    el("table", { className: "terms" }, el("tbody", {},
      bar("reconstruction", "reconstruction", cell.reconstruction), bar("weight decay", "weight_decay", cell.weight_decay),
      bar("sparsity", "sparsity", cell.sparsity), bar("loss", "loss", cell.loss))),
    el("dl", { className: "facts" },
      ...fact("average activation ρ̂", cell.target === null ? short(cell.average) : `${short(cell.average)}, target ${short(cell.target)}`),
      ...fact("variance that 1, 2 and 4 units reconstruct, on average", percent(cell.score)),
      ...fact("variance that all units reconstruct", percent(cell.explained)),
      ...fact("sparseness (Hoyer)", cell.hoyer.toFixed(2)),
      ...fact("dead units", `${cell.dead.length.toLocaleString("en")} of ${report.units.toLocaleString("en")}`)));
}

const percent = (share) => `${Math.round(100 * share)}%`;

function svgBar(kind, share) {
  const bar = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  bar.append(svg("rect", { class: `term ${kind}`, x: 0, y: 0, width: Math.max(100 * share, 0.3), height: 10 }));
  return bar;
}

/** A command whose options are not cut where a line ends; code as it is. */
function whole(text) {
  if (text.includes("\n")) return [text];
  return text.split(/ (?=--)/).flatMap((part, i) => [i ? " " : "", el("span", { className: "whole" }, part)]);
}

function show(number) {
  current = number;
  const places = placesIn(number), cell = report.cells[number];
  report.axes.forEach(({ values, symbol }, i) => {
    sliders[i].value = places[i];
    sliders[i].setAttribute("aria-valuetext", `${symbol} = ${values[places[i]]}`);
    byId(`value-${i}`).textContent = values[places[i]];
  });
  for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.cell) === number));
  byId("verdict").textContent = cell ? cell.verdict : "This fit was not run: it was interrupted before.";
  byId("fit").hidden = byId("legend").hidden = !cell;
  if (!cell) return;
  drawFigure(cell);
  drawTerms(cell);
  byId("again").replaceChildren(...whole(cell.again));
}

// All fits, each with a small picture of its first units.

function mosaic({ view, dead }) {
  const isImage = view.kind === "image", side = isImage ? 10 : 2;
  const wide = isImage ? Math.min(view.shape[2], 10) : 54, high = isImage ? Math.max(Math.round((wide * view.shape[1]) / view.shape[2]), 2) : 36;
  const count = Math.min(view.shape[0], side * side);
  const canvas = el("canvas", { className: isImage ? "" : "smooth", width: side * (wide + 1), height: Math.ceil(count / side) * (high + 1), "aria-hidden": "true" });
  const unit = el("canvas"), context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  byId("turn").append(unit); // what is drawn takes its color from the page
  for (let i = 0; i < count; i++) {
    paint(unit, view, i);
    context.globalAlpha = dead.includes(i) ? 0.25 : 1;
    context.drawImage(unit, (i % side) * (wide + 1), Math.floor(i / side) * (high + 1), wide, high);
  }
  unit.remove();
  return canvas;
}

function drawMaps() {
  for (const button of buttons) {
    const cell = report.cells[button.dataset.cell];
    button.querySelector("canvas")?.remove();
    if (cell) button.prepend(mosaic(cell));
  }
}

byId("sliders").addEventListener("input", () => show(numberOf(sliders.map((slider) => Number(slider.value)))));
byId("sliders").addEventListener("submit", (event) => event.preventDefault());
for (const button of buttons) {
  button.addEventListener("click", () => {
    show(Number(button.dataset.cell));
    byId("turn").scrollIntoView({ block: "nearest" });
  });
}
const few = usual.shape[0] < report.units ? ` The first ${usual.shape[0].toLocaleString("en")} of ${report.units.toLocaleString("en")} units are shown.` : "";
byId("legend").textContent = `${legendOf(usual)} Dead units are pale.${few}`;
byId("figure").append(...canvases);
byId("figure").classList.toggle("curves", usual.kind !== "image");
byId("turn").hidden = false;
setTheme(remembered() ?? (system.matches ? "dark" : "light"));
drawMaps();
show(report.first);
new MutationObserver(() => {
  drawMaps();
  show(current);
}).observe(document.documentElement, { attributeFilter: ["data-theme"] });
