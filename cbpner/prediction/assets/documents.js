(() => {
  const ROWS = 300, DELAY = 150;  // entities that are listed; milliseconds after the last key
  const find = (id) => document.getElementById(id), count = (number) => number.toLocaleString("en");
  const links = JSON.parse(find("links").textContent);  // {type: {surface: [[name, address]]}}
  const sections = [...document.querySelectorAll("main > section")], blocks = [...document.querySelectorAll("main .text")];
  const marks = [...document.querySelectorAll("main mark")].map((element) => ({
    element, type: element.dataset.type, score: "score" in element.dataset ? +element.dataset.score : 1,
    surface: element.textContent, key: `${element.dataset.type}\t${element.textContent}` }));
  const counts = {}, off = new Set();
  let chosen = null, shown = [], hits = null, at = -1, timer = 0, frame = 0, centering = 0;

  function listTypes() {
    for (const mark of document.querySelectorAll(".legend mark")) {
      const box = make("input", { type: "checkbox", value: mark.dataset.type }), number = make("span", { class: "n" });
      box.checked = true;
      box.addEventListener("change", () => { off[box.checked ? "delete" : "add"](box.value); filter(); });
      counts[box.value] = number;
      find("types").append(make("label", {}, box, mark.cloneNode(true), number));
    }
  }

  function listContents() {
    sections.forEach((section, place) => {
      section.id = `d${place + 1}`;
      const headings = [...section.querySelectorAll("h3, h4")], parts = make("ul");
      headings.forEach((heading, number) => {
        heading.id = `${section.id}s${number + 1}`;
        parts.append(make("li", { class: heading.tagName.toLowerCase() }, make("a", { href: `#${heading.id}` }, heading.textContent.trim().replace(/^[[【]\d+[\]】]\s*/, ""))));
      });
      const number = make("span", { class: "n" }, ` ${count(section.querySelectorAll("mark").length)}`);
      find("contents").append(make("li", {}, make("a", { href: `#${section.id}` }, section.querySelector("h2").textContent), number, parts));
    });
    find("contents").addEventListener("click", (event) => {
      const target = event.target.closest("a");
      if (!target) return;
      if (timer) search();
      const stops = listStops(), next = stops.findIndex((stop) => find(target.hash.slice(1)).compareDocumentPosition(startOf(stop)) & 4);
      move((next < 0 ? stops.length : next) - 1, false);
    });
    if (sections.length === 1) document.title = sections[0].querySelector("h2").textContent;
  }

  function showCurrent() {
    frame = 0;
    const below = sections.findIndex((section) => section.getBoundingClientRect().top > innerHeight / 3);
    const current = Math.max(0, (below < 0 ? sections.length : below) - 1);
    [...find("contents").children].forEach((item, place) => item.classList.toggle("current", place === current));
  }

  // --- what is shown: types, scores, entities

  function filter() {
    const least = +find("score").value, groups = new Map(), numbers = {};
    let unsure = 0;
    for (const mark of marks) {
      const isOff = off.has(mark.type), isUnsure = mark.score < least;
      mark.element.classList.toggle("off", isOff);
      mark.element.classList.toggle("unsure", isUnsure);
      mark.isShown = !isOff && !isUnsure;
      if (isUnsure) unsure += 1;
      else numbers[mark.type] = (numbers[mark.type] || 0) + 1;
      if (!mark.isShown) continue;
      if (!groups.has(mark.key)) groups.set(mark.key, { mark, number: 0 });
      groups.get(mark.key).number += 1;
    }
    for (const [type, element] of Object.entries(counts)) element.textContent = count(numbers[type] || 0);
    find("level").textContent = least.toFixed(2);
    find("unsure").textContent = unsure ? `${count(unsure)} below it, faint` : "";
    if (!groups.has(chosen)) chosen = null;
    shown = marks.filter((mark) => mark.isShown && (chosen === null || mark.key === chosen)).map((mark) => mark.element);
    listEntities([...groups.values()].sort((a, b) => b.number - a.number || (a.mark.surface < b.mark.surface ? -1 : 1)));
    move(-1, false);
  }

  function listEntities(groups) {
    const query = find("search").value.trim().toLowerCase();
    const fitting = groups.filter(({ mark }) => mark.surface.toLowerCase().includes(query));
    find("count").textContent = count(fitting.length);
    find("entities").replaceChildren(...fitting.slice(0, ROWS).map(({ mark, number }) => {
      const { type, label } = mark.element.dataset, look = mark.element.classList[0];
      const button = make("button", { type: "button", "aria-pressed": mark.key === chosen, "data-key": mark.key, title: type },
        make("mark", { class: look, "data-label": label, lang: "zh" }, mark.surface));
      const known = ((links[type] || {})[mark.surface] || []).map(([name, address]) => make("a", { href: address, rel: "noreferrer", target: "_blank" }, name));
      return make("li", {}, button, ...known, make("span", { class: "n" }, count(number)));
    }));
    if (!fitting.length && groups.length) find("entities").append(make("li", { class: "rest" }, "no entity of that name"));
    if (fitting.length > ROWS) find("entities").append(make("li", { class: "rest" }, `and ${count(fitting.length - ROWS)} more: search for them`));
  }

  function choose(key) {
    chosen = key === chosen ? null : key;
    find("search").value = "";
    search();
    if (chosen !== null) move(0, true);
    [...find("entities").querySelectorAll("button")].find((button) => button.dataset.key === key)?.focus({ preventScroll: true });
  }

  // --- search, next and previous

  function search() {
    clearTimeout(timer);
    timer = 0;
    const query = find("search").value.trim();
    if (query) chosen = null;
    hits = query ? blocks.flatMap((block) => findIn(block, new RegExp(query.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "gi"))) : null;
    if (window.Highlight) CSS.highlights.set("found", new Highlight(...(hits || [])));
    filter();
  }

  function findIn(block, pattern) {
    const found = [...block.textContent.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]);
    if (!found.length) return [];
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    let node = walker.nextNode(), start = 0;
    const point = (place) => {  // places only grow
      while (place > start + node.length) { start += node.length; node = walker.nextNode(); }
      return [node, place - start];
    };
    return found.map(([first, last]) => {
      const range = new Range();
      range.setStart(...point(first));
      range.setEnd(...point(last));
      return range;
    });
  }

  const listStops = () => hits || shown;
  const startOf = (stop) => stop.startContainer || stop;

  function move(place, isWanted) {
    const stops = listStops();
    document.querySelector("mark.here")?.classList.remove("here");
    if (window.Highlight) CSS.highlights.delete("here");
    at = stops.length ? Math.max(-1, Math.min(place, stops.length - 1)) : -1;
    find("place").textContent = at < 0 ? count(stops.length) : `${count(at + 1)} of ${count(stops.length)}`;
    find("next").disabled = at >= stops.length - 1;
    find("previous").disabled = at <= 0;
    if (at < 0 || !isWanted) return;
    if (stops[at].classList) stops[at].classList.add("here");
    else if (window.Highlight) CSS.highlights.set("here", new Highlight(stops[at]));
    center(stops[at], 3);
  }

  function center(stop, tries) {  // blocks get their real heights as they come into view
    const { top, bottom } = stop.getBoundingClientRect();
    if (Math.abs((top + bottom) / 2 - innerHeight * 0.4) > innerHeight * 0.3) scrollBy({ top: (top + bottom) / 2 - innerHeight * 0.4, behavior: "instant" });
    cancelAnimationFrame(centering);
    if (tries) centering = requestAnimationFrame(() => center(stop, tries - 1));
  }

  find("tools").hidden = false;
  find("slider").hidden = !document.querySelector("main mark[data-score]");
  for (const part of document.querySelectorAll("#tools details")) part.open = matchMedia("(min-width: 60rem)").matches;
  listTypes();
  listContents();
  filter();
  showCurrent();
  find("score").addEventListener("input", filter);
  find("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, DELAY); });
  find("search").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    if (timer) search();
    move(at + (event.shiftKey ? -1 : 1), true);
  });
  find("next").addEventListener("click", () => move(at + 1, true));
  find("previous").addEventListener("click", () => move(at - 1, true));
  find("entities").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button.dataset.key);
  });
  addEventListener("keydown", (event) => {
    if (event.target.matches?.("input[type=search]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") move(at + 1, true);
    if (event.key === "p") move(at - 1, true);
  });
  for (const kind of ["pointerdown", "wheel", "hashchange"]) { // the reader goes elsewhere
    addEventListener(kind, () => cancelAnimationFrame(centering), { passive: true });
  }
  addEventListener("scroll", () => { frame = frame || requestAnimationFrame(showCurrent); }, { passive: true });
})();
