"use strict";
(() => {
  const PAGE = 20, DELAY = 150, NAMESPACE = "http://www.w3.org/2000/svg", COLOURS = 8, ROOM = 7000;
  const LEVELS = [1e-6, 0.001, 0.01, 0.05, 0.1, 0.2], STATES = {
    known: "known interaction", path: "not known, joined by a third", new: "not known", unlisted: "a gene that is in no list", plain: "gene and disease" };
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = Object.fromEntries(data.columns.map((name, place) => [name, place + 2]));
  const [ID, NAME, KIND, GROUP, X, Y, PATENTS, UNITS] = [0, 1, 2, 3, 4, 5, 6, 7];
  const svg = document.getElementById("drawing"), form = document.getElementById("filters");
  const details = document.getElementById("details"), fields = form.elements;
  const layers = Object.fromEntries(["edges", "nodes", "labels"].map((name) => [name, document.getElementById(name)]));
  const lines = [], dots = [];
  let seen = [], degrees = [], chosen = { edge: -1, node: -1 }, timer = 0, haystacks = null, frame = 0;
  let letter = 11.5;  // height of a label, pixels
  let view = { x: 0, y: 0, scale: 1 };  // the middle, and units a pixel

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

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
      draw("title", {}, dots[number], node[NAME]);
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

  const measure = (text) => [...text].reduce((sum, char) => sum + (char > "\u2e80" ? letter : letter * 0.62), 0);

  function placeLabels(width, height) {
    const cells = new Map(), shown = [], most = Math.max(20, width * height / ROOM), wanted = new Set(listChosenNodes());
    const order = data.nodes.map((_, number) => number).filter((number) => degrees[number])
      .sort((a, b) => wanted.has(b) - wanted.has(a) || degrees[b] - degrees[a] || data.nodes[b][PATENTS] - data.nodes[a][PATENTS] || a - b);
    for (const number of order) {
      const node = data.nodes[number], size = radius(number) + 3, wide = measure(node[NAME]);
      const x = (node[X] - view.x) / view.scale + width / 2, y = (node[Y] - view.y) / view.scale + height / 2;
      if (x < -60 || x > width || y < 0 || y > height + 10) continue;
      const spots = [[size, 4], [-size - wide, 4], [-wide / 2, -size], [-wide / 2, size + letter - 2]];
      const list = (box) => {
        const keys = [];
        for (let column = Math.floor(box[0] / 90); column <= Math.floor(box[2] / 90); column++)
          for (let row = Math.floor(box[1] / 40); row <= Math.floor(box[3] / 40); row++) keys.push(`${column}:${row}`);
        return keys;
      };
      const boxes = spots.map(([dx, dy]) => [x + dx - 2, y + dy - letter - 1, x + dx + wide + 2, y + dy + 4]);
      const clear = (box) => list(box).every((key) => (cells.get(key) || []).every((other) => box[0] > other[2] || other[0] > box[2] || box[1] > other[3] || other[1] > box[3]));
      let best = boxes.findIndex(clear);
      if (best < 0 && !wanted.has(number)) continue;
      best = Math.max(0, best);
      for (const key of list(boxes[best])) cells.set(key, [...(cells.get(key) || []), boxes[best]]);
      shown.push([number, ...spots[best]]);
      if (shown.length >= most) break;
    }
    layers.labels.replaceChildren();
    layers.labels.setAttribute("font-size", letter * view.scale);
    for (const [number, dx, dy] of shown) {
      const node = data.nodes[number], look = !wanted.size ? "" : wanted.has(number) ? "chosen" : "faded";
      draw("text", { class: look, x: node[X] + dx * view.scale, y: node[Y] + dy * view.scale, "stroke-width": 3 * view.scale }, layers.labels, node[NAME]);
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
    let best = { edge: -1, node: -1 }, least = Infinity;
    data.nodes.forEach((node, number) => {
      const distance = Math.hypot(node[X] - x, node[Y] - y) / view.scale - radius(number);
      if (degrees[number] && distance < Math.min(3, least)) [best, least] = [{ edge: -1, node: number }, distance];
    });
    if (best.node >= 0) return best;
    for (const number of seen) {
      const [a, b] = [data.nodes[data.edges[number][0]], data.nodes[data.edges[number][1]]];
      const [dx, dy] = [b[X] - a[X], b[Y] - a[Y]], length = dx * dx + dy * dy || 1;
      const share = Math.max(0, Math.min(1, ((x - a[X]) * dx + (y - a[Y]) * dy) / length));
      const distance = Math.hypot(a[X] + share * dx - x, a[Y] + share * dy - y) / view.scale;
      if (distance < Math.min(5, least)) [best, least] = [{ edge: number, node: -1 }, distance];
    }
    return best;
  }

  function followPointer() {
    let start = null;
    svg.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, y: event.clientY, view: { ...view }, moved: false };
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      if (!start) {
        const found = find(event);
        svg.classList.toggle("over", found.edge >= 0 || found.node >= 0);
        return;
      }
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

  function save() {
    const copy = svg.cloneNode(true), live = svg.querySelectorAll("*"), own = copy.querySelectorAll("*");
    const { width, height } = svg.getBoundingClientRect();
    copy.setAttribute("xmlns", NAMESPACE);
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.removeAttribute("class");
    live.forEach((element, place) => {
      if (element.closest("[hidden], [display=none]")) return;
      const style = getComputedStyle(element), names = { line: ["stroke", "stroke-opacity", "stroke-dasharray", "vector-effect"], text: ["fill", "stroke", "stroke-opacity", "paint-order", "stroke-linejoin", "font-family", "opacity"] };
      for (const name of names[element.tagName] || (element.classList.contains("node") ? ["fill", "stroke", "stroke-width", "vector-effect", "opacity"] : []))
        own[place].setAttribute(name, style.getPropertyValue(name));
    });
    for (const element of copy.querySelectorAll("[display=none]")) element.remove();
    const link = make("a", { download: "network.svg" });
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // --- what is chosen

  function listChosenNodes() {
    if (chosen.edge >= 0) return data.edges[chosen.edge].slice(0, 2);
    if (chosen.node < 0) return [];
    return [chosen.node, ...seen.flatMap((number) => {
      const [a, b] = data.edges[number];
      return a === chosen.node ? [b] : b === chosen.node ? [a] : [];
    })];
  }

  function choose(found, scroll = false) {
    chosen = found;
    const nodes = new Set(listChosenNodes()), any = nodes.size > 0;
    for (const number of seen) {
      const [a, b] = data.edges[number], own = chosen.edge === number || a === chosen.node || b === chosen.node;
      lines[number].classList.toggle("chosen", chosen.edge === number);
      lines[number].classList.toggle("faded", any && !own);
    }
    data.nodes.forEach((_, number) => {
      dots[number].classList.toggle("faded", any && !nodes.has(number));
      dots[number].classList.toggle("chosen", number === chosen.node || (chosen.edge >= 0 && nodes.has(number)));
    });
    showDetails();
    askFrame();
    for (const row of document.querySelectorAll("#relation-table tbody tr")) row.classList.toggle("chosen", +row.dataset.edge === chosen.edge);
    if (scroll && any) {
      const [x, y] = [X, Y].map((place) => [...nodes].reduce((sum, node) => sum + data.nodes[node][place], 0) / nodes.size);
      view = { x, y, scale: Math.min(view.scale, 1) };
      document.getElementById("network").scrollIntoView();
      details.focus({ preventScroll: true });
    }
  }

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
      make("div", { class: "where" }, [patent, when, ...new Set(sentences.map(([document]) => document === patent ? null : document)),
        `from ${sentences.map((sentence) => count(sentence[1])).join(", ")}`].filter((part) => part).join(" · ")),
      ...sentences.map(([, , text, marks]) => markUp(text, marks, edge))));
    details.replaceChildren(make("h3", {}, nameEdge(edge)),
      make("p", { class: "about" }, `${[0, 1].map((side) => data.nodes[edge[side]][ID]).join(" · ")} · first in ${edge[at.first_patent]}${edge[at.first_year] ? `, ${edge[at.first_year]}` : ""}`),
      ...(data.known && state ? [make("span", { class: `state ${state}` }, STATES[state])] : []), table,
      make("ol", {}, ...items));
    details.scrollTop = 0;
  }

  function showNode(number) {
    const node = data.nodes[number], own = seen.filter((edge) => data.edges[edge].slice(0, 2).includes(number));
    const items = own.slice(0, 200).map((edge) => {
      const [a, b] = data.edges[edge], button = make("button", { type: "button", class: "find" }, nameOf(a === number ? b : a));
      button.addEventListener("click", () => choose({ edge, node: -1 }));
      return make("tr", {}, make("td", {}, button), make("td", { class: "num" }, write(data.edges[edge][at.patents])), make("td", { class: "num" }, write(data.edges[edge][at.q])));
    });
    details.replaceChildren(make("h3", {}, node[NAME]), make("p", { class: "about" }, `${node[ID]} · in ${count(node[PATENTS])} patent families · ${count(own.length)} relations here`),
      make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "with"), make("th", { class: "num" }, "families"), make("th", { class: "num" }, "q"))), make("tbody", {}, ...items)));
    details.scrollTop = 0;
  }

  function showDetails() {
    if (chosen.edge >= 0) showEdge(chosen.edge);
    else if (chosen.node >= 0) showNode(chosen.node);
    else details.replaceChildren(make("p", { class: "about" }, "Click a line for its sentences, a circle for its relations."));
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
          if (place) return make("td", { class: isNumber ? "num" : "" }, text);
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
    ["first patent", column("first_patent")], ["year", column("first_year"), true, year],
  ], () => seen, (edge) => ({ edge, node: -1 }));
  const updateEntities = makeTable("entity-table", [
    ["name", (number) => nameOf(number)], ["id", (number) => data.nodes[number][ID]], ["kind", (number) => data.nodes[number][KIND]],
    ["relations", (number) => degrees[number], true], ["families", (number) => data.nodes[number][PATENTS], true], ["units", (number) => data.nodes[number][UNITS], true],
    ["community", (number) => data.nodes[number][GROUP] + 1, true],
  ], () => data.nodes.map((_, number) => number).filter((number) => degrees[number]).sort((a, b) => degrees[b] - degrees[a] || a - b), (node) => ({ edge: -1, node }));

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
    for (const chosenOption of form.querySelectorAll("option:checked")) chosenOption.defaultSelected = true;
  }

  function listHaystacks() {
    haystacks ||= data.edges.map((edge, number) => [...edge.slice(0, 2).flatMap((node) => [data.nodes[node][NAME], data.nodes[node][ID]]), edge[at.first_patent],
      ...data.evidence[number].flatMap(([patent, , sentences]) => [patent, ...sentences.flatMap(([document, , text]) => [document, text])])].join("\n").toLowerCase());
    return haystacks;
  }

  function filter() {
    const text = fields.search.value.trim().toLowerCase(), q = +fields.q.value, patents = +fields.patents.value || 1;
    const [from, to] = [fields.from.value, fields.to.value], state = fields.state ? fields.state.value : "";
    const places = text ? listHaystacks() : null;
    seen = [];
    degrees = new Array(data.nodes.length).fill(0);
    data.edges.forEach((edge, number) => {
      const when = edge[at.first_year], own = edge[at.state];
      const good = edge[at.q] <= q && edge[at.patents] >= patents && (!from || (when !== null && when >= +from)) && (!to || (when !== null && when <= +to)) &&
        (!state || own === state || (state === "unknown" && own && own !== "known")) && (!places || places[number].includes(text));
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
    if (chosen.edge >= 0 && !seen.includes(chosen.edge) || chosen.node >= 0 && !degrees[chosen.node]) chosen = { edge: -1, node: -1 };
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

  function followSections() {
    const links = new Map([...document.querySelectorAll("nav.contents a")].map((a) => [a.hash.slice(1), a]));
    const places = [...links.keys()].map((name) => document.getElementById(name));
    const update = () => {
      const above = places.filter((place) => place.getBoundingClientRect().top < innerHeight / 3), now = (above.pop() || places[0]).id;
      for (const [name, link] of links) name === now ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    };
    addEventListener("scroll", update, { passive: true });
    update();
  }

  drawAll();
  fillFilters();
  addLegend();
  followPointer();
  followSections();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", filter);
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, DELAY); });
  form.addEventListener("reset", () => setTimeout(filter));
  document.getElementById("closer").addEventListener("click", () => zoom(0.7));
  document.getElementById("farther").addEventListener("click", () => zoom(1 / 0.7));
  document.getElementById("fit").addEventListener("click", fit);
  document.getElementById("save").addEventListener("click", save);
  filter();
})();
