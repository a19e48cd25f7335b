// Real examples on a unit's page, in groups, and the places that they were cut from. An example and its place have
// the same number; whoever points at one sees the other.

/** A unit's examples by groups, [{group, items: [{number, example, activation}]}], numbered throughout. */
function groupsOf(unit) {
  let number = 0;
  return found.groups.map((group) => ({
    group,
    items: group.examples[unit].flatMap((example, i) => (example < 0 ? [] : [{ number: ++number, example, activation: group.activations[unit][i] }])),
  }));
}

function realExamples(unit) {
  const { given, input, n_inputs, sounds, is_standardized } = report.examples;
  const groups = groupsOf(unit), items = groups.flatMap((one) => one.items);
  const heard = sounds && items.some(({ example }) => sounds[example]) ? " The sound includes some time before and after." : "";
  const own = is_standardized ? "in standard deviations of each column from its mean" : "as given";
  const around = items.some(({ example }) => lookAround(example)) ? ", with its surroundings" : "";
  const seen = input ? `; the first ${n_inputs} also after preprocessing` : "";
  const silent = found.dead.has(unit) ? " The unit is dead: it responds alike to all examples." : "";
  const places = whereabouts(items), { n_ranged, n_rows } = found.activity;
  const ranged = n_ranged < n_rows ? `${n_ranged.toLocaleString("en")} random examples` : "all examples";
  const node = wide(namedCard("examples-card", "Real examples",
    note(`Each example is shown ${own}${around}${seen}. If the unit stands for one thing, its strong and middle examples show it, too. The unit's range is from its lowest to its highest activation on ${ranged}.${heard}${silent}`),
    ...groups.map((one) => groupSection(one, unit, given, places)),
    places));
  link(node);
  return node;
}

/** A group of examples under its heading, with the activations that it stands for. */
function groupSection({ group, items }, unit, given, places) {
  const along = given.kind !== "image" && given.shape[1] === 1 && report.columns?.places.length === given.shape[2] ? report.columns : null;
  const name = `group-${group.name}`, title = group.name[0].toUpperCase() + group.name.slice(1);
  const list = el("ol", { className: given.kind === "image" ? "examples" : "examples curves" }, ...items.map((item) => exampleOf(item, along, places)));
  return el("section", { className: "group", "aria-labelledby": name },
    el("h4", { id: name }, title), note(aboutGroup(group, unit, items)), items.length ? list : null);
}

/** What a group stands for, in words. */
function aboutGroup({ name, told, low, high, counts }, unit, items) {
  const all = found.activity.n_rows.toLocaleString("en"), n = counts[unit], activations = items.map(({ activation }) => activation);
  const range = `${short(Math.min(...activations))} to ${short(Math.max(...activations))}`;
  if (name === "top") return `The ${items.length.toLocaleString("en")} examples ${told}: ${range}.`;
  if (name === "random") return `${items.length.toLocaleString("en")} examples ${told}: ${range}.`;
  const part = low[unit] === null ? told : `${told}, ${short(low[unit])} ${high[unit] > low[unit] ? `to ${short(high[unit])}` : "and more"}`;
  if (n === 0) return `None of the ${all} examples is ${part}.`;
  const share = (100 * n) / found.activity.n_rows, those = `the ${n.toLocaleString("en")} examples (${share < 0.01 ? "less than 0.01" : short(share)}%) ${part}`;
  if (items.length === 0) return `All of ${those}, are among the top.`;
  return items.length < 5 ? `${items.length} of ${those}; the others are among the top.` : `${items.length} random ones of ${those}.`;
}

/** One example: its pictures, a button that leads to its place if that is shown, and what is known of it. */
function exampleOf({ number, example, activation }, along, places) {
  const { given, input, n_inputs, places: corners, sounds } = report.examples;
  const source = sourceOf(example), text = `Example ${number}: ${source}, activation ${short(activation)}`, place = corners?.[example];
  const ends = along && along.names.length === 0 ? [short(along.places[0]), along.label, short(along.places.at(-1))] : [];
  const hasInput = input && number <= n_inputs;
  const pictures = [
    picture(given, example, text, natural, along?.places), surroundings(example, `Surroundings of example ${number}`),
    hasInput ? picture(input, example, `${text}, after preprocessing`, natural) : null,
  ];
  const isPlaced = places?.querySelector(`[data-example="${number}"]`);
  const look = isPlaced ? el("button", { type: "button", className: "pair", "aria-label": `${text}; go to its place` }) : el("div", { className: "pair" });
  look.append(...pictures.filter(Boolean));
  if (given.kind === "image" && given.shape[1] > 1.5 * given.shape[2]) look.classList.add("tall");
  const where = place && (report.axes || report.images[place[0]].picture) ? whereIn(place) : "";
  return el("li", { "data-example": number, className: hasInput ? "both" : "" }, el("figure", {}, look,
    ends.length ? el("div", { className: hasInput ? "across half" : "across", "aria-hidden": "true" }, ...ends.map((end) => el("span", {}, end))) : null,
    el("figcaption", {}, player(sounds?.[example], text), `${corners ? `${number}. ` : ""}${short(activation)} · ${source}${where}`)));
}

