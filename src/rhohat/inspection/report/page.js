// The page: a gallery of units, a page for each, and the model.
// What the data hold is declared in findings.py.

/** From each unit of some pairs to its partners and their cosines. */
function partnersIn({ units, cosines }) {
  const partners = new Map();
  for (const [i, [a, b]] of units.entries()) {
    for (const [unit, other] of [[a, b], [b, a]]) partners.set(unit, [...(partners.get(unit) ?? []), [other, cosines[i]]]);
  }
  return partners;
}

/** A layer, with what is often looked up in it. */
function prepared(layer, number) {
  return {
    ...layer, number, tiles: new Map(),
    twins: partnersIn(layer.alike), partners: partnersIn(layer.opposite),
    all: Array.from({ length: layer.units }, (_, unit) => unit),
    picture: layer.views[0],
    dead: new Set(layer.activity?.dead), saturated: new Set(layer.activity?.saturated),
    averages: layer.activity?.mean ?? layer.average,
    address: (unit) => (number ? `#layer-${number + 1}-unit-${unit}` : `#unit-${unit}`),
  };
}

const layers = report.layers.map(prepared);
let found = layers[0]; // the layer that is shown
const isEdge = (unit) => found.gabor.r2[unit] >= found.gabor.edge;

/** The size at which the tiles of the largest layer fit a screen, within reason. */
function usualSize() {
  const count = Math.max(...layers.map((layer) => layer.units));
  const { kind, shape: [, height, width] } = layers[0].picture, isImage = kind === "image";
  const [least, most] = isImage ? [56, 148] : [148, 176];
  const side = Math.sqrt((0.7 * innerWidth * innerHeight) / (count * (isImage ? height / width : 1))) - 10;
  return Math.min(Math.max(4 * Math.round(side / 4), least), most);
}

// What can be chosen, if a layer has it. A new order or filter is one row. Units that an order does not hold for come last.

const SORTS = {
  unit: { name: "unit number", rising: true, exists: () => true, value: (unit) => unit },
  average: { name: "average activation", exists: () => found.averages, value: (unit) => found.averages[unit] },
  edge: { name: "edge score", exists: () => found.gabor, value: (unit) => found.gabor.r2[unit] },
  centre: { name: "center frequency", rising: true, exists: () => found.bands, value: (unit) => found.bands.centre[unit] },
  decoder: { name: "decoder norm", exists: () => found.decoder_norm, value: (unit) => found.decoder_norm[unit] },
  selectivity: { name: "selectivity for a class", exists: () => found.classes, value: (unit) => found.classes.auroc[unit] },
  class: { name: "class", rising: true, exists: () => found.classes, value: (unit) => found.classes.best[unit], told: (unit) => found.classes.names[found.classes.best[unit]] },
  likeness: { name: "likeness", rising: true, exists: () => found.likeness, value: (unit) => found.likeness[unit], told: () => "" },
  orientation: { name: "orientation", rising: true, exists: () => found.gabor, holds: isEdge, value: (unit) => orientationOf(unit, found), told: (unit) => inDegrees(orientationOf(unit, found)) },
  frequency: { name: "frequency", rising: true, exists: () => found.gabor, holds: isEdge, value: (unit) => gaborOf(unit, "frequency", found) },
  replication: { name: "replication", exists: () => found.replication, value: (unit) => found.replication[unit] },
};
const FILTERS = {
  all: { name: "all units", exists: () => true, holds: () => true },
  edges: { name: "edges", exists: () => found.gabor, holds: isEdge },
  others: { name: "not edges", exists: () => found.gabor, holds: (unit) => !isEdge(unit) },
  dead: { name: "dead", exists: () => found.activity, holds: (unit) => found.dead.has(unit) },
  saturated: { name: "saturated", exists: () => found.activity, holds: (unit) => found.saturated.has(unit) },
  alike: { name: "duplicates", exists: () => true, holds: (unit) => found.twins.has(unit) },
  starred: { name: "starred", exists: () => true, holds: (unit) => noteOf(unit).star },
  opposite: { name: "with an opposite", exists: () => found.partners.size, holds: (unit) => found.partners.has(unit) },
};
const choice = {
  sort: "unit", rising: true, filter: "all", class: "", search: "", dead_last: true,
  size: usualSize(),
  contrast: 1, map: "gray", picture: layers[0].picture.name,
};

