// What all pages share: elements, pictures that are painted when they are seen, light and dark.

const report = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const root = document.documentElement;

/** An element; texts are never parsed as HTML. */
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Pictures are painted when they come into view.

const painters = new WeakMap();
let sight = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) sight.delete(target);
    else {
      sight.add(target);
      painters.get(target)();
    }
  }
}, { rootMargin: "300px" });

/** A canvas with a picture, and for those who do not see it, a text. */
function picture(pictures, index, text, look = () => ({}), places = null) {
  const canvas = el("canvas", { role: "img", "aria-label": text });
  [, canvas.height, canvas.width] = pictures.kind === "image" ? pictures.shape : [0, 160, 240];
  let painted = "";
  painters.set(canvas, () => {
    const options = look(), key = `${JSON.stringify(options)} ${root.dataset.theme}`;
    if (key !== painted) paint(canvas, pictures, index, { ...options, places });
    painted = key;
  });
  watcher.observe(canvas);
  return canvas;
}

const paintAgain = () => sight.forEach((canvas) => painters.get(canvas)());

/** What is along curves of rows: the label, where each value lies, and names; null for other pictures. */
function alongOf(view) {
  const { columns } = report, width = view.shape[2];
  if (!columns || view.shape[1] > 1 || view.kind === "image") return null;
  if (!view.across && columns.places.length === width) return columns;
  return { label: view.across || "column", places: Array.from({ length: width }, (_, i) => i), names: [] };
}

const placesOf = (view) => alongOf(view)?.places ?? null;

/** What pictures of units show, in words. */
function legendOf(view, map = "gray") {
  const { shape, kind, title } = view, along = alongOf(view);
  const ends = along && kind === "trace" ? ` Along each curve: ${along.label}, from ${short(along.places[0])} to ${short(along.places.at(-1))}.` : "";
  const bars = kind === "bars" ? ` A bar for each of ${along.places.length} columns: ${along.names.join(", ")}.` : "";
  const gray = kind === "image" && shape[3] === 1 && map === "gray" ? "; mid-gray is zero" : "";
  return `${title}. Each is divided by its own largest absolute value${gray}.${ends}${bars}`;
}

/** Where a link within the page leads. */
let follow = (place) => { location.hash = place; };

// In a frame of a notebook, links would lead to the notebook's own address.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  follow(link.getAttribute("href")); // the hash of a link in a drawing is no text
});

// Light and dark.

function setTheme(theme) {
  root.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
  paintAgain();
}

function remembered(theme) {
  try {
    if (theme) localStorage.setItem("rhohat-theme", theme);
    return localStorage.getItem("rhohat-theme");
  } catch {
    return null; // pages from disk may not be allowed to remember
  }
}

byId("theme").addEventListener("click", () => {
  const theme = root.dataset.theme === "dark" ? "light" : "dark";
  remembered(theme);
  setTheme(theme);
});

const system = matchMedia("(prefers-color-scheme: dark)");
system.addEventListener("change", () => remembered() ?? setTheme(system.matches ? "dark" : "light"));

// What is printed must be painted, even if nobody has scrolled there.
window.addEventListener("beforeprint", () => {
  for (const canvas of document.querySelectorAll(".part:not([hidden]) canvas")) painters.get(canvas)?.();
});
