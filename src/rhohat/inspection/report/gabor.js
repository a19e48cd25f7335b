// The Gabor function that comes nearest to a unit's tile, in a sentence and in numbers.

/** Share of a tile's variance below which the nearest function says nothing of it. */
const LEAST_LIKE = 0.4;
const isLikeGabor = (unit) => Boolean(found.gabor) && found.gabor.r2[unit] >= LEAST_LIKE;

/** How the line of an edge lies, by the direction of its wave, which is across it; y goes down. */
const LINES = ["vertical", "diagonal, rising", "horizontal", "diagonal, falling"];

/** Where a place lies in a tile, in words. */
function placeIn(x, y, width, height) {
  const third = (value, size, words) => words[Math.min(Math.max(Math.floor((3 * value) / size), 0), 2)];
  const aside = third(x, width, ["left", "", "right"]);
  const along = third(y, height, aside ? ["upper ", "", "lower "] : ["top", "", "bottom"]);
  return along || aside ? `at the ${along}${aside}` : "in the middle";
}

function gaborFunction(unit) {
  const values = Object.fromEntries(found.gabor.names.map((name, i) => [name, found.gabor.parameters[unit][i]]));
  const degrees = (radians, turn) => `${Math.round(((((radians * 180) / Math.PI) % turn) + turn) % turn)}°`;
  const r2 = found.gabor.r2[unit], [, height, width] = found.views[0].shape;
  const line = LINES[Math.round((orientationOf(unit, found) * 4) / Math.PI) % 4];
  const isInside = values.x0 > -0.5 && values.y0 > -0.5 && values.x0 < width - 0.5 && values.y0 < height - 0.5;
  const place = isInside ? placeIn(values.x0 + 0.5, values.y0 + 0.5, width, height) : "outside the tile";
  const what = isEdge(unit) ? "An edge" : "Somewhat like an edge";
  const wave = values.frequency * 2 * Math.max(width, height) > 1
    ? [["wavelength", `${short(1 / values.frequency)} pixels`], ["frequency", `${short(values.frequency)} cycles per pixel`]]
    : [["wavelength", "longer than twice the tile"]];
  return card("Gabor function",
    note(`${what}: ${line}, ${place}. The best-fitting Gabor function explains ${(100 * r2).toFixed(0)}% of the tile (R² ${short(r2)}); from ${100 * found.gabor.edge}% on, the unit counts as an edge.`),
    facts([
      ["center", `${short(values.x0)}, ${short(values.y0)} pixels`],
      ["orientation of the wave", degrees(values.orientation, 180)],
      ...wave,
      ["phase", degrees(values.phase, 360)],
      ["width along, across the wave", `${short(values.sigma_u)}, ${short(values.sigma_v)} pixels`],
    ]));
}