/** Whether a text means a unit: by numbers and ranges of them, "label" and a label, or part of its name or note, or of a file's name or label. */
function isFound(unit, text) {
  const words = text.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
  return words.length === 0 || words.some((word) => {
    const range = word.match(/^(?:unit\s*)?(\d+)(?:\s*-\s*(\d+))?$/);
    if (range) return unit >= Number(range[1]) && unit <= Number(range[2] ?? range[1]);
    const label = word.match(/^label[\s:]+(.+)$/)?.[1];
    return saidOf(unit).includes(word) || (found.groups?.[0].examples[unit] ?? []).some((example) => label === undefined
      ? sourceOf(example).toLowerCase().includes(word)
      : report.examples.labels?.[example]?.toLowerCase() === label);
  });
}

/** Names of images and recordings, without the folder that all of them lie in. */
const nameOf = (() => {
  const names = report.images.map((image) => image.name);
  let common = names[0]?.slice(0, names[0].lastIndexOf("/") + 1) ?? "";
  while (!names.every((name) => name.startsWith(common))) common = common.slice(0, common.slice(0, -1).lastIndexOf("/") + 1);
  return (image) => image.name.slice(common.length);
})();

/** Where an example comes from, in words. */
function sourceOf(example) {
  const place = report.examples.places?.[example], label = report.examples.labels?.[example];
  const source = place ? nameOf(report.images[place[0]]) : report.examples.names?.[example] ?? `row ${report.examples.rows[example].toLocaleString("en")}`;
  return label ? `${label}, ${source}` : source;
}

function chosenUnits() {
  const { value, holds = () => true } = SORTS[choice.sort];
  const last = (unit) => (choice.dead_last && found.dead.has(unit) ? 2 : 0) + (holds(unit) ? 0 : 1);
  const sign = choice.rising ? 1 : -1;
  return found.all
    .filter((unit) => FILTERS[choice.filter].holds(unit) && isSelectiveFor(unit, choice.class) && isFound(unit, choice.search))
    .sort((a, b) => last(a) - last(b) || sign * (value(a) - value(b)) || a - b);
}

const chosen = () => ({ map: choice.map, contrast: choice.contrast });
const natural = () => ({ map: "gray", contrast: choice.contrast });
const weights = () => ({ map: "diverging", contrast: choice.contrast });

/** A link to a unit, with its picture. */
function tile(unit, caption, layer = found) {
  const canvas = picture(layer.picture, unit, "", chosen, placesOf(layer.picture));
  canvas.setAttribute("aria-hidden", "true");
  return el("a", { className: "tile", href: layer.address(unit), "aria-label": describe(unit, caption, layer) }, canvas, el("span", { className: "caption" }, caption));
}

function describe(unit, more, layer = found) {
  const words = [called(unit, layer), more.startsWith(String(unit)) ? more.slice(String(unit).length).trim() : more];
  if (layer.averages) words.push(`average activation ${short(layer.averages[unit])}`);
  if (layer.gabor) words.push(`edge score ${short(layer.gabor.r2[unit])}`);
  if (layer.dead.has(unit)) words.push("dead");
  if (layer.saturated.has(unit)) words.push("saturated");
  return words.filter(Boolean).join(", ");
}

const called = (unit, layer = found) => [layer.name ? `Unit ${unit} of ${layer.name}` : `Unit ${unit}`, noteOf(unit, layer).name].filter(Boolean).join(": ");

// The gallery.

const gallery = byId("gallery");
let shown = [];