/** Where an example lies in its image, or series, in words. */
function whereIn([image, top, left]) {
  const { axes } = report;
  if (!axes) return `, row ${top}, column ${left}`;
  const moment = axes.rate ? `at ${(report.images[image].begins + left / axes.rate).toFixed(2)} s` : `at sample ${Math.round(report.images[image].begins + left * axes.hop).toLocaleString("en")}`;
  return `, ${moment}`;
}

// What lies around an example.

const AROUND = 4; // height and width, in those of the example: see sources.py
const loaded = new Map();

/** A picture on the page that can be drawn from, as soon as it is there. */
function whenLoaded(src, draw) {
  if (!loaded.has(src)) loaded.set(src, Object.assign(new Image(), { src }));
  const bitmap = loaded.get(src);
  if (bitmap.complete) draw(bitmap);
  else bitmap.addEventListener("load", () => draw(bitmap), { once: true });
}

/** The part of a picture that shows an example and what lies around it, and where the example lies in that, in shares. */
function lookAround(example) {
  const { places, around, given } = report.examples;
  if (!places || report.axes) return null;
  const [number, top, left] = places[example], image = report.images[number];
  const [height, width] = given.shape.slice(1), cell = around?.numbers[example] ?? -1;
  if (!image.details && cell < 0) return null;
  const [tall, broad] = [Math.min(AROUND * height, image.height), Math.min(AROUND * width, image.width)];
  const y = Math.min(Math.max(top - Math.floor((tall - height) / 2), 0), image.height - tall);
  const x = Math.min(Math.max(left - Math.floor((broad - width) / 2), 0), image.width - broad);
  const frame = { x: (left - x) / broad, y: (top - y) / tall, width: width / broad, height: height / tall };
  if (image.details) return { src: image.picture, part: { x: x / image.width, y: y / image.height, width: broad / image.width, height: tall / image.height }, frame, shape: [tall, broad] };
  const part = { x: (cell % around.columns) / around.columns, y: Math.floor(cell / around.columns) / around.rows, width: 1 / around.columns, height: 1 / around.rows };
  return { src: around.sheet, part, frame, shape: [tall, broad] };
}

/** A canvas with an example, framed, in what lies around it; null if that is not on the page. */
function surroundings(example, text) {
  const look = lookAround(example);
  if (!look) return null;
  const { src, part, frame, shape } = look, size = 240;
  const scale = size / Math.max(...shape), canvas = el("canvas", { className: "around", role: "img", "aria-label": text });
  [canvas.height, canvas.width] = shape.map((side) => Math.round(side * scale));
  const draw = (bitmap) => {
    const context = canvas.getContext("2d"), { width, height } = canvas, [wide, tall] = [bitmap.naturalWidth, bitmap.naturalHeight];
    context.drawImage(bitmap, part.x * wide, part.y * tall, part.width * wide, part.height * tall, 0, 0, width, height);
    for (const [style, line] of [["#000000", 5], ["#e69f00", 3]]) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.strokeRect(frame.x * width - 2, frame.y * height - 2, frame.width * width + 4, frame.height * height + 4);
    }
  };
  painters.set(canvas, () => whenLoaded(src, draw));
  watcher.observe(canvas);
  return canvas;
}

// Places.

/** The images that examples were cut from, with the places marked; null if none is on the page. */
function whereabouts(items) {
  const { places, given } = report.examples;
  if (!places) return null;
  const [height, width] = given.shape.slice(1), images = new Map();
  for (const { number, example } of items) {
    const [image, top, left] = places[example];
    if (report.images[image].picture) images.set(image, [...(images.get(image) ?? []), { number, top, left }]);
  }
  const draw = report.axes ? timeline : photograph, of = [...images].sort((a, b) => b[1].length - a[1].length);
  return images.size ? el("div", { className: "places" }, ...of.map(([image, marks]) => draw(report.images[image], marks, width, height))) : null;
}

/** A place that can be pointed at, or gone to. */
const placeOf = (number, name) => ({ "data-example": number, tabindex: 0, role: "button", "aria-label": `Place of example ${number} in ${name}; go to the example` });

function photograph(image, marks, width, height) {
  const size = Math.max(image.width, image.height), ring = Math.max(size / 26, 0.75 * width), font = size / 19;
  const overlay = svg("svg", { viewBox: `0 0 ${image.width} ${image.height}`, role: "group", "aria-label": `Places of examples in ${nameOf(image)}` });
  const rings = marks.map(({ number, top, left }) => ({ number, top, left, x: left + width / 2, y: top + height / 2 }));
  for (const [i, { x, y }] of labelPlaces(rings, ring, font, image).entries()) {
    const { number, top, left, ...at } = rings[i];
    overlay.append(svg("g", placeOf(number, nameOf(image)),
      svg("circle", { class: "area", cx: at.x, cy: at.y, r: ring }),
      svg("line", { x1: at.x, y1: at.y, x2: x, y2: y }),
      svg("rect", { x: left, y: top, width, height }),
      svg("circle", { cx: at.x, cy: at.y, r: ring }),
      svg("text", { x, y: y + 0.36 * font, "font-size": font, "text-anchor": "middle" }, number)));
  }
  const picture = el("img", { src: image.picture, alt: `${image.name}, with the places of ${marks.length} examples marked`, width: image.width, height: image.height });
  return el("figure", {}, el("div", { className: "picture" }, picture, overlay), marksCaption(image, marks));
}

