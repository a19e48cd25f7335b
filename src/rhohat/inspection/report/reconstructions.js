// Originals beside their reconstructions.

/** Curves in one chart; pictures one above the other, each on its own scale or both on one. */
function pairsOf({ names, errors, pictures }, layer, card) {
  const n = names.length, form = card.querySelector(".scale");
  form?.addEventListener("input", paintAgain);
  return names.map((name, i) => el("figure", {},
    ...(form ? tilesOf(pictures, i, n, name, () => form.elements.scale.value === "shared") : [overlaid(pictures, i, n, name)]),
    el("figcaption", {}, name, el("br"), `error ${short(errors[i])}`)));
}

function tilesOf(pictures, i, n, name, isShared) {
  const range = [Math.min(pictures.low[i], pictures.low[n + i]), Math.max(pictures.high[i], pictures.high[n + i])];
  const look = () => ({ map: "gray", contrast: 1, range: isShared() ? range : null });
  return [picture(pictures, i, `Original: ${name}`, look), picture(pictures, n + i, `Reconstruction: ${name}`, look)];
}

/** A picture's rows, each a line; of several, as channels of one scale above each other. */
function linesOf(pictures, index, peak) {
  const [, rows, length] = pictures.shape, y = valuesOf(pictures, index, 1).map((value) => inUnits(pictures, index, value));
  if (rows === 1) return [y];
  return Array.from({ length: rows }, (_, row) => y.slice(row * length, (row + 1) * length).map((value) => row + (0.5 * value) / peak));
}

function overlaid(pictures, i, n, name) {
  const { label, places } = alongOf(pictures) ?? alongTime(pictures.shape[2]), rows = pictures.shape[1];
  const peak = Math.max(...[i, n + i].flatMap((index) => [Math.abs(pictures.low[index]), Math.abs(pictures.high[index])])) || 1;
  const lines = (of, kind, index) => linesOf(pictures, index, peak).map((y, row) => ({ name: row ? "" : of, kind, y }));
  return drawn({
    x: { label, low: Math.min(...places), high: Math.max(...places) }, y: rows > 1 ? { label: "channel", low: -0.55, high: rows - 0.45 } : { label: "" }, along: places,
    lines: [...lines("original", "original", i), ...lines("rebuilt", "reconstruction", n + i)],
    text: `${name}: the original and its reconstruction.`, height: Math.min(170 + 20 * rows, 480),
  });
}

/** What is along windows of series. */
function alongTime(n) {
  const { told, rate, hop } = report.axes, step = told ? 1 : rate ? 1 / rate : hop;
  return { label: told ? `frequency, up to ${told}` : rate ? "seconds" : "samples", places: Array.from({ length: n }, (_, i) => i * step) };
}