function drawGallery() {
  isStale = false;
  shown = chosenUnits();
  const { value, holds = () => true, told = (unit) => short(value(unit)) } = SORTS[choice.sort], { tiles } = found;
  gallery.replaceChildren(...shown.map((unit) => {
    if (!tiles.has(unit)) tiles.set(unit, tile(unit, ""));
    const node = tiles.get(unit);
    node.tabIndex = -1;
    const { name, star } = noteOf(unit), sorted = choice.sort === "unit" ? "" : holds(unit) ? told(unit) : "–";
    node.lastChild.textContent = [`${star ? "★ " : ""}${unit}`, name, sorted].filter(Boolean).join(" · ");
    node.title = name;
    node.setAttribute("aria-label", describe(unit, ""));
    return node;
  }));
  if (shown.length) tiles.get(shown[0]).tabIndex = 0;
  byId("none").hidden = shown.length > 0;
  byId("count").textContent = `${shown.length.toLocaleString("en")} of ${found.units.toLocaleString("en")} units`;
}

function drawSize() {
  root.style.setProperty("--tile", `${choice.size}px`);
  gallery.classList.toggle("bare", choice.size < 52);
  gallery.classList.toggle("curves", found.picture.kind !== "image");
}

/** Focus a tile, and make it the one that Tab reaches. */
function focusTile(unit) {
  for (const node of gallery.querySelectorAll('[tabindex="0"]')) node.tabIndex = -1;
  const node = found.tiles.get(unit);
  if (!node) return;
  node.tabIndex = 0;
  node.focus();
}

gallery.addEventListener("keydown", (event) => {
  const at = shown.findIndex((unit) => found.tiles.get(unit) === event.target);
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const columns = getComputedStyle(gallery).gridTemplateColumns.split(" ").length;
  const to = {
    ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: shown.length - 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to >= 0 && to < shown.length) focusTile(shown[to]);
});

/** Offer what the layer has; keep what was chosen, if possible. */
function fill(name, table) {
  const select = byId("controls").elements[name];
  const rows = Object.entries(table).filter(([, row]) => row.exists());
  select.replaceChildren(...rows.map(([value, row]) => el("option", { value }, row.name)));
  if (!rows.some(([value]) => value === choice[name])) choice[name] = rows[0][0];
  select.value = choice[name];
}

/** Show another layer. */
function choose(layer) {
  found = layer;
  fill("sort", SORTS);
  fill("filter", FILTERS);
  const { controls } = document.forms;
  if (controls.elements.layer) controls.elements.layer.value = String(layer.number);
  const offered = layer.views.filter((view) => view.label);
  controls.elements.picture.replaceChildren(...offered.map((view) => el("option", { value: view.name }, view.label)));
  choosePicture();
}

/** Show another picture of each unit, or the usual one of a layer that has no such picture. */
function choosePicture() {
  const { controls } = document.forms;
  for (const layer of layers) {
    const chosen = layer.views.find((view) => view.name === choice.picture) ?? layer.views[0];
    if (layer.picture !== chosen) layer.tiles.clear();
    layer.picture = chosen;
  }
  const { name, shape, kind } = found.picture;
  controls.elements.picture.value = name;
  controls.elements.map.closest("label").hidden = shape[3] >= 3 || kind !== "image";
  byId("gallery-title").textContent = legendOf(found.picture, choice.map);
  drawGallery();
}

