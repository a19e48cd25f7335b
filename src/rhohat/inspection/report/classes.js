// Classes: how a unit responds to the examples of each, where examples have labels.

/** Whether a unit is most selective for the class that is asked for; "" is any. */
const isSelectiveFor = (unit, number) => !number || !found.classes || found.classes.best[unit] === Number(number);

/** The class that a unit is most selective for, in words. */
const selectivity = (unit) => `${found.classes.names[found.classes.best[unit]]}, AUROC ${short(found.classes.auroc[unit])}`;

function responsesToClasses(unit) {
  const { names, counts, shown, means, best, auroc } = found.classes, name = names[best[unit]];
  const bars = shown[unit].map((number, i) => [names[number], means[unit][i] ?? 0]);
  const part = bars.length < names.length ? `, the ${bars.length} largest of ${names.length.toLocaleString("en")}` : "";
  return card("Classes",
    note(`Most selective for ${name}: AUROC ${short(auroc[unit])}, the probability that one of its ${counts[best[unit]].toLocaleString("en")} examples activates the unit more than an example of another class does. Classes with fewer than 5 examples are left out.`),
    note(`Average activation by class${part}:`),
    named(bars, `Average activation of unit ${unit} by class: ${bars.map(([label, mean]) => `${label} ${short(mean)}`).join(", ")}`));
}
