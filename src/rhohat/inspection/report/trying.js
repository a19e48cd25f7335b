// Trying: what a reader brings, a picture, a sound or a row of numbers, and what units make of it.

// What is shown of it.

/** Units that are listed for each layer. */
const FIRING = 12;

const asText = (values) => Array.from(values, (value) => Number(value.toPrecision(7))).join(", ");

/** A patch, or row with a shape, as a picture between two values. */
function patchPicture(values, low, high, text) {
  const [height, width, channels = 1] = trial.shape, canvas = el("canvas", { role: "img", "aria-label": text });
  paintImage(canvas, Array.from(values, (value) => (high > low ? (2 * (value - low)) / (high - low) - 1 : 0)), [1, height, width, channels], "gray");
  return el("figure", {}, canvas, el("figcaption", {}, text));
}

function comparison({ input, rebuilt }) {
  const both = [...input, ...(rebuilt ?? [])], [low, high] = [Math.min(...both), Math.max(...both)];
  const names = [trial.steps.length ? "prepared" : "given", "rebuilt"], { columns } = report;
  if (trial.shape) return el("div", { className: "views" }, patchPicture(input, low, high, names[0]), rebuilt && patchPicture(rebuilt, low, high, names[1]));
  if (columns?.names.length === input.length) {
    const row = (tag, words) => el("tr", {}, ...words.map((word, i) => el(i ? tag : "th", i ? {} : { scope: "row" }, word)));
    return el("table", {}, el("tbody", {}, row("th", ["column", ...names.slice(0, rebuilt ? 2 : 1)]), ...columns.names.map((name, i) => row("td", [name, short(input[i]), ...(rebuilt ? [short(rebuilt[i])] : [])]))));
  }
  const along = columns?.places.length === input.length ? columns.places : Array.from(input.keys());
  const lines = [{ name: names[0], kind: "before", y: Array.from(input) }, ...(rebuilt ? [{ name: names[1], kind: "after", y: Array.from(rebuilt) }] : [])];
  return drawn({ x: { label: columns?.label ?? (trial.takes === "rows" ? "column" : "sample") }, y: { label: "" }, along, lines, text: names.join(", and ") });
}

/** Show what a row, or patch, does. */
function showTrial(input) {
  const { activations, rebuilt } = encoded(input);
  const fired = activations.map((values, number) => {
    const best = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, FIRING);
    return el("div", {}, layers[number].name ? el("h4", {}, layers[number].name) : null,
      el("div", { className: "tiles" }, ...best.map((unit) => tile(unit, `${unit} · ${short(values[unit])}`, layers[number]))));
  });
  const error = rebuilt && squaresOf(rebuilt.map((value, i) => value - input[i])) / squaresOf(centered(input));
  const told = error < 1 ? `Units explain ${(100 * (1 - error)).toFixed(1)}% of its variance about its own mean.` : "Its own mean is a better approximation than the reconstruction: it is unlike the data that the units learned from.";
  byId("tried").replaceChildren(
    card("Units that fire most", note("The numbers are activations. Open a unit to see what it looks for or stands for."), ...fired),
    card("Reconstruction", note(rebuilt ? told : trial.missing), comparison({ input, rebuilt })),
    wide(el("details", { className: "card" }, el("summary", {}, "All numbers"),
      ...activations.flatMap((values, number) => [el("h4", {}, `Activations${layers[number].name && ` of ${layers[number].name}`}`), el("pre", { tabIndex: 0, className: "activations", "aria-label": "Activations" }, asText(values))]),
      ...(rebuilt ? [el("h4", {}, "Reconstructed"), el("pre", { tabIndex: 0, className: "rebuilt", "aria-label": "Reconstructed" }, asText(rebuilt))] : []))));
  offerPictures();
}

function refuseTrial(text) {
  byId("tried").replaceChildren();
  byId("try-told").textContent = text;
}

// Rows of numbers.

