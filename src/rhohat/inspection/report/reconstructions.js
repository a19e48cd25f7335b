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

function overlaid(pictures, i, n, name) {
  const { label, places } = alongOf(pictures) ?? alongTime(pictures.shape[2]);
  const line = (name, kind, index) => ({ name, kind, y: valuesOf(pictures, index, 1).map((value) => inUnits(pictures, index, value)) });
  return drawn({
    x: { label, low: Math.min(...places), high: Math.max(...places) }, y: { label: "" }, along: places,
    lines: [line("original", "original", i), line("rebuilt", "reconstruction", n + i)],
    text: `${name}: the original and its reconstruction.`, height: 190,
  });
}

/** What is along windows of series. */
function alongTime(n) {
  const { told, rate, hop } = report.axes, step = told ? 1 : rate ? 1 / rate : hop;
  return { label: told ? `frequency, up to ${told}` : rate ? "seconds" : "samples", places: Array.from({ length: n }, (_, i) => i * step) };
}