function setUpControls() {
  const form = byId("controls"), controls = form.elements;
  const changed = {
    sort: () => {
      choice.rising = usual("rising");
      showDirection();
      drawGallery();
    },
    size: drawSize, contrast: paintAgain, map: () => { choosePicture(); paintAgain(); }, picture: choosePicture,
  };
  form.addEventListener("input", ({ target }) => {
    if (target.name === "layer") return goTo(Number(target.value) ? `layer-${Number(target.value) + 1}` : "units");
    choice[target.name] = target.type === "checkbox" ? target.checked : target.type === "range" ? Number(target.value) : target.value;
    (changed[target.name] ?? drawGallery)();
    return tellAddress(target.name);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  controls.direction.addEventListener("click", () => {
    choice.rising = !choice.rising;
    showDirection();
    drawGallery();
    tellAddress("rising");
  });
}

function showDirection() {
  const button = byId("controls").elements.direction, order = choice.rising ? "rising" : "falling";
  button.textContent = choice.rising ? "↑" : "↓";
  button.title = `${order} order`;
  button.setAttribute("aria-label", `Order: ${order}; press to reverse`);
  button.setAttribute("aria-pressed", String(!choice.rising));
}

/** Let controls and gallery follow what is chosen. */
function applyChoices() {
  const { elements } = byId("controls");
  for (const name of ["search", "size", "contrast", "map"]) elements[name].value = choice[name];
  elements.dead_last.checked = choice.dead_last;
  drawSize();
  choose(found);
  showDirection();
  paintAgain();
}

// Time, frequency and sound, if the model learned from series.

const hertz = (value) => (value >= 1000 ? `${short(value / 1000)} kHz` : `${Math.round(value)} Hz`);
const duration = (seconds) => (seconds < 1 ? `${short(1000 * seconds)} ms` : `${short(seconds)} s`);
const spanOf = (moments) => (report.axes.rate ? duration(moments / report.axes.rate) : `${Math.round(moments * report.axes.hop)} samples`);

/** A picture with frequency and time written along its sides. */
function framed(canvas, pictures) {
  const { axes } = report;
  if (!axes || pictures.shape[2] !== axes.n_moments) return canvas;
  const ends = axes.frequencies ? [hertz(axes.frequencies[0]), hertz(axes.frequencies.at(-1))] : axes.kind === "spectrogram" ? [`${pictures.shape[1]} bands`, ""] : ["", ""];
  const labels = (name, texts) => el("div", { className: name, "aria-hidden": "true" }, ...texts.map((text) => el("span", {}, text)));
  return el("div", { className: axes.kind === "spectrogram" ? "framed" : "framed plain" }, labels("up", ends), canvas, labels("across", ["0", axes.told || spanOf(axes.n_moments)]));
}

let playing = null;

/** A button that plays a sound, and stops it. */
function player(data, text) {
  if (!data) return null;
  const audio = el("audio", { src: `data:audio/wav;base64,${data}`, preload: "metadata" });
  const button = el("button", { type: "button", className: "play", "aria-label": `Play ${text}` }, "▶");
  const show = (isPlaying) => {
    button.textContent = isPlaying ? "■" : "▶";
    button.setAttribute("aria-label", `${isPlaying ? "Stop" : "Play"} ${text}`);
  };
  button.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    playing?.pause();
    playing = audio;
    audio.currentTime = 0;
    return audio.play();
  });
  audio.addEventListener("playing", () => show(true));
  for (const end of ["pause", "ended"]) audio.addEventListener(end, () => show(false));
  return el("span", { className: "sound" }, button, audio);
}

// The page of a unit.

const card = (title, ...children) => el("article", { className: "card" }, el("h3", {}, title), ...children);
const namedCard = (name, ...content) => {
  const node = card(...content);
  node.classList.add(name);
  return node;
};
const wide = (node) => {
  node.classList.add("wide");
  return node;
};
const note = (text) => el("p", {}, text);

function facts(pairs) {
  const list = el("dl", { className: "facts" });
  for (const [name, value] of pairs) list.append(el("dt", {}, name), el("dd", {}, value));
  return list;
}

/** A caption that follows a label, without repeating it. */
const saidAfter = (label, caption) => {
  const rest = caption.toLowerCase().startsWith(label) ? caption.slice(label.length).trim() : caption;
  return rest[0].toLowerCase() + rest.slice(1);
};