/** The rows in a text; an Error tells what is wrong with it. */
function rowsIn(text) {
  const words = text.split(/[\s,;]+/).filter(Boolean), numbers = words.map(Number);
  const wrong = numbers.findIndex((number) => !Number.isFinite(number));
  if (wrong >= 0) throw new Error(`Entry ${wrong + 1}, “${words[wrong].slice(0, 20)}”, is not a number: leave out names and empty entries, and write decimals with a point.`);
  const { n_columns: width } = trial;
  if (numbers.length === 0 || numbers.length % width) throw new Error(`Expected ${width} numbers, one for each column, got ${numbers.length}.`);
  return Array.from({ length: numbers.length / width }, (_, row) => Float64Array.from(numbers.slice(row * width, (row + 1) * width)));
}

function rowField() {
  const field = el("textarea", { id: "row", rows: 4, placeholder: `${trial.n_columns} numbers, with commas, spaces or line breaks between them`, spellcheck: false });
  field.setAttribute("aria-label", "Row of numbers");
  field.addEventListener("input", () => {
    if (!field.value.trim()) return refuseTrial("");
    try {
      const rows = rowsIn(field.value);
      byId("try-told").textContent = rows.length > 1 ? `This is the first of ${rows.length} rows.` : "";
      return showTrial(through(trial.steps, rows[0]));
    } catch (error) {
      return refuseTrial(error.message);
    }
  });
  const names = report.columns?.names.length ? ` The columns: ${report.columns.names.join(", ")}.` : "";
  return { nodes: [note(`Paste a row of ${trial.n_columns} numbers, or choose or drop a file with them.${names}`), chooser("Choose a file", ".csv,.txt,.tsv,text/*"), field], take: async (file) => {
    field.value = await file.text();
    field.dispatchEvent(new Event("input"));
  } };
}

// Pictures and sounds.

/** Longest side of pictures in pixels; of those that are filtered, which takes the cube of it, in gray and in color. */
const SIDES = { cut: 1600, gray: 400, color: 280 };
/** Seconds of a sound that are taken, and columns that it is drawn with. */
const SECONDS = 60, OUTLINE = 1200;

/** A picture's pixels as files of photographs are read: gray or three colors, at unit contrast. */
function planesOf({ data, width, height }, channels) {
  const white = (pixel, color) => (data[4 * pixel + color] * data[4 * pixel + 3]) / 255 ** 2 + 1 - data[4 * pixel + 3] / 255;
  const plane = (value) => Float64Array.from({ length: width * height }, (_, pixel) => value(pixel));
  const planes = channels === 3
    ? [0, 1, 2].map((color) => plane((pixel) => white(pixel, color)))
    : [plane((pixel) => 0.2125 * white(pixel, 0) + 0.7154 * white(pixel, 1) + 0.0721 * white(pixel, 2))];
  const mean = meanOf(planes.map(meanOf)), deviation = Math.sqrt(meanOf(planes.map((values) => meanOf(values.map((value) => (value - mean) ** 2)))));
  return { planes: planes.map((values) => values.map((value) => value / (deviation > 1e-6 ? deviation : 1))), width, height };
}

/** Sums of values over all that lies above and to the left of each place, row by row, of width + 1. */
function integral(planes, width, height, value) {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let row = 0, at = 0; row < height; row++) {
    let here = 0;
    for (let column = 0; column < width; column++, at++) {
      for (const plane of planes) here += value(plane[at]);
      sums[(row + 1) * (width + 1) + column + 1] = sums[row * (width + 1) + column + 1] + here;
    }
  }
  return (top, left, high, wide) => {
    const [above, below] = [top * (width + 1), (top + high) * (width + 1)];
    return sums[below + left + wide] - sums[below + left] - sums[above + left + wide] + sums[above + left];
  };
}

