// The browser's own print, for who has one.
const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => window.print());