function picturesOf(unit) {
  const pictures = found.views.map((view) => {
    const isWeights = view.name === "encoder" || view.name === "decoder", along = alongOf(view);
    const peak = Math.max(Math.abs(view.low[unit]), Math.abs(view.high[unit]));
    const range = `, −${short(peak)} to ${short(peak)}`;
    const caption = isWeights && !along ? `${view.title}${view.kind === "trace" || view.shape[3] > 1 ? "" : ", blue to orange"}${range}` : view.title;
    const text = `Unit ${unit}: ${view.title}`;
    const drawing = along ? rowDrawing(view, unit, along, text) : framed(picture(view, unit, text, isWeights ? weights : chosen), view);
    const sound = view === found.views[0] && player(found.sounds?.[unit], `unit ${unit}`);
    const label = view.label || "looks for"; // what it looks for in another space has no place on the switch
    const name = el("strong", {}, label[0].toUpperCase() + label.slice(1));
    return el("figure", { className: along ? "row-figure" : "" }, drawing, el("figcaption", {}, sound || null, name, " – ", saidAfter(label, caption)));
  });
  const isRows = found.views.some(alongOf);
  const node = namedCard("pictures", "Pictures of the unit", el("div", { className: isRows ? "views rows" : "views" }, ...pictures));
  return isRows ? wide(node) : node;
}

/** A row over its columns: a curve with its axis, or bars with the columns' names. */
function rowDrawing(view, unit, along, text) {
  const y = valuesOf(view, unit, 1).map((value) => inUnits(view, unit, value));
  if (view.kind === "bars") return named(along.names.map((name, i) => [name, y[i]]), text);
  const { label, places } = along;
  const curve = drawn({ x: { label, low: Math.min(...places), high: Math.max(...places) }, y: { label: "" }, along: places, lines: [{ name: view.title, kind: "pattern", y }], text, height: 170 });
  const greatest = view.greatest?.[unit];
  return greatest ? el("div", {}, curve, note(`The ${greatest.length} largest:`), named(greatest, `${text}: the largest values`)) : curve;
}

function howActive(unit) {
  const { n_rows, edges, counts, mean, low, high } = found.activity;
  const middle = (edges[0] + edges.at(-1)) / 2;
  const active = counts[unit].reduce((sum, n, i) => sum + ((edges[i] + edges[i + 1]) / 2 > middle ? n : 0), 0);
  const bars = counts[unit].map((n, i) => ({ from: edges[i], to: edges[i + 1], value: n || 0.5 }));
  const { target } = found;
  const marks = [{ x: mean[unit], label: `average ${short(mean[unit])}` }];
  if (target !== null) marks.push({ x: target, label: "", kind: "aim" });
  return namedCard(
    "activity", "How active it is",
    drawn({
      x: { label: "activation", low: edges[0], high: edges.at(-1) }, y: { label: "examples", log: true, low: 0.5, high: n_rows },
      bars, marks, text: `Histogram of the activations of unit ${unit} over ${n_rows} examples; average ${short(mean[unit])}, highest ${short(high[unit])}.`,
    }),
    facts([
      ["average on these examples", short(mean[unit])],
      ...(found.average ? [["average in training, ρ̂", short(found.average[unit])]] : []),
      ...(target !== null ? [["target, ρ (dotted)", short(target)]] : []),
      ["lowest and highest", `${short(low[unit])} to ${short(high[unit])}`],
      ["strongly active (upper half of the range)", `${active.toLocaleString("en")} of ${n_rows.toLocaleString("en")} examples`],
    ]),
  );
}

function madeOf(unit) {
  const { units: others, weights: strengths } = found.below, layer = layers[found.number - 1];
  return card("Made of",
    note(`Units of ${layer.name} with the largest absolute weights.`),
    el("div", { className: "tiles" }, ...others[unit].map((other, i) => tile(other, `${other} · ${short(strengths[unit][i])}`, layer))));
}

function firesWith(unit) {
  const { units: others, correlations, n_rows } = found.together, examples = `${n_rows.toLocaleString("en")} examples`;
  const sample = n_rows < found.activity.n_rows ? `a random sample of ${examples}` : `all ${examples}`;
  return card("Fires together with",
    note(`Correlation of their activations over ${sample}.`),
    el("div", { className: "tiles" }, ...others[unit].map((other, i) => tile(other, `${other} · ${correlations[unit][i].toFixed(2)}`))));
}

