// The address: its hash names what is shown and, after "?", whatever has been chosen that is not as at first.

const AT_FIRST = { ...choice };
/** Choices that are one of a fixed set, and those that are made in many small steps. */
const SETS = { sort: SORTS, filter: FILTERS, map: MAPS };
const GRADUAL = new Set(["search", "size", "contrast"]);

const placeNow = () => location.hash.slice(1).split("?")[0] || "units";
const usual = (name) => (name === "rising" ? Boolean(SORTS[choice.sort].rising) : AT_FIRST[name]);

/** What has been chosen, as the end of an address. */
function chosenWords() {
  const words = new URLSearchParams();
  for (const name of Object.keys(AT_FIRST)) if (choice[name] !== usual(name)) words.set(name, choice[name]);
  return String(words) && `?${words}`;
}

/** Go to a place on the page, with all that has been chosen. */
function goTo(place) {
  location.hash = `${place.replace("#", "")}${chosenWords()}`;
}

/** Tell the address of a choice. Back undoes it, unless it was one of many small steps. */
function tellAddress(name) {
  const address = `${location.href.split("#")[0]}#${placeNow()}${chosenWords()}`;
  try {
    history[GRADUAL.has(name) ? "replaceState" : "pushState"](null, "", address);
  } catch {
    // Frames of notebooks have no address of their own.
  }
}

/** Choose what the address says; whether that changes anything. */
function heedAddress() {
  const words = new URLSearchParams(location.hash.split("?")[1]), before = JSON.stringify(choice);
  for (const [name, first] of Object.entries(AT_FIRST)) {
    const text = words.get(name), isKnown = text !== null && (!SETS[name] || Object.hasOwn(SETS[name], text));
    const value = { boolean: () => text === "true", number: () => Number(text), string: () => text }[typeof first];
    choice[name] = isKnown ? value() : first;
  }
  if (!words.has("rising")) choice.rising = usual("rising");
  const { elements } = byId("controls");
  for (const name of ["size", "contrast"]) { // which a slider keeps within its ends
    elements[name].value = choice[name];
    choice[name] = Number(elements[name].value);
  }
  return JSON.stringify(choice) !== before;
}

/** The title of the tab: what is shown, and of which page. */
const TITLE = document.title;
function tellTitle(shownNow) {
  document.title = shownNow ? `${shownNow} · ${TITLE}` : TITLE;
}
