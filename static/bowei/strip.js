// Walk a strip of berths: arrows, Home and End move; Enter or a click opens the berth.
(() => {
  const berthOf = (event) => event.target.closest?.(".berth");
  document.addEventListener("keydown", (event) => {
    const berth = berthOf(event);
    if (!berth) return;
    const all = [...berth.closest(".strip").querySelectorAll(".berth")];
    const at = all.indexOf(berth);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0,
      End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.max(0, Math.min(all.length - 1, to))];
    berth.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
  // One stop of the Tab key per strip: the berth that was left last.
  const tidy = () => {
    for (const strip of document.querySelectorAll(".strip")) {
      const all = [...strip.querySelectorAll(".berth")];
      const kept = all.find((b) => b === document.activeElement) || all[0];
      for (const b of all) b.setAttribute("tabindex", b === kept ? "0" : "-1");
    }
  };
  tidy();
  document.addEventListener("live:refreshed", tidy);
})();