/** Where the patch of greatest variance begins. */
function strongest({ planes, width, height }, [high, wide]) {
  const sum = integral(planes, width, height, (x) => x), squares = integral(planes, width, height, (x) => x * x);
  let best = { top: 0, left: 0 }, most = -1;
  for (let top = 0; top + high <= height; top++) {
    for (let left = 0; left + wide <= width; left++) {
      const variance = squares(top, left, high, wide) - sum(top, left, high, wide) ** 2 / (high * wide * planes.length);
      if (variance > most) [best, most] = [{ top, left }, variance];
    }
  }
  return best;
}

/** How what is brought is read, (file, shape of a piece, canvas to draw it on, side) => what steps get; an Error tells what is wrong. */
const READ = {
  images: async (file, { shape: [high, wide, channels = 1], stride }, canvas, isFiltered) => {
    const picture = await createImageBitmap(file).catch(() => null);
    if (!picture) throw new Error(`${file.name} is not a picture that this browser can read: choose a PNG, JPEG or WebP file.`);
    const side = !isFiltered ? SIDES.cut : channels === 3 ? SIDES.color : SIDES.gray, scale = Math.min(1, side / Math.max(picture.width, picture.height));
    [canvas.width, canvas.height] = stride === null ? [wide, high] : [picture.width, picture.height].map((length) => Math.max(Math.round(scale * length), 1));
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const isShrunk = canvas.width !== picture.width || canvas.height !== picture.height;
    return { ...planesOf(context.getImageData(0, 0, canvas.width, canvas.height), channels), told: isShrunk ? `, scaled to ${canvas.width} × ${canvas.height} pixels` : "" };
  },
  recordings: async (file) => {
    const { rate } = trial.steps[0].parameters;
    const sound = await file.arrayBuffer().then((content) => new OfflineAudioContext(1, 1, rate).decodeAudioData(content)).catch(() => null);
    if (!sound) throw new Error(`${file.name} is not a sound that this browser can read: choose a WAV, MP3 or FLAC file.`);
    const channels = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
    const samples = Float64Array.from({ length: Math.min(sound.length, SECONDS * rate) }, (_, i) => channels.reduce((sum, values) => sum + values[i], 0) / channels.length);
    return { samples, told: sound.length > samples.length ? `, the first ${SECONDS} seconds` : "" };
  },
};

const endsOf = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

/** Draw what steps have made of a sound: its spectrogram, or how far its wave goes. */
function drawSound(canvas, { planes: [plane], height, width }) {
  const columns = Math.min(width, OUTLINE), from = (column) => Math.floor((column * width) / columns), [low, high] = endsOf(plane);
  const share = (value) => (value - low) / (high - low || 1);
  if (height > 1) {
    const values = Array.from({ length: height * columns }, (_, at) => 2 * share(plane[Math.floor(at / columns) * width + from(at % columns)]) - 1);
    return paintImage(canvas, values, [1, height, columns, 1], "gray");
  }
  [canvas.width, canvas.height] = [columns, 120];
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(canvas).color;
  for (let column = 0; column < columns; column++) {
    const [least, most] = endsOf(plane.subarray(from(column), from(column + 1))).map((value) => 120 * (1 - share(value)));
    context.fillRect(column, most, 1, Math.max(least - most, 1));
  }
  return null;
}

