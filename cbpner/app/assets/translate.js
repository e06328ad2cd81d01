// Replace a page's own words as they appear: texts and attributes that are, as a whole, one of `phrases`
// ({English: Chinese}; `{}` stands for anything, which is `{1}`, `{2}`, ... in the Chinese and translated itself).
// Nothing below an element that matches `foreign` is touched: what documents contain.
function translatePage(phrases, foreign) {
  const ATTRIBUTES = ["title", "placeholder", "aria-label", "data-label"];
  const exact = new Map(), patterns = [], known = new Map();
  for (const [from, to] of Object.entries(phrases)) {
    const parts = from.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    if (parts.length === 1) exact.set(from, to);
    else patterns.push([new RegExp(`^${parts.join("(.+?)")}$`), to]);
  }
  function find(words) {
    if (exact.has(words)) return exact.get(words);
    for (const [pattern, to] of patterns) {
      const found = pattern.exec(words);
      if (found) return to.replace(/\{(\d)\}/g, (_, number) => translate(found[number]));
    }
    return words;
  }
  function translate(text) {
    const words = text.trim().replace(/\s+/g, " ");
    if (!/[A-Za-z]/.test(words)) return text;
    if (!known.has(words)) known.set(words, find(words));
    return known.get(words) === words ? text : text.replace(text.trim(), () => known.get(words));
  }
  function visitText(node) {
    const parent = node.parentElement;
    if (!parent || parent.closest(`script, style, textarea, ${foreign}`)) return;
    if ([node.previousSibling, node.nextSibling].some((each) => each?.nodeName === "WBR")) return; // part of a name
    const text = translate(node.data);
    if (text === node.data) return;
    if (parent.tagName === "OPTION") parent.value = parent.value; // it would follow the text
    node.data = text;
  }
  function visit(node) {
    if (node.nodeType === Node.TEXT_NODE) return visitText(node);
    if (node.nodeType !== Node.ELEMENT_NODE || node.closest(foreign)) return;
    for (const element of [node, ...node.querySelectorAll("*")]) {
      for (const name of ATTRIBUTES) {
        const text = element.getAttribute(name);
        if (text && translate(text) !== text) element.setAttribute(name, translate(text));
      }
    }
    const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) visitText(texts.currentNode);
  }
  document.documentElement.lang = "zh";
  visit(document.documentElement);
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "childList") addedNodes.forEach(visit);
      else visit(target);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES });
}
