// Projector mode: one unit fills the screen, for all in a room; key p, or the button on a unit's page.

const isProjected = () => root.classList.contains("projected");

function project(on) {
  if (on && current !== "unit") goTo(found.address(document.activeElement?.closest?.("#gallery .tile")?.hash.match(/\d+$/)?.[0] ?? shown[0] ?? 0));
  root.classList.toggle("projected", on);
  // Where the whole screen is refused, as in frames, the window is filled.
  if (on) root.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
  showProjected();
}

/** The button says what it does now. */
function showProjected() {
  const button = byId("project");
  if (button) button.textContent = isProjected() ? "End" : "Projector";
}

const projectButton = () => el("button", { type: "button", id: "project", "aria-keyshortcuts": "p", onclick: () => project(!isProjected()) }, isProjected() ? "End" : "Projector");

document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && isProjected()) project(false);
});
