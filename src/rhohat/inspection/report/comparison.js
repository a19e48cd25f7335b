// The page of a comparison: every unit of the first model beside its partners in the others, and units that have none.
// What the data hold is declared in comparison.py.

const first = report.sides[0], isCurve = first.view.kind !== "image";
const all = report.returns.map((_, unit) => unit);
/** The least |cosine| of a unit with its partners. */
const likeness = (unit) => Math.min(...report.cosines[unit].slice(1).map(Math.abs));

// What can be chosen. Rows of a list are units, one of each model or of one alone, with their numbers.

const matched = (units) => units.map((unit) => report.sides.map((side, i) => [side, report.partners[unit][i], report.cosines[unit][i], report.correlations?.[unit][i]]));
const FILTERS = {
  all: { name: `all units of ${first.name}`, units: () => all },
  return: { name: "units that recur", units: () => all.filter((unit) => report.returns[unit]) },
  rest: { name: "units that do not recur", units: () => all.filter((unit) => !report.returns[unit]) },
};
const SORTS = {
  falling: { name: "most similar first", order: (a, b) => likeness(b) - likeness(a) || a - b },
  rising: { name: "least similar first", order: (a, b) => likeness(a) - likeness(b) || a - b },
  unit: { name: `unit of ${first.name}`, order: (a, b) => a - b },
};
report.sides.slice(1).forEach((side, i) => {
  FILTERS[`new-${i}`] = { name: `units of ${side.name} alone`, alone: side };
});
const choice = { filter: "all", sort: "falling" };

/** A unit's picture, and below it its number and how much it is like the first model's. */
function tile([side, unit, cosine, correlation]) {
  if (unit < 0) return el("figure", {}, el("figcaption", {}, `${side.name} has no unit left`));
  const isOther = side !== first && cosine !== undefined, hasActivations = isOther && correlation !== undefined;
  const text = `Unit ${unit} of ${side.name}${isOther ? `, cosine ${cosine.toFixed(2)}` : ""}${hasActivations ? `, correlation ${correlation.toFixed(2)}` : ""}`;
  return el("figure", {}, picture(side.view, unit, text, undefined, placesOf(side.view)),
    el("figcaption", { "aria-hidden": "true" },
      el("div", {}, isOther ? `${unit} · ${cosine.toFixed(2)}` : String(unit)),
      hasActivations ? el("div", {}, `r ${correlation.toFixed(2)}`) : null));
}

function drawMatches() {
  const { units, alone } = FILTERS[choice.filter];
  const rows = alone ? alone.new.map((unit) => [[alone, unit]]) : matched([...units()].sort(SORTS[choice.sort].order));
  byId("controls").elements.sort.disabled = Boolean(alone);
  byId("matches").replaceChildren(...rows.map((row) => el("li", { className: isCurve ? "match curves" : "match" }, ...row.map(tile))));
  byId("none").hidden = rows.length > 0;
  byId("count").textContent = `${rows.length.toLocaleString("en")} units`;
  const beside = alone ? "" : `From left to right: ${report.sides.map((side) => side.name).join(", ")}; below each unit its number${report.correlations ? ", its cosine and r, the correlation of activations," : " and its cosine"} with the first. `;
  byId("legend").textContent = beside + legendOf(alone ? alone.view : first.view);
}

for (const [name, table] of Object.entries({ filter: FILTERS, sort: SORTS })) {
  byId("controls").elements[name].replaceChildren(...Object.entries(table).map(([value, row]) => el("option", { value }, row.name)));
}
byId("controls").addEventListener("input", ({ target }) => {
  choice[target.name] = target.value;
  drawMatches();
});
byId("controls").addEventListener("submit", (event) => event.preventDefault());

setTheme(remembered() ?? (system.matches ? "dark" : "light"));
drawMatches();