function relatives(title, text, pairs) {
  return card(title,
    note(text),
    el("div", { className: "tiles" }, ...pairs.map(([other, cosine]) => tile(other, `${other} · ${cosine.toFixed(2)}`))));
}

const looksLike = (unit) => relatives("Looks like", "The cosine between what the units look for is above 0.9.", found.twins.get(unit));
const opposes = (unit) => relatives("Opposite of", "What activates one silences the other: the cosine between what they look for is below −0.9.", found.partners.get(unit));

function drawUnit(unit) {
  const at = shown.indexOf(unit), step = (by) => (at < 0 ? unit + by : shown[at + by]);
  const go = (by, name, key) => {
    const to = step(by);
    const exists = found.all[to] !== undefined;
    return el("button", { type: "button", disabled: !exists, "aria-label": `${name} unit`, "aria-keyshortcuts": key, onclick: () => goTo(found.address(to)) }, by < 0 ? "←" : "→");
  };
  const badge = (text, warn) => el("span", { className: warn ? "badge warn" : "badge" }, text);
  byId("unit-part").replaceChildren(
    el("div", { className: "unit-top" },
      el("h2", { id: "unit-heading", tabIndex: -1 }, called(unit)),
      starButton(unit), nameField(unit),
      found.averages ? badge(`average activation ${short(found.averages[unit])}`) : null,
      found.gabor ? badge(isEdge(unit) ? "edge" : "not an edge") : null,
      found.classes ? badge(`selective for ${selectivity(unit)}`) : null,
      found.dead.has(unit) ? badge("dead", true) : null,
      found.saturated.has(unit) ? badge("saturated", true) : null,
      found.twins.has(unit) ? badge("duplicate", true) : null,
      found.replication ? badge(`${found.replication[unit] >= 0.95 ? "replicates" : "does not replicate"}: cosine ${short(found.replication[unit])} with other starts`) : null,
      found.decoder_norm ? badge(`decoder norm ${short(found.decoder_norm[unit])}`) : null,
      el("span", { className: "way" },
        projectButton(),
        el("a", { href: found.number ? `#layer-${found.number + 1}` : "#units", id: "back", "aria-keyshortcuts": "Escape" }, "All units"), go(-1, "Previous", "ArrowLeft"), go(1, "Next", "ArrowRight"))),
    el("div", { className: "cards" },
      picturesOf(unit),
      found.below ? madeOf(unit) : null,
      found.activity ? howActive(unit) : null,
      found.maps ? mapOf(unit) : null,
      report.examples ? realExamples(unit) : null,
      found.classes ? responsesToClasses(unit) : null,
      found.together && found.units > 1 ? firesWith(unit) : null,
      isLikeGabor(unit) ? gaborFunction(unit) : null,
      found.bands ? bandOf(unit) : null,
      found.twins.has(unit) ? looksLike(unit) : null,
      found.partners.has(unit) ? opposes(unit) : null,
      noteCard(unit)));
  offerPictures();
}

function bandOf(unit) {
  const { centre, bandwidth, share, is_clear: isClear, duration: half } = found.bands;
  return card("Band",
    note(isClear[unit] ? "Most of its power is in one band." : "No band holds most of its power."),
    facts([
      ["center frequency", hertz(centre[unit])],
      ["bandwidth, 10 dB below", hertz(bandwidth[unit])],
      ["share of power in the band", `${(100 * share[unit]).toFixed(0)}%`],
      ["half of its energy within", duration(half[unit])],
    ]));
}

// The model.

/** What elements of cards ask for by "data-" and a key: nodes made of the drawing, the layer and the card. */
const DRAWN = {
  chart: (drawing) => [drawn(drawing)],
  pairs: pairsOf,
  atlas: atlasOf,
  polar: polarOf,
  evidence: (_, layer) => evidence(layer),
};

