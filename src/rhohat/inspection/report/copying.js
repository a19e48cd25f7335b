// Lines to be copied: a button at each element with data-copied.

for (const lines of document.querySelectorAll("[data-copied]")) {
  const name = lines.getAttribute("aria-label");
  const button = el("button", { type: "button", className: "copy", "aria-label": `Copy: ${name}`, textContent: "Copy" });
  button.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(lines.textContent);
    } catch { // a browser that keeps its clipboard from pages: select the lines instead
      copied = false;
      getSelection().selectAllChildren(lines);
    }
    button.textContent = copied ? "Copied" : "Selected";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  lines.before(button);
}
