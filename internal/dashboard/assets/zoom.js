// Zooming: dragging over the chart, or Shift with arrow keys and Enter, chooses a part
// of it; + and − zoom around the cursor.

import { say } from "./dom.js";
import { clamp, words } from "./range.js";

const moves = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];
const least = 6; // pixels that a pointer moves before it drags

export class Zoom {
  #chart; #to; #anchor = null; #selected = null; #drag = null; #dragged = false;

  /** to receives the range to show. */
  constructor(chart, to) {
    this.#chart = chart;
    this.#to = to;
    const { slider } = chart;
    slider.addEventListener("pointerdown", (event) => this.#down(event));
    slider.addEventListener("pointermove", (event) => this.#move(event));
    slider.addEventListener("pointerup", () => this.#up());
    slider.addEventListener("pointercancel", () => this.#clear());
    // Before the chart's own listeners: a drag is no click, and Enter zooms if
    // something is selected.
    slider.addEventListener("click", (event) => { if (this.#dragged) { this.#dragged = false; event.stopImmediatePropagation(); } }, true);
    slider.addEventListener("keydown", (event) => this.#keyBefore(event), true);
    slider.addEventListener("keydown", (event) => this.#keyAfter(event));
    slider.addEventListener("blur", () => this.#clear());
  }

  /** The range of the windows from one start to another, both included. */
  #range(a, b) { return { from: Math.min(a, b), to: Math.max(a, b) + this.#chart.model.step }; }

  #select(a, b) {
    this.#selected = this.#range(a, b);
    this.#chart.select(this.#selected);
  }

  #clear() {
    this.#anchor = this.#selected = this.#drag = null;
    this.#chart.select(null);
  }

  #zoom({ from, to }) {
    this.#clear();
    const range = clamp(from, to);
    say(`Zoomed to ${words(range)}`);
    this.#to(range);
  }

  #down(event) {
    this.#dragged = false;
    if (event.button !== 0 || !this.#chart.model) return;
    this.#drag = { id: event.pointerId, x: event.clientX, start: this.#chart.startAt(event.clientX) };
  }

  #move(event) {
    if (event.pointerId !== this.#drag?.id) return;
    if (!this.#dragged && Math.abs(event.clientX - this.#drag.x) < least) return;
    if (!this.#dragged) this.#chart.slider.setPointerCapture(event.pointerId);
    this.#dragged = true;
    this.#select(this.#drag.start, this.#chart.startAt(event.clientX));
  }

  #up() {
    this.#drag = null;
    if (this.#dragged && this.#selected) this.#zoom(this.#selected);
  }

  #keyBefore(event) {
    const { model } = this.#chart;
    if (!model || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.shiftKey && moves.includes(event.key)) {
      this.#anchor ??= this.#chart.cursor ?? model.windows.at(-1).start;
      return;
    }
    const length = model.windows.length * model.step;
    const middle = this.#chart.cursor ?? model.first + length / 2;
    if (event.key === "Enter" && this.#selected) this.#zoom(this.#selected);
    else if (event.key === "Escape" && this.#selected) this.#clear();
    else if (event.key === "+" || event.key === "=") this.#zoom({ from: middle - length / 4, to: middle + length / 4 });
    else if (event.key === "-") this.out();
    else return;
    event.stopImmediatePropagation();
    event.preventDefault();
  }

  #keyAfter(event) {
    if (!this.#chart.model || !moves.includes(event.key)) return;
    if (!event.shiftKey) return this.#clear();
    this.#select(this.#anchor, this.#chart.cursor);
    say(`Selected ${words(this.#selected)}. Enter zooms in.`);
  }

  /** Shows twice as much, but not the future. */
  out() {
    const { first, step, windows } = this.#chart.model;
    const length = windows.length * step;
    const to = Math.min(first + 1.5 * length, Math.max(Date.now() / 1000, first + length));
    this.#zoom({ from: to - 2 * length, to });
  }
}
