"use strict";  // what the pages share

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function followSections() {
  const links = new Map([...document.querySelectorAll("nav.contents a")].map((a) => [a.hash.slice(1), a]));
  const places = [...links.keys()].map((name) => document.getElementById(name));
  const update = () => {
    const above = places.filter((place) => place.getBoundingClientRect().top < innerHeight / 3);
    const now = (above.pop() || places[0]).id;
    for (const [name, link] of links) {
      if (name === now) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", update, { passive: true });
  update();
}

// What is wider than the page says so above it.
function tellScrolling() {
  const hints = new Map();
  const update = (box) => { hints.get(box).hidden = box.scrollWidth <= box.clientWidth + 1; };
  const watcher = new ResizeObserver((changes) => { for (const { target } of changes) update(target.closest(".scroll")); });
  for (const box of document.querySelectorAll(".scroll")) {
    hints.set(box, make("p", { class: "sideways", hidden: "" }, "scrolls sideways →"));
    box.before(hints.get(box));
    for (const part of [box, ...box.children]) watcher.observe(part);
  }
}
