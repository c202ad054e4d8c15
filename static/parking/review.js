// Pictures answered by keys: each is written on its button or box (1-5, x, a, u).
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const answer = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!answer) return;
  event.preventDefault();
  answer.click();
});
