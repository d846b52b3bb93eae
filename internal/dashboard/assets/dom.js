// Making elements. Text goes in as text, never as HTML.

export const $ = (id) => document.getElementById(id);

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** Sets attributes of an element. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}

/** Sets text only where it differs, so that a screen reader or a selection is left alone. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** Keeps as many children as there are items, and lets draw fill each. */
export function each(parent, items, create, draw) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  items.forEach((item, i) => {
    if (i >= parent.children.length) parent.append(create());
    draw(parent.children[i], item, i);
  });
}

/** Tells those who listen instead of looking. */
export function say(words) { text($("say"), words); }
