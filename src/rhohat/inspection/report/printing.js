// The print edition: opening, gallery and model, all of them, whichever is on the screen; or one unit's page, alone.

/** Width that charts are drawn for, in pixels: that of A4 between its margins. */
const PRINTED = 640;
let asOnScreen = null;

const drawCharts = (width) => document.querySelectorAll(".chart").forEach((container) => container.draw?.(width(container)));

window.addEventListener("beforeprint", () => {
  const opening = document.querySelector(".opening"), { theme } = root.dataset;
  asOnScreen = { opening, isOpen: opening?.open, theme };
  if (opening) opening.open = true;
  root.dataset.theme = "light";
  root.classList.add("printing");
  drawCharts((container) => (container.closest(".views") ? PRINTED / 2 : PRINTED));
  for (const canvas of document.querySelectorAll("canvas")) painters.get(canvas)?.();
});
window.addEventListener("afterprint", () => {
  const { opening, isOpen, theme } = asOnScreen;
  root.classList.remove("printing");
  if (opening) opening.open = isOpen;
  drawCharts((container) => container.clientWidth);
  setTheme(theme);
});
