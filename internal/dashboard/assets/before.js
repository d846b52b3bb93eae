// The period before the one that is shown, of the same length, to compare with.

import { $, text } from "./dom.js";
import { words } from "./range.js";
import { request } from "./request.js";
import { total } from "./sentiments.js";
import * as format from "./format.js";

const again = 60_000, retry = 5000; // milliseconds

export class Before {
  #changed; #key = ""; #windows = new Map(); #state = "off"; #message = ""; #due = 0; #abort = null; #length = 0; #first = 0;

  /** changed is called when there is something else to draw. */
  constructor(changed) { this.#changed = changed; }

  get on() { return this.#state !== "off"; }

  off() {
    this.#abort?.abort();
    this.#state = "off";
    this.#key = "";
    this.#windows.clear();
  }

  /** Follows what is shown: key names it, and query returns the address of the
      period between two seconds. */
  follow(key, { first, step, count }, query) {
    this.#length = step * count;
    this.#first = first;
    if (key !== this.#key) {
      this.off();
      this.#key = key;
      this.#state = "reading";
      this.#due = 0;
    }
    for (const start of this.#windows.keys()) if (start < first - this.#length) this.#windows.delete(start);
    if (Date.now() >= this.#due) this.#ask(query(first - this.#length, first));
  }

  /** A window has left what is shown, and belongs to the period before. */
  keep(start, counts) { if (this.#state === "some") this.#windows.set(start, counts); }

  async #ask(query) {
    this.#due = Date.now() + again;
    this.#abort?.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      const update = await request(`api/brand/period?${query}`, signal);
      if (signal.aborted) return;
      if (update.status.problem) throw new Error(update.status.problem.message);
      for (const [start, ...counts] of update.windows) this.#windows.set(start, counts);
      this.#state = "some";
    } catch (error) {
      if (signal.aborted) return;
      this.#due = Date.now() + retry;
      if (this.#state === "reading") this.#state = "failed";
      this.#message = error.message;
    }
    this.#changed();
  }

  /** The counts of the window that was as long before; null if they are not known. */
  at(start) { return this.#state === "some" ? this.#windows.get(start - this.#length) ?? null : null; }

  /** The counts of the whole period; null if there are none. */
  total() {
    const sum = [0, 0, 0];
    for (const [start, counts] of this.#windows) {
      if (start >= this.#first - this.#length && start < this.#first) for (let i = 0; i < 3; i++) sum[i] += counts[i];
    }
    return this.#state === "some" && sum.some((n) => n > 0) ? sum : null;
  }

  /** What there is to compare with. */
  draw() {
    const period = words({ from: this.#first - this.#length, to: this.#first });
    const begins = Math.min(...[...this.#windows].filter(([, counts]) => total(counts) > 0).map(([start]) => start));
    const late = begins > this.#first - 0.9 * this.#length;
    $("before-note").hidden = !this.on;
    $("before-note").firstElementChild.toggleAttribute("hidden", this.total() === null); // no line is drawn
    text($("before-words"), {
      off: "",
      reading: `Reading the period before, ${period}…`,
      failed: `The period before, ${period}, could not be read: ${this.#message}`,
      some: this.total() === null ? `No tweets in the period before, ${period}: there is nothing to compare with.`
        : `Compared with ${period}${late ? `, which has tweets only from ${format.when(begins)} on` : ""}.`,
    }[this.#state]);
  }
}

export const same = "no change";

/** How a number differs from the one before, in percent; an empty text if it has none. */
export function change(now, before) {
  if (!before) return "";
  const percent = Math.round((100 * (now - before)) / before);
  return percent === 0 ? same : `${percent > 0 ? "+" : "−"}${format.count(Math.abs(percent))} %`;
}

/** How a share or net sentiment differs, in points. */
export function points(now, before) {
  if (now === null || before === null) return "";
  const difference = Math.round(now) - Math.round(before);
  return difference === 0 ? same : `${difference > 0 ? "+" : "−"}${Math.abs(difference)}`;
}
