// Maps of units: a click, or Enter, opens one; arrow keys go to the next one in their direction.

const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/** Make Tab reach one of some links, [{ node, x, y }], and arrow keys the others. */
function roving(container, links) {
  for (const { node } of links) node.setAttribute("tabindex", -1);
  links[0].node.setAttribute("tabindex", 0);
  container.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key], from = links.find(({ node }) => node === event.target);
    if (!direction || !from || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const far = ({ x, y }) => {
      const along = (x - from.x) * direction[0] + (y - from.y) * direction[1];
      const aside = Math.abs((x - from.x) * direction[1]) + Math.abs((y - from.y) * direction[0]);
      return along > 1e-6 ? along + 3 * aside : Infinity;
    };
    const to = links.reduce((best, link) => (far(link) < far(best) ? link : best), from);
    from.node.setAttribute("tabindex", -1);
    to.node.setAttribute("tabindex", 0);
    to.node.focus();
  });
}

/** Units on a grid. */
function atlasOf({ cells, n_columns: columns }, layer) {
  const links = cells.map(([y, x], unit) => {
    const node = tile(unit, String(unit), layer);
    node.style.gridArea = `${y + 1} / ${x + 1}`;
    return { node, x, y };
  });
  const grid = el("div", { className: "atlas", role: "group", "aria-label": "Units by similarity" }, ...links.map(({ node }) => node));
  grid.style.gridTemplateColumns = `repeat(${columns}, minmax(22px, ${layer.picture.kind === "image" ? 64 : 96}px))`;
  roving(grid, links);
  return [grid];
}

const gaborOf = (unit, name, layer) => layer.gabor.parameters[unit][layer.gabor.names.indexOf(name)];
const orientationOf = (unit, layer) => {
  const turn = gaborOf(unit, "orientation", layer) % Math.PI;
  return turn < 0 ? turn + Math.PI : turn;
};
const inDegrees = (radians) => `${Math.round((radians * 180) / Math.PI)}°`;

/** Edges in the upper half of a disk: each a line along the edge, where the direction and frequency of its wave lie. */
function polarOf(_, layer) {
  const edges = layer.all.filter((unit) => layer.gabor.r2[unit] >= layer.gabor.edge);
  const [width, height, radius] = [460, 252, 200], [cx, cy] = [width / 2, height - 26];
  const highest = Math.max(...edges.map((unit) => gaborOf(unit, "frequency", layer)), 0.01);
  const step = ticksOf(0, highest, false)[1], most = Math.ceil(highest / step - 1e-9) * step;
  const at = (frequency, turn) => [cx - ((radius * frequency) / most) * Math.cos(turn), cy - ((radius * frequency) / most) * Math.sin(turn)];
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Edges by orientation and frequency" });
  for (let ring = step; ring <= most + step / 2; ring += step) {
    const [left] = at(ring, 0), [right] = at(ring, Math.PI);
    drawing.append(svg("path", { class: "grid", d: `M ${left} ${cy} A ${right - cx} ${right - cx} 0 0 1 ${right} ${cy}` }));
    drawing.append(svg("text", { x: right, y: cy + 14, "text-anchor": "middle" }, short(ring)));
  }
  for (const turn of [0, 45, 90, 135, 180]) {
    const [x, y] = at(most, (turn * Math.PI) / 180), [wordX, wordY] = at(most * 1.07, (turn * Math.PI) / 180);
    drawing.append(svg("line", { class: "grid", x1: cx, y1: cy, x2: x, y2: y }));
    if (turn % 180) drawing.append(svg("text", { x: wordX, y: wordY + 4, "text-anchor": "middle" }, `${turn}°`));
  }
  const preview = el("div", { className: "preview", "aria-hidden": "true" });
  const links = edges.map((unit) => {
    const turn = orientationOf(unit, layer), frequency = gaborOf(unit, "frequency", layer), [x, y] = at(frequency, turn);
    const [dx, dy] = [6 * Math.sin(turn), -6 * Math.cos(turn)], told = `${inDegrees(turn)}, ${short(frequency)} cycles per pixel`;
    const node = svg("a", { href: layer.address(unit), "aria-label": describe(unit, told, layer) },
      svg("circle", { cx: x, cy: y, r: 7 }), svg("line", { x1: x - dx, y1: y - dy, x2: x + dx, y2: y + dy }));
    const look = () => preview.replaceChildren(picture(layer.picture, unit, ""), el("span", {}, `${called(unit, layer)}: ${told}`));
    for (const event of ["focus", "mouseenter"]) node.addEventListener(event, look);
    return { node, x, y };
  });
  drawing.append(...links.map(({ node }) => node));
  roving(drawing, links);
  return [el("div", { className: "polar chart" }, drawing, preview)];
}