/** Something whole, of which a piece is chosen. */
function wholeField() {
  const isSound = trial.takes === "recordings", at = trial.steps.findIndex((step) => step.name === "patch");
  const [whole, ofPiece] = [trial.steps.slice(0, at), trial.steps.slice(at)], { parameters } = ofPiece[0];
  const { shape: [high, wide, channels = 1], stride } = parameters, isWhole = stride === null, piece = isSound ? "window" : "patch";
  const canvas = el("canvas", { role: "img", "aria-label": `Your data; drag to choose a ${piece}` }), frame = el("div", { className: "frame" });
  const stage = el("div", { className: isSound ? "stage sounding" : "stage" }, canvas, frame);
  const slider = (name) => el("input", { type: "range", min: 0, step: 1, "aria-label": `${name} of the ${piece}` });
  const sliders = { left: slider("Column"), top: slider("Row") }, again = el("button", { type: "button" }, `Strongest ${piece}`);
  const region = el("div", { className: "place", hidden: true }, stage, el("div", { className: "sliders", hidden: isWhole }, sliders.left, sliders.top, again));
  let image = null;
  const place = (to) => {
    for (const [name, end] of [["left", image.width - wide], ["top", image.height - high]]) {
      sliders[name].max = end;
      sliders[name].value = to[name];
      sliders[name].hidden = end === 0;
    }
    const [left, top] = [Number(sliders.left.value), Number(sliders.top.value)];
    const share = (value, of) => `${(100 * value) / of}%`;
    Object.assign(frame.style, { left: share(left, image.width), top: share(top, image.height), width: share(wide, image.width), height: share(high, image.height) });
    const where = isSound ? `${((left * image.seconds) / image.width).toFixed(2)} s` : `row ${top}, column ${left}`;
    byId("try-told").textContent = `${image.told}${isWhole ? "" : ` The ${piece} begins at ${where}.`}`;
    showTrial(through(ofPiece, image, { top, left }));
  };
  const drag = (event) => {
    if (!image || !event.buttons) return;
    const box = canvas.getBoundingClientRect();
    place({ left: Math.round(((event.clientX - box.left) / box.width) * image.width - wide / 2), top: Math.round(((event.clientY - box.top) / box.height) * image.height - high / 2) });
  };
  for (const type of ["pointerdown", "pointermove"]) stage.addEventListener(type, drag);
  for (const input of Object.values(sliders)) input.addEventListener("input", () => place({ left: sliders.left.value, top: sliders.top.value }));
  again.addEventListener("click", () => place(strongest(image, [high, wide])));
  const take = async (file) => {
    try {
      const given = await READ[trial.takes](file, parameters, canvas, whole.length > 0), made = through(whole, given);
      if (made.width < wide || made.height < high) throw new Error(`${file.name} has ${made.height} × ${made.width} ${isSound ? "bands and moments" : "pixels"}, fewer than the ${high} × ${wide} of a ${piece}: choose a larger one.`);
      image = { ...made, told: `${file.name}${given.told}.`, seconds: isSound ? given.samples.length / trial.steps[0].parameters.rate : 0 };
      if (isSound) drawSound(canvas, made);
      region.hidden = false;
      return place(isWhole ? { left: 0, top: 0 } : strongest(image, [high, wide]));
    } catch (error) {
      return refuseTrial(error.message);
    }
  };
  const noun = isSound ? "sound" : "picture", color = channels === 3 ? "color" : "gray", filtered = whole.length ? ", and filtered as a whole" : "";
  const asRead = isSound ? "Its channels are mixed into one and resampled to the model’s rate." : `It is prepared as rhohat prepares photographs: in ${color}, at unit contrast${filtered}.`;
  return { nodes: [note(`Choose${isSound ? " or drop" : ", drop or paste"} a ${noun}. ${asRead} It stays in this browser.`), chooser(`Choose a ${noun}`, isSound ? "audio/*" : "image/*"), region], take };
}

// What both have in common.

let takeFile = null;

function chooser(text, accept) {
  const input = el("input", { type: "file", accept, id: "own", "aria-label": text });
  input.addEventListener("change", () => input.files.length && takeFile(input.files[0]));
  return input;
}

function setUpTrial() {
  if (trial.refusal) return refuseTrial(trial.refusal);
  const field = trial.takes === "rows" ? rowField() : wholeField();
  takeFile = field.take;
  byId("bring").append(...field.nodes);
  byId("bring").hidden = false;
  const isHere = () => current === "try";
  document.addEventListener("dragover", (event) => isHere() && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!isHere()) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) takeFile(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (isHere() && file) takeFile(file);
  });
  return null;
}
