// Saving what is on the page: a table of the units as CSV, pictures and charts as PNG and SVG.

/** Hand a file to the reader. */
function saveAs(name, content, type) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Say something that everyone hears. */
function tell(text) {
  byId("told").textContent = text;
}

// The table.

/** All that is known of a unit, by column; what a layer does not have is undefined. */
const COLUMNS = {
  layer: (layer) => layer.number + 1,
  unit: (layer, unit) => unit,
  name: (layer, unit) => noteOf(unit, layer).name,
  starred: (layer, unit) => noteOf(unit, layer).star,
  note: (layer, unit) => noteOf(unit, layer).note,
  "average activation": (layer, unit) => layer.activity?.mean[unit],
  "lowest activation": (layer, unit) => layer.activity?.low[unit],
  "highest activation": (layer, unit) => layer.activity?.high[unit],
  "average activation in training": (layer, unit) => layer.average?.[unit],
  dead: (layer, unit) => layer.activity && layer.dead.has(unit),
  saturated: (layer, unit) => layer.activity && layer.saturated.has(unit),
  "edge score": (layer, unit) => layer.gabor?.r2[unit],
  ...Object.fromEntries((layers.find((layer) => layer.gabor)?.gabor.names ?? []).map((name, i) => [`gabor ${name}`, (layer, unit) => layer.gabor?.parameters[unit][i]])),
  "center frequency": (layer, unit) => layer.bands?.centre[unit],
  bandwidth: (layer, unit) => layer.bands?.bandwidth[unit],
  "share of power in the band": (layer, unit) => layer.bands?.share[unit],
  "duration of half the energy": (layer, unit) => layer.bands?.duration[unit],
  "decoder norm": (layer, unit) => layer.decoder_norm?.[unit],
  replication: (layer, unit) => layer.replication?.[unit],
  duplicates: (layer, unit) => (layer.twins.get(unit) ?? []).map(([other]) => other).join(" "),
  opposites: (layer, unit) => (layer.partners.get(unit) ?? []).map(([other]) => other).join(" "),
};

