(() => {
  const PAGE = 20, DELAY = 150, NAMESPACE = "http://www.w3.org/2000/svg", COLOURS = 8, ROOM = 7000, SMALL = 4.8;  // pixels: a smaller node has no room for the number of its community
  const PLACES = [
    [/^(HGNC:\d+)$/, "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/"], [/^MESH:(\w+)$/, "https://meshb.nlm.nih.gov/record/ui?ui="],
    [/^(HP:\d+)$/, "https://hpo.jax.org/browse/term/"], [/^([A-Z]{2}\d{5,13}[A-Z]?\d?)$/, "https://patents.google.com/patent/"],
  ];
  const LEVELS = [1e-6, 0.001, 0.01, 0.05, 0.1, 0.2], STATES = {
    known: "known interaction", path: "not known, joined by a third", new: "not known", unlisted: "a gene that is in no list", plain: "gene and disease" };
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = Object.fromEntries(data.columns.map((name, place) => [name, place + 2]));
  const [ID, NAME, KIND, GROUP, X, Y, PATENTS, UNITS] = [0, 1, 2, 3, 4, 5, 6, 7];
  const svg = document.getElementById("drawing"), form = document.getElementById("filters");
  const details = document.getElementById("details"), fields = form.elements;
  const layers = Object.fromEntries(["edges", "nodes", "groups", "labels"].map((name) => [name, document.getElementById(name)]));
  const lines = [], dots = [];
  const NONE = { edge: -1, node: -1, group: -1 }, tip = document.getElementById("tip"), reference = new Set(data.reference);
  let seen = [], degrees = [], chosen = NONE, lit = NONE, timer = 0, haystacks = null, frame = 0;  // lit: chosen, or under the pointer
  let letter = 11.5;  // height of a label, pixels
  let view = { x: 0, y: 0, scale: 1 };  // the middle, and units a pixel

  function draw(name, attributes, parent, text) {
    const element = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  const count = (value) => value.toLocaleString("en");
  const write = (value) => value === null || value === undefined ? "–" : typeof value === "string" ? value : value === 0 ? "0" :
    Number.isInteger(value) ? count(value) : Math.abs(value) < 0.001 ? value.toExponential(1) : Math.abs(value) < 10 ? value.toFixed(3) : count(Math.round(value));
  const year = (value) => value === null ? "–" : String(value);
  const nameOf = (number) => data.nodes[number][NAME];
  const nameEdge = (edge) => `${nameOf(edge[0])} – ${nameOf(edge[1])}`;

  // --- the drawing

  function drawAll() {
    data.edges.forEach((edge, number) => {
      const [a, b] = [data.nodes[edge[0]], data.nodes[edge[1]]];
      lines[number] = draw("line", { class: edge[at.state] || (data.known ? "plain" : ""), x1: a[X], y1: a[Y], x2: b[X], y2: b[Y] }, layers.edges);
    });
    for (const line of lines) if (line.classList.contains("new")) layers.edges.append(line);
    data.nodes.forEach((node, number) => {
      const look = { class: `node c${node[GROUP] % COLOURS}` };
      dots[number] = node[KIND] === "gene" ? draw("circle", { ...look, cx: node[X], cy: node[Y] }, layers.nodes) :
        draw("rect", look, layers.nodes);
    });
  }

  const radius = (number) => (3 + 1.25 * Math.sqrt(Math.min(degrees[number] || 1, 60))) * Math.min(1.9, Math.max(0.55, Math.sqrt(1.3 / view.scale)));

  function showView() {
    const { width, height } = svg.getBoundingClientRect();
    svg.setAttribute("viewBox", [view.x - width * view.scale / 2, view.y - height * view.scale / 2, width * view.scale, height * view.scale].join(" "));
    const thin = Math.min(1.2, Math.max(0.5, Math.sqrt(1 / view.scale)));
    for (const number of seen) {
      lines[number].setAttribute("stroke-width", ((0.6 + 0.45 * Math.sqrt(Math.min(data.edges[number][at.patents], 20))) * thin + (chosen.edge === number ? 1.5 : 0)).toFixed(2));
    }
    data.nodes.forEach((node, number) => {
      if (!degrees[number]) return;
      const size = radius(number) * view.scale;
      if (node[KIND] === "gene") dots[number].setAttribute("r", size);
      else for (const [key, value] of [["x", node[X] - size], ["y", node[Y] - size], ["width", 2 * size], ["height", 2 * size]]) dots[number].setAttribute(key, value);
    });
    placeLabels(width, height);
  }

  const pen = document.createElement("canvas").getContext("2d"), typeface = getComputedStyle(details).fontFamily;

  function placeLabels(width, height) {
    const cells = new Map(), shown = [], most = Math.max(20, width * height / ROOM), wanted = new Set(listNodes(lit));
    const order = data.nodes.map((_, number) => number).filter((number) => degrees[number])
      .sort((a, b) => wanted.has(b) - wanted.has(a) || degrees[b] - degrees[a] || data.nodes[b][PATENTS] - data.nodes[a][PATENTS] || a - b);
    const list = ([left, top, right, bottom]) => {
      const keys = [];
      for (let column = Math.floor(left / 90); column <= Math.floor(right / 90); column++)
        for (let row = Math.floor(top / 40); row <= Math.floor(bottom / 40); row++) keys.push(`${column}:${row}`);
      return keys;
    };
    const fill = (box, owner) => { for (const key of list(box)) cells.set(key, cells.get(key) || []).get(key).push([box, owner]); };
    const isClear = (box, number) => box[0] >= 0 && box[2] <= width && list(box).every((key) => (cells.get(key) || []).every(([other, owner]) =>
      owner === number || box[0] > other[2] || other[0] > box[2] || box[1] > other[3] || other[1] > box[3]));
    const at = order.map((number) => {
      const node = data.nodes[number], x = (node[X] - view.x) / view.scale + width / 2, y = (node[Y] - view.y) / view.scale + height / 2;
      return [number, x, y, radius(number)];
    }).filter(([, x, y]) => x > -60 && x < width + 60 && y > -10 && y < height + 10);
    for (const [number, x, y, own] of at) if (!wanted.size || wanted.has(number)) fill([x - own, y - own, x + own, y + own], number);
    pen.font = `${wanted.size ? 600 : 400} ${letter}px ${typeface}`;
    layers.groups.replaceChildren();
    for (const [number, , , own] of at) {
      if (own < SMALL) continue;
      const node = data.nodes[number], look = wanted.size && !wanted.has(number) ? " faded" : "";
      draw("text", { class: `c${node[GROUP] % COLOURS}${look}`, x: node[X], y: node[Y], "font-size": own * (node[GROUP] < 9 ? 1.4 : 1.1) * view.scale }, layers.groups, node[GROUP] + 1);
    }
    for (const [number, x, y, own] of at) {
      if (wanted.size && !wanted.has(number)) break;  // the wanted ones come first
      const size = own + 3, slant = 0.75 * size, wide = pen.measureText(data.nodes[number][NAME]).width;
      const spots = [[size, 4], [-size - wide, 4], [-wide / 2, -size - 2], [-wide / 2, size + letter],
        [slant, -slant], [slant, slant + letter - 3], [-slant - wide, -slant], [-slant - wide, slant + letter - 3]];
      const boxes = spots.map(([dx, dy]) => [x + dx - 2, y + dy - letter - 1, x + dx + wide + 2, y + dy + 4]);
      let best = boxes.findIndex((box) => isClear(box, number));
      if (best < 0 && !isMain(number)) continue;
      best = Math.max(0, best);
      fill(boxes[best], -1);
      shown.push([number, ...spots[best]]);
      if (shown.length >= most) break;
    }
    layers.labels.replaceChildren();
    layers.labels.setAttribute("font-size", letter * view.scale);
    for (const [number, dx, dy] of shown) {
      const node = data.nodes[number];
      draw("text", { class: wanted.size ? "chosen" : "", x: node[X] + dx * view.scale, y: node[Y] + dy * view.scale, "stroke-width": 3 * view.scale }, layers.labels, node[NAME]);
    }
  }

  function fit() {
    const { width, height } = svg.getBoundingClientRect(), nodes = data.nodes.filter((_, number) => degrees[number]);
    if (!nodes.length || !width) return;
    letter = nodes.length < 50 ? 13.5 : 11.5;
    const span = (place) => { const values = nodes.map((node) => node[place]); return [Math.min(...values), Math.max(...values)]; };
    const [left, right] = span(X), [top, bottom] = span(Y);
    view = { x: (left + right) / 2 + 12, y: (top + bottom) / 2,
             scale: Math.max((right - left) / Math.max(width - 130, 60), (bottom - top) / Math.max(height - 110, 60), 0.42) };
    showView();
  }

  function zoom(factor, px, py) {
    const { left, top, width, height } = svg.getBoundingClientRect();
    const dx = (px === undefined ? width / 2 : px - left) - width / 2, dy = (py === undefined ? height / 2 : py - top) - height / 2;
    const scale = Math.min(20, Math.max(0.1, view.scale * factor));
    view = { x: view.x + dx * (view.scale - scale), y: view.y + dy * (view.scale - scale), scale };
    askFrame();
  }

  function askFrame() {
    if (!frame) frame = requestAnimationFrame(() => { frame = 0; showView(); });
  }

  function find(event) {
    const { left, top, width, height } = svg.getBoundingClientRect();
    const x = view.x + (event.clientX - left - width / 2) * view.scale, y = view.y + (event.clientY - top - height / 2) * view.scale;
    let best = NONE, least = Infinity;
    data.nodes.forEach((node, number) => {
      const distance = Math.hypot(node[X] - x, node[Y] - y) / view.scale - radius(number);
      if (degrees[number] && distance < Math.min(3, least)) [best, least] = [{ ...NONE, node: number }, distance];
    });
    if (best.node >= 0) return best;
    for (const number of seen) {
      const [a, b] = [data.nodes[data.edges[number][0]], data.nodes[data.edges[number][1]]];
      const [dx, dy] = [b[X] - a[X], b[Y] - a[Y]], length = dx * dx + dy * dy || 1;
      const share = Math.max(0, Math.min(1, ((x - a[X]) * dx + (y - a[Y]) * dy) / length));
      const distance = Math.hypot(a[X] + share * dx - x, a[Y] + share * dy - y) / view.scale;
      if (distance < Math.min(5, least)) [best, least] = [{ ...NONE, edge: number }, distance];
    }
    return best;
  }

  function followPointer() {
    let start = null;
    svg.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, y: event.clientY, view: { ...view }, moved: false };
      svg.setPointerCapture(event.pointerId);
      tip.hidden = true;
    });
    svg.addEventListener("pointerleave", () => { if (!start) hover(NONE); });
    svg.addEventListener("pointermove", (event) => {
      if (!start) return hover(find(event));
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      if (!start.moved && Math.hypot(dx, dy) < 4) return;
      start.moved = true;
      svg.classList.add("moving");
      view = { ...start.view, x: start.view.x - dx * view.scale, y: start.view.y - dy * view.scale };
      askFrame();
    });
    svg.addEventListener("pointerup", (event) => {
      if (start && !start.moved) choose(find(event));
      start = null;
      svg.classList.remove("moving");
    });
    svg.addEventListener("pointercancel", () => { start = null; });
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 120), event.clientX, event.clientY);
    }, { passive: false });
    svg.addEventListener("dblclick", (event) => zoom(0.5, event.clientX, event.clientY));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] }[event.key];
      if (step) view = { ...view, x: view.x + step[0] * view.scale, y: view.y + step[1] * view.scale };
      else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 0.8 : 1.25);
      else return;
      event.preventDefault();
      askFrame();
    });
    new ResizeObserver(askFrame).observe(svg);
  }

  function hover(found) {
    const isOver = found.edge >= 0 || found.node >= 0, shown = isOver ? found : chosen;
    svg.classList.toggle("over", isOver);
    if (shown.edge !== lit.edge || shown.node !== lit.node) light(shown);
    tip.hidden = !isOver;
    if (isOver) tip.replaceChildren(...(found.edge >= 0 ? describeEdge(found.edge) : describeNode(found.node)));
  }

  function describeEdge(number) {
    const edge = data.edges[number], state = data.known && edge[at.state] ? ` · ${STATES[edge[at.state]]}` : "";
    return [make("strong", {}, nameEdge(edge)), ` ${countFamilies(edge[at.patents])} · q ${write(edge[at.q])}${state}`];
  }

  function describeNode(number) {
    const node = data.nodes[number];
    return [make("strong", {}, node[NAME]), ` ${node[ID]} · ${countFamilies(node[PATENTS])} · ${count(degrees[number])} relations here · community ${node[GROUP] + 1}`];
  }

  function saveFile(name, type, text) {
    const link = make("a", { download: name });
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function saveTable(name, rows) {
    const quote = (value) => value === null ? "" : /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
    saveFile(name, "text/csv", rows.map((row) => `${row.map(quote).join(",")}\n`).join(""));
  }

  function saveNodes() {
    const rows = listSeenNodes().map((number) => [...[ID, NAME, KIND].map((place) => data.nodes[number][place]), data.nodes[number][GROUP] + 1, data.nodes[number][PATENTS], data.nodes[number][UNITS], degrees[number]]);
    saveTable("nodes.csv", [["id", "name", "kind", "community", "patents", "units", "relations"], ...rows]);
  }

  function saveEdges() {
    const rows = seen.map((number) => data.edges[number]).map(([a, b, ...about]) => [...[a, b].flatMap((node) => [ID, NAME, KIND].map((place) => data.nodes[node][place])), ...about]);
    saveTable("edges.csv", [["a_id", "a", "a_kind", "b_id", "b", "b_kind", ...data.columns], ...rows]);
  }

  function save() {
    const copy = svg.cloneNode(true), live = svg.querySelectorAll("*"), own = copy.querySelectorAll("*");
    const { width, height } = svg.getBoundingClientRect();
    copy.setAttribute("xmlns", NAMESPACE);
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.removeAttribute("class");
    live.forEach((element, place) => {
      if (element.closest("[hidden], [display=none]")) return;
      const style = getComputedStyle(element), names = { line: ["stroke", "stroke-opacity", "stroke-dasharray", "vector-effect"], text: ["fill", "stroke", "stroke-opacity", "paint-order", "stroke-linejoin", "font-family", "opacity", "text-anchor", "dominant-baseline"] };
      for (const name of names[element.tagName] || (element.classList.contains("node") ? ["fill", "stroke", "stroke-width", "vector-effect", "opacity"] : []))
        own[place].setAttribute(name, style.getPropertyValue(name));
    });
    for (const element of copy.querySelectorAll("[display=none]")) element.remove();
    saveFile("network.svg", "image/svg+xml", new XMLSerializer().serializeToString(copy));
  }

  // --- what is chosen

  const listSeenNodes = () => data.nodes.map((_, number) => number).filter((number) => degrees[number]);
  const countFamilies = (value) => `${count(value)} ${value === 1 ? "family" : "families"}`;
  const isMain = (number) => lit.node === number || (lit.edge >= 0 && data.edges[lit.edge].slice(0, 2).includes(number));

  function listNodes({ edge, node, group }) {
    if (edge >= 0) return data.edges[edge].slice(0, 2);
    if (group >= 0) return listSeenNodes().filter((number) => data.nodes[number][GROUP] === group);
    if (node < 0) return [];
    return [node, ...seen.flatMap((number) => {
      const [a, b] = data.edges[number];
      return a === node ? [b] : b === node ? [a] : [];
    })];
  }

  function light(found) {
    lit = found;
    const nodes = new Set(listNodes(found)), any = nodes.size > 0;
    for (const number of seen) {
      const [a, b] = data.edges[number], own = found.edge === number || a === found.node || b === found.node || (found.group >= 0 && nodes.has(a) && nodes.has(b));
      lines[number].classList.toggle("chosen", found.edge === number);
      lines[number].classList.toggle("faded", any && !own);
    }
    data.nodes.forEach((_, number) => {
      dots[number].classList.toggle("faded", any && !nodes.has(number));
      dots[number].classList.toggle("chosen", isMain(number));
    });
    askFrame();
  }

  function choose(found, scroll = false) {
    chosen = found;
    light(found);
    showDetails();
    for (const row of document.querySelectorAll("#relation-table tbody tr")) row.classList.toggle("chosen", +row.dataset.edge === chosen.edge);
    const nodes = [...new Set(listNodes(found))];
    if (scroll && nodes.length) {
      const [x, y] = [X, Y].map((place) => nodes.reduce((sum, node) => sum + data.nodes[node][place], 0) / nodes.length);
      view = { x, y, scale: Math.min(view.scale, 1) };
      document.getElementById("network").scrollIntoView();
      details.focus({ preventScroll: true });
    }
  }

  const ELSEWHERE = { rel: "noreferrer", target: "_blank" };

  // A link to what others say of an id or a patent; the text alone where it is no name of a known kind.
  function linkTo(name) {
    for (const [pattern, place] of PLACES) {
      const found = pattern.exec(name);
      if (found) return make("a", { href: place + found[1], ...ELSEWHERE }, name);
    }
    return name;
  }

  function linkNode(number) {
    const [id, name] = data.nodes[number], query = encodeURIComponent(`${name}[sym] AND human[orgn]`);
    return [linkTo(id), ...(id.startsWith("HGNC:") ? [make("a", { href: `https://www.ncbi.nlm.nih.gov/gene/?term=${query}`, ...ELSEWHERE }, "NCBI")] : [])];
  }

  const join = (parts) => parts.flatMap((part, place) => place ? [" · ", part] : [part]);

  function markUp(text, marks, edge) {
    const line = make("p", { class: "text", lang: "zh" }), characters = [...text];
    let end = 0;
    for (const [start, stop, side, score] of [...marks].sort((a, b) => a[0] - b[0])) {
      if (start < end) continue;
      const name = nameOf(edge[side]), about = score === null ? name : `${name}, score ${score}`;
      line.append(characters.slice(end, start).join(""));
      line.append(make("mark", { class: data.nodes[edge[side]][KIND] === "gene" ? "t0" : "t2", "data-label": name, title: about }, characters.slice(start, stop).join("")));
      end = stop;
    }
    line.append(characters.slice(end).join(""));
    return line;
  }

  function showEdge(number) {
    const edge = data.edges[number], state = edge[at.state], places = data.evidence[number];
    const row = (name, found, expected) => make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "num" }, write(found)), make("td", { class: "num" }, expected === undefined ? "" : write(expected)));
    const table = make("table", {}, make("thead", {}, make("tr", {}, make("th"), make("th", { class: "num" }, "found"), make("th", { class: "num" }, "by chance"))),
      make("tbody", {}, row("patent families", edge[at.patents], edge[at.expected_patents]), row(data.unit === "patent" ? "patents" : `${data.unit}s`, edge[at.units], edge[at.expected_units]),
        row("weighted by score", edge[at.weight]), row("NPMI", edge[at.npmi]), row("p", edge[at.p]), row("q", edge[at.q])));
    const items = places.map(([patent, when, sentences]) => make("li", {},
      make("div", { class: "where" }, ...join([linkTo(patent), when, ...new Set(sentences.map(([document]) => document === patent ? null : document)),
        `from ${sentences.map((sentence) => count(sentence[1])).join(", ")}`].filter((part) => part))),
      ...sentences.map(([, , text, marks]) => markUp(text, marks, edge))));
    details.replaceChildren(addBack(), make("h3", {}, nameEdge(edge)),
      make("p", { class: "about" }, ...join(edge.slice(0, 2).flatMap(linkNode)), " · first in ", linkTo(edge[at.first_patent]), edge[at.first_year] ? `, ${edge[at.first_year]}` : ""),
      ...(data.known && state ? [make("span", { class: `state ${state}` }, STATES[state])] : []), table,
      make("ol", {}, ...items));
    details.scrollTop = 0;
  }

  function showNode(number) {
    const node = data.nodes[number], own = seen.filter((edge) => data.edges[edge].slice(0, 2).includes(number));
    const items = own.map((edge) => {
      const [a, b] = data.edges[edge], button = make("button", { type: "button", class: "find" }, nameOf(a === number ? b : a));
      button.addEventListener("click", () => choose({ ...NONE, edge }));
      return make("tr", {}, make("td", {}, button), make("td", { class: "num" }, write(data.edges[edge][at.patents])), make("td", { class: "num" }, write(data.edges[edge][at.q])));
    });
    details.replaceChildren(addBack(), make("h3", {}, node[NAME]), make("p", { class: "about" }, ...join([...linkNode(number), `in ${countFamilies(node[PATENTS])}`, `${count(own.length)} relations here`, `community ${node[GROUP] + 1}`, ...(reference.has(number) ? ["reference gene"] : [])])),
      make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "with"), make("th", { class: "num" }, "families"), make("th", { class: "num" }, "q"))), make("tbody", {}, ...items)));
    details.scrollTop = 0;
  }

  function addBack() {
    const button = make("button", { type: "button", class: "find back" }, "All communities");
    button.addEventListener("click", () => choose(NONE));
    return button;
  }

  function showGroups() {
    const groups = new Map();
    for (const number of listSeenNodes().sort((a, b) => degrees[b] - degrees[a])) {
      const group = data.nodes[number][GROUP];
      groups.set(group, [...(groups.get(group) || []), number]);
    }
    const items = [...groups].filter(([, nodes]) => nodes.length > 1).sort((a, b) => b[1].length - a[1].length).slice(0, 60).map(([group, nodes]) => {
      const button = make("button", { type: "button", class: "group", "aria-pressed": chosen.group === group }, make("span", { class: `badge c${group % COLOURS}` }, String(group + 1)),
        `${nodes.slice(0, 3).map(nameOf).join(", ")}${nodes.length > 3 ? ` and ${count(nodes.length - 3)} more` : ""}`);
      button.addEventListener("click", () => choose(chosen.group === group ? NONE : { ...NONE, group }));
      return make("li", {}, button);
    });
    details.replaceChildren(make("p", { class: "about" }, "Click a line for its sentences, a circle for its relations, a community to see it alone."), make("h3", {}, "Communities"), make("ul", { class: "groups" }, ...items));
  }

  function showDetails() {
    if (chosen.edge >= 0) showEdge(chosen.edge);
    else if (chosen.node >= 0) showNode(chosen.node);
    else showGroups();
  }

  // --- tables

  function makeTable(id, columns, rows, onRow) {
    const table = document.getElementById(id), nav = table.closest("section").querySelector(".pages");
    const head = make("tr"), body = make("tbody"), previous = make("button", { type: "button" }, "Previous"), next = make("button", { type: "button" }, "Next"), where = make("span");
    let sort = { place: -1, down: false }, page = 0, sorted = [];
    columns.forEach(([name, , isNumber], place) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => {
        sort = { place, down: sort.place === place ? !sort.down : Boolean(isNumber) };
        page = 0;
        update();
      });
      head.append(make("th", { scope: "col", class: isNumber ? "num" : "" }, button));
    });
    function update() {
      sorted = rows();
      if (sort.place >= 0) {
        const read = columns[sort.place][1], sign = sort.down ? -1 : 1;
        const missing = (value) => value === null || value === undefined || value === "";
        sorted = [...sorted].sort((a, b) => {
          const [x, y] = [read(a), read(b)];
          if (missing(x) || missing(y)) return missing(x) - missing(y);
          return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
        });
      }
      [...head.children].forEach((cell, place) => {
        if (place === sort.place) cell.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
        else cell.removeAttribute("aria-sort");
      });
      show();
    }
    function show() {
      const pages = Math.max(1, Math.ceil(sorted.length / PAGE));
      page = Math.min(page, pages - 1);
      body.replaceChildren(...sorted.slice(page * PAGE, (page + 1) * PAGE).map((item) => {
        const cells = columns.map(([, read, isNumber, shown], place) => {
          const text = (shown || write)(read(item));
          if (place) return make("td", { class: isNumber ? "num" : "" }, text);  // a text, or a link
          const button = make("button", { type: "button", class: "find" }, text);
          button.addEventListener("click", () => choose(onRow(item), true));
          return make("th", { scope: "row" }, button);
        });
        const row = make("tr", {}, ...cells);
        if (onRow(item).edge >= 0) row.dataset.edge = item;
        row.classList.toggle("chosen", onRow(item).edge >= 0 && item === chosen.edge);
        return row;
      }));
      where.textContent = `page ${page + 1} of ${pages}`;
      previous.disabled = page === 0;
      next.disabled = page >= pages - 1;
    }
    previous.addEventListener("click", () => { page -= 1; show(); });
    next.addEventListener("click", () => { page += 1; show(); });
    table.append(make("thead", {}, head), body);
    nav.append(previous, where, next);
    return () => { page = 0; update(); };
  }

  const column = (name) => (number) => data.edges[number][at[name]];
  const updateRelations = makeTable("relation-table", [
    ["relation", (number) => nameEdge(data.edges[number])],
    ["families", column("patents"), true], ["by chance", column("expected_patents"), true],
    ...(data.unit === "patent" ? [] : [[`${data.unit}s`, column("units"), true]]), ["NPMI", column("npmi"), true], ["p", column("p"), true], ["q", column("q"), true],
    ...(data.known ? [["known or new", column("state"), false, (value) => value ? STATES[value] : "–"]] : []),
    ["first patent", column("first_patent"), false, linkTo], ["year", column("first_year"), true, year],
  ], () => seen, (edge) => ({ ...NONE, edge }));
  const updateEntities = makeTable("entity-table", [
    ["name", (number) => nameOf(number)], ["id", (number) => data.nodes[number][ID], false, linkTo], ["kind", (number) => data.nodes[number][KIND]],
    ["relations", (number) => degrees[number], true], ["families", (number) => data.nodes[number][PATENTS], true], ["units", (number) => data.nodes[number][UNITS], true],
    ["community", (number) => data.nodes[number][GROUP] + 1, true],
  ], () => listSeenNodes().sort((a, b) => degrees[b] - degrees[a] || a - b), (node) => ({ ...NONE, node }));

  // --- filters

  function fillFilters() {
    const option = (value, text) => make("option", { value }, text);
    const levels = LEVELS.filter((level) => data.edges.some((edge) => edge[at.q] <= level));
    fields.q.append(...levels.map((level) => option(level, String(level))), option(1, "any"));
    fields.q.value = String(data.level);
    const years = [...new Set(data.edges.map((edge) => edge[at.first_year]).filter((value) => value !== null))].sort();
    for (const name of ["from", "to"]) {
      fields[name].append(option("", "any year"), ...years.map((value) => option(value, String(value))));
      fields[name].closest("label").hidden = years.length < 2;
    }
    document.getElementById("names").append(...data.nodes.map((node) => option(node[NAME], node[ID])));
    for (const chosenOption of form.querySelectorAll("option:checked")) chosenOption.defaultSelected = true;
  }

  function listHaystacks() {
    haystacks ||= data.edges.map((edge, number) => [edge[at.first_patent],
      ...data.evidence[number].flatMap(([patent, , sentences]) => [patent, ...sentences.flatMap(([document, , text]) => [document, text])])].join("\n").toLowerCase());
    return haystacks;
  }

  // The nodes that are called so, or else those whose name or id has it; null: any.
  function listNamed(text) {
    if (!text) return null;
    const names = data.nodes.map((node) => [node[NAME].toLowerCase(), node[ID].toLowerCase()]), numbers = [...names.keys()];
    const exact = numbers.filter((number) => names[number].includes(text));
    return new Set(exact.length ? exact : numbers.filter((number) => names[number].some((name) => name.includes(text))));
  }

  function filter() {
    const text = fields.search.value.trim().toLowerCase(), q = +fields.q.value, patents = +fields.patents.value || 1;
    const [from, to] = [fields.from.value, fields.to.value], state = fields.state ? fields.state.value : "";
    const places = text ? listHaystacks() : null, named = listNamed(fields.entity.value.trim().toLowerCase()), hidden = fields.reference && fields.reference.checked ? reference : new Set();
    seen = [];
    degrees = new Array(data.nodes.length).fill(0);
    data.edges.forEach((edge, number) => {
      const when = edge[at.first_year], own = edge[at.state];
      const good = edge[at.q] <= q && edge[at.patents] >= patents && (!from || (when !== null && when >= +from)) && (!to || (when !== null && when <= +to)) &&
        !hidden.has(edge[0]) && !hidden.has(edge[1]) && (!named || named.has(edge[0]) || named.has(edge[1])) && (!state || own === state || (state === "unknown" && own && own !== "known")) && (!places || places[number].includes(text));
      if (good) {
        seen.push(number);
        degrees[edge[0]] += 1;
        degrees[edge[1]] += 1;
        lines[number].removeAttribute("display");
      } else lines[number].setAttribute("display", "none");
    });
    dots.forEach((dot, number) => degrees[number] ? dot.removeAttribute("display") : dot.setAttribute("display", "none"));
    const nodes = degrees.filter(Boolean).length;
    document.getElementById("count").textContent = `${count(seen.length)} of ${count(data.edges.length)} relations, ${count(nodes)} entities`;
    document.getElementById("empty").hidden = seen.length > 0;
    if (chosen.edge >= 0 && !seen.includes(chosen.edge) || chosen.node >= 0 && !degrees[chosen.node] || chosen.group >= 0) chosen = NONE;
    if (named && named.size === 1 && degrees[[...named][0]]) chosen = { ...NONE, node: [...named][0] };
    updateRelations();
    updateEntities();
    choose(chosen);
    fit();
  }

  function addLegend() {
    if (!data.known) return;
    for (const state of ["plain", "known", "path", "unlisted", "new"]) {
      if (!data.edges.some((edge) => (edge[at.state] || "plain") === state)) continue;
      const key = document.createElementNS(NAMESPACE, "svg");
      draw("line", { class: state, x1: 1, x2: 25, y1: 4, y2: 4 }, key);
      document.getElementById("legend").append(make("li", {}, key, STATES[state]));
    }
  }

  drawAll();
  fillFilters();
  addLegend();
  followPointer();
  followSections();
  tellScrolling();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", filter);
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, DELAY); });
  form.addEventListener("reset", () => { chosen = NONE; setTimeout(filter); });
  document.getElementById("closer").addEventListener("click", () => zoom(0.7));
  document.getElementById("farther").addEventListener("click", () => zoom(1 / 0.7));
  document.getElementById("fit").addEventListener("click", fit);
  for (const [name, act] of [["save", save], ["save-nodes", saveNodes], ["save-edges", saveEdges]]) document.getElementById(name).addEventListener("click", act);
  filter();
})();