/** Where to write the numbers of rings so that they cover neither each other nor other places. */
function labelPlaces(rings, radius, font, { width, height }) {
  const taken = rings.map(({ x, y }) => ({ x, y, w: 1.8 * radius, h: 1.8 * radius, weight: 1 })), labels = [];
  const covered = (a, b) => b.weight * Math.max(0, (a.w + b.w) / 2 - Math.abs(a.x - b.x)) * Math.max(0, (a.h + b.h) / 2 - Math.abs(a.y - b.y));
  for (const { number, x, y } of rings) {
    const w = 0.62 * font * String(number).length + 0.2 * font, h = 0.9 * font, candidates = [];
    for (const far of [0.6, 1.1, 1.8, 2.6, 3.4].map((step) => radius + step * font)) {
      for (let turn = 0; turn < 12; turn++) {
        const angle = ((turn * 7) % 12) * (Math.PI / 6) - Math.PI / 4;
        const at = { x: x + far * Math.cos(angle), y: y + far * Math.sin(angle), w, h, weight: 6 };
        const out = Math.max(0, w / 2 - at.x, at.x + w / 2 - width) + Math.max(0, h / 2 - at.y, at.y + h / 2 - height);
        candidates.push({ at, cost: taken.reduce((sum, other) => sum + covered(at, other), 6 * out * font) + 0.05 * font * far });
      }
    }
    const { at } = candidates.reduce((best, one) => (one.cost < best.cost ? one : best));
    taken.push(at);
    labels.push(at);
  }
  return labels;
}

/** A series from its beginning to its end, with the moments of examples marked. */
function timeline(series, marks, width, height) {
  const overlay = svg("svg", { class: "timeline", viewBox: `0 0 ${series.width} ${series.height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const { number, top, left } of marks) overlay.append(svg("rect", { class: "moment", "data-example": number, x: left, y: top, width, height }));
  const ends = [], numbers = [...marks].sort((a, b) => a.left - b.left).map(({ number, left }) => {
    const at = (100 * (left + width / 2)) / series.width, free = ends.findIndex((end) => end <= at), row = free < 0 ? ends.length : free;
    ends[row] = at + 4 + 3 * String(number).length;
    const node = el("span", placeOf(number, nameOf(series)), String(number));
    node.style.left = `${at}%`;
    node.style.bottom = `${1.1 * row}rem`;
    return node;
  });
  const { begins } = series, { rate } = report.axes;
  const sides = begins && rate ? [`${begins} s`, `${(begins + series.width / rate).toFixed(1)} s`] : ["0", spanOf(series.width)];
  const above = el("div", { className: "numbers" }, ...numbers);
  above.style.height = `${1.1 * ends.length}rem`;
  return el("figure", {},
    above,
    el("div", { className: "picture" }, el("img", { className: "series", src: series.picture, alt: `${series.name}, with the moments of ${marks.length} examples marked` }), overlay),
    el("div", { className: "across", "aria-hidden": "true" }, ...sides.map((end) => el("span", {}, end))),
    marksCaption(series, marks));
}

const marksCaption = (image, marks) => el("figcaption", { title: image.name }, `${nameOf(image)}: ${marks.map(({ number }) => number).join(", ")}`);

/** Mark an example and its place while one of them is pointed at; a click, or Enter, leads to the other. */
function link(node) {
  const numberAt = (target) => target.closest?.("[data-example]")?.dataset.example;
  const both = (number) => node.querySelectorAll(`[data-example="${number}"]`);
  const mark = () => {
    const pointed = node.querySelector("[data-example]:hover"), focused = node.contains(document.activeElement) ? document.activeElement : null;
    const shown = new Set([pointed, focused].map((target) => target && numberAt(target)).filter(Boolean));
    for (const other of node.querySelectorAll("[data-example]")) other.classList.toggle("marked", shown.has(other.dataset.example));
  };
  for (const kind of ["pointerover", "pointerout", "focusin", "focusout"]) node.addEventListener(kind, () => requestAnimationFrame(mark));
  const lead = (event) => {
    const place = event.target.closest(".places [role=button]"), look = event.target.closest("button.pair");
    if (!place && !look) return;
    const there = place ? ".group button.pair" : ".places [role=button]";
    const other = [...node.querySelectorAll(there)].find((one) => numberAt(one) === numberAt(place ?? look));
    other.focus({ preventScroll: true });
    other.scrollIntoView({ block: "nearest" });
  };
  node.addEventListener("click", lead);
  node.addEventListener("keydown", (event) => {
    if ((event.key !== "Enter" && event.key !== " ") || !event.target.closest(".places [role=button]")) return;
    event.preventDefault();
    lead(event);
  });
}
