(() => {
  const PAGE = 20, DELAY = 120;

  function openWhenPrinted() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      for (const details of opened) details.open = true;
    });
    addEventListener("afterprint", () => {
      for (const details of opened) details.open = false;
    });
  }

  function browseSentences() {
    const source = document.getElementById("data");
    if (!source) return;
    const data = JSON.parse(source.textContent);
    const form = document.getElementById("filters"), list = document.getElementById("list");
    const previous = document.getElementById("previous"), next = document.getElementById("next");
    const lowered = data.sentences.map((row) => row[3].toLowerCase());
    let found = [], page = 0, timer = 0;

    const fill = (name, options) =>
      form.elements[name].append(...options.map(([value, text]) => make("option", { value }, text)));
    const number = (names) => names.map((name, place) => [String(place), name]);
    const several = data.variants.length > 1 ? [["", "all, one below the other"]] : [];
    fill("variant", [...number(data.variants), ...several]);
    fill("split", [["", "all"], ...number(data.splits)]);
    fill("type", [["", "all"], ...number(data.types)]);
    fill("kind", [["", "all"], ["wrong", "anything wrong"], ...number(data.kinds), ["none", "no mention at all"]]);
    form.elements.kind.value = "wrong";
    for (const option of form.querySelectorAll("option:checked")) option.defaultSelected = true;
    document.getElementById("marks").append(
      ...data.types.map((name, place) => make("span", {}, make("mark", { class: data.looks[place] }, name))),
      make("span", {}, make("mark", { class: "wrong" }, "wrong border or type")),
      make("span", {}, make("mark", { class: "alone" }, "missed or spurious")));

    const read = () => Object.fromEntries([...new FormData(form)]);

    function fits(pairs, { kind, type }) {
      if (kind === "none") return !pairs.length;
      if (!kind && !type) return true;
      return pairs.some((pair) =>
        (!kind || (kind === "wrong" ? pair[0] > 0 : pair[0] === +kind)) &&
        (!type || pair[3] === +type || pair[6] === +type));
    }

    function filter() {
      const wanted = read(), text = wanted.search.trim().toLowerCase();
      found = [];
      data.sentences.forEach(([split, , , , answers], place) => {
        if (wanted.split && split !== +wanted.split) return;
        if (text && !lowered[place].includes(text)) return;
        const own = wanted.variant ? [answers[wanted.variant]] : Object.values(answers);
        if (own.some((pairs) => pairs && fits(pairs, wanted))) found.push(place);
      });
      page = 0;
      show();
    }

    function markUp(text, spans) {
      const line = make("span", { class: "text", lang: "zh" });
      const characters = [...text];
      let end = 0;
      for (const [start, stop, type, kind] of spans.sort((a, b) => a[0] - b[0])) {
        if (start < end) continue;
        const name = data.kinds[kind], label = kind ? `${data.types[type]} · ${name}` : data.types[type];
        const look = kind ? (name === "missed" || name === "spurious" ? "alone" : "wrong") : "";
        line.append(characters.slice(end, start).join(""));
        const shown = characters.slice(start, stop).join("");
        line.append(make("mark", { class: `${data.looks[type]} ${look}`, "data-label": label, title: label }, shown));
        end = stop;
      }
      line.append(characters.slice(end).join(""));
      return line;
    }

    function render(place) {
      const [split, patent, sentence, text, answers] = data.sentences[place], variant = form.elements.variant.value;
      const shown = variant ? [variant] : Object.keys(answers);
      const gold = answers[shown[0]].filter((pair) => pair[1] >= 0);
      const kinds = variant ? 0 : 4;  // beside several answers no one's errors are the gold's
      const look = variant ? "side pair" : "side";
      const side = (name, line) => make("div", { class: look }, make("span", {}, name), line);
      const item = make("li", {},
        make("div", { class: "where" }, `split ${data.splits[split]} · patent ${patent} · sentence ${sentence}`),
        side("gold", markUp(text, gold.map((pair) => [pair[1], pair[2], pair[3], kinds ? 0 : pair[0]]))));
      for (const key of shown) {
        const spans = answers[key].filter((pair) => pair[4] >= 0).map((pair) => [pair[4], pair[5], pair[6], pair[0]]);
        item.append(side(variant ? "predicted" : data.variants[key], markUp(text, spans)));
      }
      return item;
    }

    function show() {
      const pages = Math.max(1, Math.ceil(found.length / PAGE));
      list.replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(render));
      list.start = page * PAGE + 1;
      document.getElementById("count").textContent =
        `${found.length.toLocaleString("en")} of ${data.sentences.length.toLocaleString("en")} sentences`;
      document.getElementById("page").textContent = `page ${page + 1} of ${pages}`;
      previous.disabled = page === 0;
      next.disabled = page >= pages - 1;
    }

    function turn(step) {
      page += step;
      show();
      form.scrollIntoView({ block: "start" });
    }

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", filter);
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(filter, DELAY);
    });
    form.addEventListener("reset", () => setTimeout(filter));
    previous.addEventListener("click", () => turn(-1));
    next.addEventListener("click", () => turn(1));
    for (const button of document.querySelectorAll("button.find")) {
      button.addEventListener("click", () => {
        const wanted = JSON.parse(button.dataset.filter), fields = form.elements;
        form.reset();
        const places = data.variants.findIndex((name) => name === wanted.variant || name.startsWith(`${wanted.variant}, seed`));
        fields.variant.value = String(Math.max(0, places));
        fields.kind.value = String(data.kinds.indexOf(wanted.kind));
        fields.search.value = wanted.search;
        clearTimeout(timer);
        setTimeout(() => {
          filter();
          document.getElementById("sentences").scrollIntoView();
          fields.search.focus({ preventScroll: true });
        });
      });
    }
    filter();
  }

  followSections();
  tellScrolling();
  openWhenPrinted();
  browseSentences();
})();
