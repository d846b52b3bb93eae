// Brands drawn over each other: a line for each, told apart by colour and dashes.

import { s } from "./dom.js";

/** The classes of a brand's line, by its place among the chosen ones. */
const lineOf = (i) => `brand-line brand-${i + 1}`;

/** A piece of that line, for legends. */
export const sample = (i) => s("svg", { class: "sample", viewBox: "0 0 22 8", "aria-hidden": "true" }, s("path", { class: lineOf(i), d: "M1 4h20" }));

/** Draws a line for each brand: paths are those of its points. */
export function drawLines(group, paths) {
  while (group.children.length > paths.length) group.lastElementChild.remove();
  while (group.children.length < paths.length) group.append(s("path", { class: lineOf(group.children.length) }));
  paths.forEach((d, i) => group.children[i].setAttribute("d", d));
}

/** Draws the period before, paler and below: a line for each brand, or one for all. */
export function drawBefore(group, paths, apart) {
  group.replaceChildren(...paths.flatMap((d, i) => [s("path", { class: "before-halo", d }), s("path", { class: `before-line${apart ? ` before-brand brand-${i + 1}` : ""}`, d })]));
}