function asCsv() {
  const units = layers.flatMap((layer) => layer.all.map((unit) => [layer, unit]));
  const columns = Object.entries(COLUMNS).filter(([, value]) => units.some((of) => value(...of) !== undefined && value(...of) !== null));
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const rows = units.map((of) => columns.map(([, value]) => quoted(String(value(...of) ?? ""))));
  return [columns.map(([name]) => name), ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

// Pictures.

const FONT = ["font-family", "font-size", "font-weight"];
const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "paint-order", "vector-effect", "opacity", ...FONT];

/** The lines in which a text stands on the page: [what, from, middle, height of its letters]. */
function textLinesOf(text) {
  const range = document.createRange(), lines = [];
  for (const { 0: word, index } of text.data.matchAll(/\S+/g)) {
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    const [box] = range.getClientRects();
    if (!box?.width) continue;
    const last = lines.at(-1), middle = (box.top + box.bottom) / 2;
    if (last && Math.abs(last.middle - middle) < 3) last.words.push(word);
    else lines.push({ words: [word], left: box.left, middle });
  }
  return lines;
}

/** A node with some of the styles of another, set in a way that the page's policy allows. */
function styled(node, style, names) {
  for (const name of names) node.style.setProperty(name, style.getPropertyValue(name));
  return node;
}

/** What a node shows, as one SVG drawing: texts, pictures and charts where they stand, without buttons. */
function asSvg(node) {
  const frame = node.getBoundingClientRect(), edge = 10;
  const size = { width: Math.ceil(frame.width) + 2 * edge, height: Math.ceil(frame.height) + 2 * edge };
  const drawing = svg("svg", { xmlns: "http://www.w3.org/2000/svg", ...size, viewBox: `${-edge} ${-edge} ${size.width} ${size.height}` });
  const paper = getComputedStyle(root).getPropertyValue("--card").trim();
  drawing.append(svg("rect", { x: -edge, y: -edge, ...size, fill: paper }));
  const placed = (part) => {
    const box = part.getBoundingClientRect();
    return { x: box.left - frame.left, y: box.top - frame.top, width: box.width, height: box.height };
  };
  const put = {
    canvas: (part) => {
      painters.get(part)?.();
      const image = svg("image", { ...placed(part), href: part.toDataURL(), preserveAspectRatio: "none" });
      return styled(image, getComputedStyle(part), ["image-rendering"]);
    },
    img: (part) => svg("image", { ...placed(part), href: part.src, preserveAspectRatio: "none" }),
    svg: (part) => {
      const copy = part.cloneNode(true), parts = [...part.querySelectorAll("*")];
      [...copy.querySelectorAll("*")].forEach((inner, i) => styled(inner, getComputedStyle(parts[i]), STYLES));
      for (const [name, value] of Object.entries({ ...placed(part), overflow: "visible" })) copy.setAttribute(name, value);
      return copy;
    },
  };
  const walk = (part) => {
    if (part.nodeType === Node.TEXT_NODE) {
      const style = getComputedStyle(part.parentNode), letters = parseFloat(style.fontSize);
      for (const { words, left, middle } of textLinesOf(part)) {
        const line = svg("text", { x: left - frame.left, y: middle - frame.top + 0.35 * letters, fill: style.color }, words.join(" "));
        drawing.append(styled(line, style, FONT));
      }
    } else if (part.nodeType !== Node.ELEMENT_NODE || part.matches("button, audio, .take, .unseen") || !part.getClientRects().length) return;
    else if (put[part.localName]) drawing.append(put[part.localName](part));
    else part.childNodes.forEach(walk);
  };
  node.classList.add("whole");
  walk(node);
  node.classList.remove("whole");
  return drawing;
}

/** Longest side of a picture in pixels, of which browsers refuse more. */
const LONGEST_SIDE = 16_000;

async function savePicture(node, name, kind) {
  const drawing = asSvg(node), text = new XMLSerializer().serializeToString(drawing);
  if (kind === "svg") return saveAs(`${name}.${kind}`, text, "image/svg+xml");
  const image = new Image(), [width, height] = ["width", "height"].map((side) => Number(drawing.getAttribute(side)));
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  const isDrawn = await image.decode().then(() => true, () => false), scale = Math.min(2, LONGEST_SIDE / Math.max(width, height));
  const canvas = el("canvas", { width: Math.floor(scale * width), height: Math.floor(scale * height) });
  if (isDrawn) canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const tooLarge = "The picture is too large to save as PNG in this browser: save it as SVG, or show fewer units.";
  return canvas.toBlob((blob) => (isDrawn && blob ? saveAs(`${name}.${kind}`, blob, "image/png") : tell(tooLarge)));
}

/** Buttons on all cards with drawings that have none yet. */
function offerPictures() {
  for (const article of document.querySelectorAll(".card:not(.savable)")) {
    if (!article.querySelector("canvas, .chart")) continue;
    article.classList.add("savable");
    const title = article.querySelector("h3").textContent.trim(), unit = article.closest("#unit-part") ? `unit-${lastUnit}-` : "";
    const name = unit + title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
    article.prepend(el("div", { className: "take" }, ...["png", "svg"].map((kind) => el("button", { type: "button", "aria-label": `Save “${title}” as ${kind.toUpperCase()}`, onclick: () => savePicture(article, name, kind) }, kind.toUpperCase()))));
  }
}

/** The menu beside the gallery: what a button with this "data-save" does. */
const SAVE = {
  csv: () => saveAs("units.csv", asCsv(), "text/csv"),
  png: () => savePicture(gallery, "gallery", "png"),
  svg: () => savePicture(gallery, "gallery", "svg"),
  export: exportNotes,
  import: () => byId("notes-file").click(),
};

byId("save").addEventListener("click", ({ target }) => {
  SAVE[target.dataset.save]?.();
  if (target.dataset.save) byId("save").open = false;
});
byId("notes-file").addEventListener("change", ({ target }) => {
  if (target.files.length) importNotes(target.files[0]);
  target.value = "";
});
document.addEventListener("click", ({ target }) => {
  if (!target.closest("#save")) byId("save").open = false;
});
byId("save").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  byId("save").open = false;
  byId("save").querySelector("summary").focus();
});
