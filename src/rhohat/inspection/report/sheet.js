// On a phone, one row of controls stays in sight; the rest is on a sheet that "Filter" brings up.

function showSheet(on) {
  byId("more").classList.toggle("open", on);
  byId("sheet").setAttribute("aria-expanded", String(on));
  if (on) byId("more").querySelector("select").focus();
  else byId("sheet").focus();
}

byId("sheet").addEventListener("click", () => showSheet(!byId("more").classList.contains("open")));
byId("done").addEventListener("click", () => showSheet(false));
byId("more").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && byId("more").classList.contains("open")) showSheet(false);
});
