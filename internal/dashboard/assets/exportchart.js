// The chart as a PNG with its title and legend, in the theme and at the pixel ratio of
// the screen. The page's style does not reach into an image, so it is copied.

import { s, set } from "./dom.js";

const properties = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "font-family", "font-size", "font-weight", "text-anchor", "opacity"];
const pad = 20, lineHeight = 22;

/** A copy of a part of the page, with the style that it has there. */
function styled(original) {
  const copy = original.cloneNode(true);
  const from = [original, ...original.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    if (style.display === "none" && !element.closest("defs")) to[i].setAttribute("display", "none");
    for (const property of properties) {
      const value = style.getPropertyValue(property);
      if (value) to[i].setAttribute(property, value);
    }
    to[i].removeAttribute("class");
  });
  return copy;
}

/** A line of text pieces and small pictures, broken where it is too long. */
class Lines {
  #context = document.createElement("canvas").getContext("2d");
  #x = pad; #width; #family;
  y = pad;
  parts = [];

  constructor(width, family) { this.#width = width; this.#family = family; }

  text(words, { size = 13, weight = 400, fill, gap = 16 }) {
    this.#context.font = `${weight} ${size}px ${this.#family}`;
    const widthOf = (part) => this.#context.measureText(part).width;
    const width = widthOf(words);
    if (width > this.#width - 2 * pad) { // longer than a line
      let end = words.length;
      do end = words.lastIndexOf(" ", end - 1); while (end > 0 && widthOf(words.slice(0, end)) > this.#width - pad - this.#x);
      if (end > 0) {
        this.text(words.slice(0, end), { size, weight, fill, gap });
        this.next();
        return this.text(words.slice(end + 1), { size, weight, fill, gap });
      }
    }
    this.#room(width);
    this.parts.push(s("text", { x: this.#x, y: this.y + size, "font-size": size, "font-weight": weight, "font-family": this.#family, fill }, words));
    this.#x += width + gap;
  }

  /** Begins a line if pieces, svg elements and text nodes, do not fit into the rest of this one. */
  together(pieces) {
    this.#context.font = `400 13px ${this.#family}`;
    this.#room(pieces.reduce((sum, piece) => sum + 5 + (piece.nodeName === "svg" ? piece.getBoundingClientRect().width : this.#context.measureText(piece.data.trim()).width), 0));
  }

  picture(svg) {
    const { width, height } = svg.getBoundingClientRect();
    const copy = styled(svg);
    set(copy, { x: this.#x, y: this.y + 9 - height / 2, width, height });
    this.parts.push(copy);
    this.#x += width + 5;
  }

  next() {
    this.#x = pad;
    this.y += lineHeight;
  }

  #room(width) { if (this.#x > pad && this.#x + width > this.#width - pad) this.next(); }
}

/** The text and the pictures of a legend, piece by piece, in their colours. */
function drawLegend(lines, legend) {
  for (const item of legend) {
    const pieces = [];
    const walker = document.createTreeWalker(item, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) =>
      (node.nodeName === "svg" || node.nodeType === Node.TEXT_NODE ? NodeFilter.FILTER_ACCEPT : node.closest("svg") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP));
    while (walker.nextNode()) if (walker.currentNode.nodeName === "svg" ? !walker.currentNode.hasAttribute("hidden") : walker.currentNode.data.trim()) pieces.push(walker.currentNode);
    lines.together(pieces);
    pieces.forEach((node, i) => {
      if (node.nodeName === "svg") lines.picture(node);
      else lines.text(node.data.trim(), { fill: getComputedStyle(node.parentElement).color, gap: i < pieces.length - 1 ? 5 : 16 });
    });
  }
}

/** Draws a chart below its title, what it shows, and its legend, a list of elements. */
export async function png(chart, { title, about, legend }) {
  const style = getComputedStyle(document.body);
  const { width, height } = chart.viewBox.baseVal;
  const whole = width + 2 * pad;
  const lines = new Lines(whole, style.fontFamily);
  lines.text(title, { size: 17, weight: 600, fill: style.color });
  lines.next();
  lines.text(about, { fill: style.color });
  lines.next();
  drawLegend(lines, legend);
  lines.next();
  const copy = styled(chart);
  set(copy, { x: pad, y: lines.y + 6, width, height });
  const size = { width: whole, height: Math.ceil(lines.y + height + 6 + pad) };
  const picture = s("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}` }, s("rect", { ...size, fill: style.backgroundColor }), ...lines.parts, copy);

  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(picture))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(size.width * devicePixelRatio);
  canvas.height = Math.round(size.height * devicePixelRatio);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser made no picture"))), "image/png"));
}
