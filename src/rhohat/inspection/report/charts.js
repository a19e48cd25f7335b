// Charts: small SVG drawings, colored by the page's style.

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A number with three digits, as short as it can be. */
function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}

/** Where to put numbers on an axis from low to high. */
function ticksOf(low, high, log) {
  const ticks = [];
  if (log) {
    for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power++) ticks.push(10 ** power);
    if (ticks.length > 1) return ticks;
    ticks.length = 0;
  }
  const raw = (high - low) / 5 || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw);
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}

function rangeOf(axis, values) {
  const counted = values.filter((value) => Number.isFinite(value) && (!axis.log || value > 0));
  const low = axis.low ?? Math.min(...counted), high = axis.high ?? Math.max(...counted);
  return low === high ? [axis.log ? low / 2 : low - 0.5, axis.log ? high * 2 : high + 0.5] : [low, high];
}

/** Width of a name in the legend, and how many fit beside each other. */
const LEGEND = 124;
const perRow = (width) => Math.max(Math.floor((width - 78) / LEGEND), 1);

/**
 * Lines, bars or dots over two axes.
 * x, y: {label, log, low, high}; along: values of x that lines, [{name, kind, y}], of which those with a name are in the legend, and dots, [y], share;
 * bars: [{from, to, value}]; marks: [{x or y, label, kind}]; text: what the drawing tells, for those who do not see it.
 */
function chart({ x, y, along = [], lines = [], dots = null, bars = [], marks = [], text, width = 560, height = 240 }) {
  const isUpright = (mark) => Number.isFinite(mark.x);
  const xs = [...along, ...bars.flatMap((bar) => [bar.from, bar.to])];
  const ys = [...lines.flatMap((line) => line.y), ...bars.map((bar) => bar.value), ...(dots ?? []), ...marks.map((mark) => mark.y)];
  const told = lines.filter((line) => line.name), legend = told.length > 1 ? Math.ceil(told.length / perRow(width)) : 0;
  const above = legend || marks.some(isUpright) ? 14 : 0;
  const staged = 13 * Math.min(marks.filter((mark) => mark.kind === "stage").length, 2); // names of stages take turns in two rows
  const [left, right, top, bottom] = [64, width - 14, 12 + above + staged + 16 * Math.max(legend - 1, 0), height - 40];
  const scale = (axis, values, from, to) => {
    const [low, high] = rangeOf(axis, values);
    const f = axis.log ? Math.log10 : Number;
    const place = (value) => from + (to - from) * (f(Math.max(value, axis.log ? low : value)) - f(low)) / (f(high) - f(low));
    return { place, ticks: ticksOf(low, high, axis.log) };
  };
  const across = scale(x, xs, left, right), up = scale(y, ys, bottom, top);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text });
  const add = (tag, attributes, ...children) => drawing.append(svg(tag, attributes, ...children));
  for (const tick of up.ticks) {
    add("line", { class: "grid", x1: left, x2: right, y1: up.place(tick), y2: up.place(tick) });
    add("text", { x: left - 6, y: up.place(tick) + 4, "text-anchor": "end" }, short(tick));
  }
  for (const tick of across.ticks) add("text", { x: across.place(tick), y: bottom + 16, "text-anchor": "middle" }, short(tick));
  add("text", { class: "title", x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, x.label);
  add("text", { class: "title", x: -(top + bottom) / 2, y: 12, "text-anchor": "middle", transform: "rotate(-90)" }, y.label);
  for (const { from, to, value } of bars) {
    const [start, end] = [across.place(from), across.place(to)];
    const high = up.place(value);
    const told = `${short(from)} to ${short(to)}: ${short(value)}`;
    if (high < bottom) add("rect", { class: "bar", x: start + 0.5, width: Math.max(end - start - 1, 0.5), y: high, height: bottom - high }, svg("title", {}, told));
  }
  for (const [number, mark] of marks.entries()) {
    const vertical = isUpright(mark);
    const place = vertical ? across.place(mark.x) : up.place(mark.y);
    const ends = vertical ? { x1: place, x2: place, y1: top, y2: bottom } : { x1: left, x2: right, y1: place, y2: place };
    add("line", { class: mark.kind ?? "mark", ...ends });
    const nearEnd = vertical && place > (left + right) / 2;
    const height = top - 6 - (mark.kind === "stage" ? 13 * (number % 2) : 0);
    const at = vertical ? { x: place + (nearEnd ? -4 : 4), y: height, "text-anchor": nearEnd ? "end" : "start" } : { x: right, y: place - 5, "text-anchor": "end" };
    add("text", at, mark.label);
  }
  for (const line of lines) {
    const points = line.y.map((value, i) => (value === null || (y.log && value <= 0) || (x.log && along[i] <= 0) ? null : `${across.place(along[i]).toFixed(1)},${up.place(value).toFixed(1)}`));
    add("polyline", { class: `line ${line.kind}`, points: points.filter(Boolean).join(" ") });
  }
  (legend ? told : []).forEach((line, number) => {
    const start = left + (number % perRow(width)) * LEGEND, row = 12 + 16 * Math.floor(number / perRow(width));
    add("line", { class: `line swatch ${line.kind}`, x1: start, x2: start + 18, y1: row - 4, y2: row - 4 });
    add("text", { x: start + 24, y: row }, line.name);
  });
  dots?.forEach((value, i) => add("circle", { class: "dot", cx: across.place(along[i]).toFixed(1), cy: up.place(value).toFixed(1), r: dots.length > 400 ? 1.2 : 2.2 }, svg("title", {}, `${short(along[i])}: ${short(value)}`)));
  return drawing;
}

/** Bars with names beside them, [[name, value], ...], from zero to the right, and to the left if a value is negative. */
function named(values, text) {
  const [width, names, step] = [360, 140, 17], height = values.length * step + 4;
  const peak = Math.max(...values.map(([, value]) => Math.abs(value))) || 1, room = width - names;
  const reach = values.some(([, value]) => value < 0) ? room / 2 : room, middle = width - reach;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text });
  drawing.append(svg("line", { class: "grid", x1: middle, x2: middle, y1: 0, y2: height }));
  for (const [i, [name, value]] of values.entries()) {
    const length = (Math.abs(value) / peak) * (reach - 4), shown = name.length > 19 ? `${name.slice(0, 18)}…` : name;
    const label = svg("text", { x: names - 6, y: i * step + 13, "text-anchor": "end" }, shown);
    label.append(svg("title", {}, `${name}: ${short(value)}`));
    drawing.append(label, svg("rect", { class: "bar", x: value < 0 ? middle - length : middle, y: i * step + 3, width: Math.max(length, 0.5), height: step - 5 }));
  }
  return Object.assign(document.createElement("div"), { className: "chart bars" }).appendChild(drawing).parentNode;
}

/** Draw a chart as wide as its container, now and whenever that changes; `draw` draws it for another width. */
function drawn(options) {
  const container = Object.assign(document.createElement("div"), { className: "chart" });
  let last = 0;
  container.draw = (width) => {
    if (width === 0 || width === last) return;
    last = width;
    container.replaceChildren(chart({ ...options, width: Math.max(width, 280) }));
  };
  new ResizeObserver(([{ contentRect }]) => {
    const zoom = Number(getComputedStyle(container).getPropertyValue("--zoom")) || 1;
    if (!root.classList.contains("printing")) container.draw(Math.round(contentRect.width / zoom));
  }).observe(container);
  return container;
}
