// Maps of a scene whose pixels are the rows.

/** Where in the scene a unit is active, with the places of its examples. */
function mapOf(unit) {
  const { height, width, low, high, pictures } = found.maps;
  const examples = (found.groups?.[0].examples[unit] ?? []).filter((example) => example >= 0);
  const overlay = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const ring = Math.max(width, height) / 40;
  for (const example of examples) {
    const row = report.examples.rows[example];
    overlay.append(svg("circle", { cx: (row % width) + 0.5, cy: Math.floor(row / width) + 0.5, r: ring }));
  }
  const text = `Where in the scene of ${height} × ${width} pixels unit ${unit} is active`;
  const map = el("div", { className: "picture" }, el("img", { src: pictures[unit], alt: text, width, height }), overlay);
  map.style.maxWidth = `${Math.round(480 * Math.min(1, width / height))}px`;
  return card("Where in the scene",
    note(`Mean activation at each place, from ${short(low[unit])}, black, to ${short(high[unit])}, white. Rings: its examples.`),
    el("div", { className: "places scene" }, map));
}
