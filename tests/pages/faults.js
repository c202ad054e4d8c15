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
  return [...faults, ...tooFaint()];

  // Text and the edges of fields against what lies behind them (WCAG 1.4.3, 1.4.11).
  function tooFaint() {
    const found = new Map();
    const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
    const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (a, b) => {
      const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
      return (bright + 0.05) / (dark + 0.05);
    };
    const behind = (element) => {
      const layers = [];
      for (let e = element; e; e = e.parentElement) {
        const style = getComputedStyle(e);
        if (style.backgroundImage !== "none") return null; // a drawn plate: its colours are the law's
        layers.push(rgba(style.backgroundColor));
      }
      return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255]);
    };
    const check = (element, colour, least, what) => {
      const ground = element.getBoundingClientRect().width ? behind(element) : null;
      const got = ground ? contrast(over(rgba(colour), ground), ground) : least;
      if (got < least) found.set(`${colour} ${ground}`, `faint, ${got.toFixed(2)}: ${what}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const said = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
      if (!said || element.closest("svg, option, .spoken, .skip")) continue;
      const style = getComputedStyle(element), size = parseFloat(style.fontSize);
      const large = size >= 24 || (size > 18.6 && style.fontWeight >= 700);
      check(element, style.color, large ? 3 : 4.5, said.slice(0, 40));
    }
    for (const e of document.querySelectorAll("main input:not([type=hidden], [type=file]), main select, main textarea"))
      check(e.parentElement, getComputedStyle(e).borderTopColor, 3, e.outerHTML.slice(0, 60));
    return [...found.values()];
  }
}
