// What is wrong with the page that is open: a list of sentences.
() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push(`wider than the screen: ${root.scrollWidth}`);
  if (!root.lang) faults.push("no language");
  if (document.querySelectorAll("h1").length < 1) faults.push("no heading");
  for (const image of document.querySelectorAll("main img:not([alt])")) faults.push(`no alt: ${image.src}`);
  const named = (e) => e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby") || e.title;
  for (const e of document.querySelectorAll("main input:not([type=hidden]), main select, main textarea"))
    if (!named(e)) faults.push(`no label: ${e.name}`);
  for (const e of document.querySelectorAll("main a, main button"))
    if (!e.textContent.trim() && !e.ariaLabel && !e.querySelector("[aria-label], img[alt]"))
      faults.push(`nothing to say: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("main .button, main summary, main input:not([type=hidden])")) {
    const box = e.getBoundingClientRect();
    const target = e.matches("[type=checkbox], [type=radio]") ? e.closest("label")?.getBoundingClientRect() : box;
    if (box.height && target && target.height < 43.5) faults.push(`small target: ${e.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) faults.push(`twice: #${id}`);
  if (document.querySelector("[style], style, script:not([src])")) faults.push("inline style or script");
  return faults;
}
