// The start: all that the other files describe is put in motion.

setTheme(remembered() ?? (system.matches ? "dark" : "light"));
setUpControls();
drawModel();
setUpTrial();
offerPictures();
window.addEventListener("hashchange", show);
show();