function drawModel() {
  for (const [kind, draw] of Object.entries(DRAWN)) {
    for (const node of document.querySelectorAll(`[data-${kind}]`)) {
      const card = node.closest("article");
      node.append(...draw(report.drawings[card.id][node.dataset[kind]], layers[card.dataset.layer], card));
    }
  }
}

/** A layer's dead, saturated, duplicate and opposite units. */
function evidence(layer) {
  const { low, high } = layer.activity ?? {};
  const FEW = 60;
  const list = (title, nodes) => (nodes.length ? [el("h4", {}, title), el("div", { className: "tiles" }, ...nodes)] : []);
  const span = (unit) => tile(unit, `${unit} · ${short(low[unit])} to ${short(high[unit])}`, layer);
  const few = (set, name) => list(`${name}: lowest and highest activation${set.size > FEW ? `, the first ${FEW} of ${set.size}` : ""}`, [...set].slice(0, FEW).map(span));
  const couples = (title, { units, cosines }, n) => list(
    `${title}: pairs and their cosine${n > units.length ? `, the first ${units.length} of ${n}` : ""}`,
    units.map(([a, b], i) => el("figure", {},
      el("div", { className: "twins" }, tile(a, String(a), layer), tile(b, String(b), layer)), el("figcaption", {}, cosines[i].toFixed(2)))));
  return [
    ...few(layer.dead, "Dead"), ...few(layer.saturated, "Saturated"),
    ...couples("Duplicates", layer.alike, layer.n_alike), ...couples("Opposites", layer.opposite, layer.n_opposite),
  ];
}

// Which part is shown.

/** Parts that are about no layer of the gallery, and their titles. */
const OTHERS = { model: "Model", try: "Try your own" };
let current = null, scrolled = 0;

function show() {
  const [, number, unit] = placeNow().match(/^(?:layer-(\d+))?-?(?:unit-(\d+))?$/) ?? [];
  const layer = layers[Number(number ?? 1) - 1] ?? layers[0], isOther = layer !== found;
  const part = layer.all[unit] !== undefined ? "unit" : OTHERS[placeNow()] ? placeNow() : "units";
  if (!OTHERS[part]) found = layer;
  const isChanged = heedAddress();
  if (isChanged || isOther || current === null || (part === "units" && isStale)) applyChoices();
  if (current === "units") scrolled = window.scrollY;
  for (const id of ["units", "unit", ...Object.keys(OTHERS)]) byId(`${id}-part`).hidden = id !== part;
  for (const opening of document.querySelectorAll("[data-opening]")) opening.hidden = part !== "units";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.part === (part === "unit" ? "units" : part)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const before = current;
  current = part;
  root.dataset.part = part;
  if (part !== "unit" && isProjected()) project(false);
  if (part !== before) tell("");
  tellTitle(part === "unit" ? called(Number(unit)) : OTHERS[part] ?? "");
  if (part === "unit") {
    lastUnit = Number(unit);
    drawUnit(lastUnit);
    byId("unit-heading").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  } else if (part === "units" && before === "unit") {
    window.scrollTo(0, scrolled);
    focusTile(lastUnit);
  } else if (part !== before) window.scrollTo(0, 0);
}

let lastUnit = 0;

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "p" && !OTHERS[current]) project(!isProjected());
  if (event.key === "/" && current === "units") {
    event.preventDefault();
    byId("controls").elements.search.focus();
  }
  if (current !== "unit") return;
  if (event.key === "Escape") isProjected() ? project(false) : byId("back").click();
  const button = { ArrowLeft: "Previous", ArrowRight: "Next" }[event.key];
  if (button) document.querySelector(`button[aria-label="${button} unit"]`).click();
});

/** From the links at the top to what the part shows: the tiles, or its heading. */
function skip() {
  const to = current === "units" ? gallery.querySelector('[tabindex="0"]') : byId(`${current}-heading`);
  to?.focus();
}

follow = (place) => (place === "#main" ? skip() : goTo(place));
