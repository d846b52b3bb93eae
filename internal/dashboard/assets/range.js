// A range of one's own: its ends in the address, a form to enter them in local time,
// and the request for it. Unlike a named range it does not move.

import { $, text } from "./dom.js";
import { request } from "./request.js";
import * as format from "./format.js";

const shortest = 10, longest = 366 * 86400; // seconds; the server checks them too
const young = 300; // seconds after the end of a range in which tweets may still arrive
const again = 10_000, retry = 5000; // milliseconds

/** The range in an address, or null. */
export function rangeOf(params) {
  const [from, to] = ["from", "to"].map((name) => (/^\d{1,11}$/.test(params.get(name) ?? "") ? Number(params.get(name)) : NaN));
  return problemOf(from, to) ? null : { from, to };
}

/** What is wrong with a range; an empty text if nothing is. */
function problemOf(from, to) {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return "Enter both times, with date.";
  if (from >= to) return "The range must begin before it ends.";
  if (to - from < shortest) return `The range must be at least ${shortest} seconds long.`;
  if (to - from > longest) return `The range must be at most ${longest / 86400} days long.`;
  return "";
}

/** A range that can be shown, around one that may be too short or too long. */
export function clamp(from, to) {
  const middle = (from + to) / 2;
  const half = Math.min(Math.max(to - from, shortest), longest) / 2;
  return { from: Math.max(0, Math.round(middle - half)), to: Math.round(middle + half) };
}

/** The ends of a range as people read them. */
export function words({ from, to }) {
  const sameDay = format.day(from) === format.day(to);
  return `${format.when(from)} to ${sameDay ? format.clock(to) : format.when(to)}`;
}

/** Local time as an input takes it, from unix seconds. */
function local(seconds) {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The form for both ends. */
export class RangeForm {
  #shown; #choose;

  /** shown returns the range that the chart shows; choose receives a valid one. */
  constructor(shown, choose, signal) {
    this.#shown = shown;
    this.#choose = choose;
    $("own-toggle").addEventListener("click", () => this.#open($("own").hidden), { signal });
    $("own").addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); }, { signal });
    $("own").addEventListener("keydown", (event) => { if (event.key === "Escape") this.#open(false); }, { signal });
    $("own-cancel").addEventListener("click", () => this.#open(false), { signal });
    this.close();
  }

  close() {
    $("own").hidden = true;
    $("own-toggle").setAttribute("aria-expanded", "false");
    this.#complain("");
  }

  #open(open) {
    if (!open) {
      this.close();
      $("own-toggle").focus();
      return;
    }
    const { from, to } = this.#shown();
    $("own-from").value = local(from);
    $("own-to").value = local(to);
    text($("own-zone"), `Local time (${Intl.DateTimeFormat().resolvedOptions().timeZone || "this machine"}).`);
    $("own").hidden = false;
    $("own-toggle").setAttribute("aria-expanded", "true");
    $("own-from").focus();
  }

  #submit() {
    const [from, to] = ["own-from", "own-to"].map((id) => Math.round(new Date($(id).value).getTime() / 1000));
    const problem = problemOf(from, to) || (from * 1000 >= Date.now() ? "The range begins in the future. It must begin before now." : "");
    this.#complain(problem);
    if (problem) {
      $(Number.isFinite(from) && !Number.isFinite(to) ? "own-to" : "own-from").focus();
      return;
    }
    this.close();
    this.#choose({ from, to });
  }

  #complain(problem) {
    text($("own-error"), problem);
    $("own-error").hidden = !problem;
    for (const id of ["own-from", "own-to"]) $(id).setAttribute("aria-invalid", String(problem !== ""));
  }
}

/** Requests a range that does not move, in place of a Stream. */
export class Period {
  #url; #until; #onData; #onState; #timer = null; #abort = null; #paused = false; #heard = Date.now();

  constructor(url, until, onData, onState) {
    this.#url = url;
    this.#until = until;
    this.#onData = onData;
    this.#onState = onState;
    this.#hear(); // a long range takes a while
    this.#ask();
  }

  async #ask() {
    this.#stop();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    let wait = retry;
    try {
      const update = await request(this.#url, signal);
      this.#hear();
      this.#onData(update);
      if (!update.status.problem) wait = Date.now() / 1000 < this.#until + young ? again : null;
    } catch (error) {
      if (signal.aborted) return;
      this.#onState({ connected: false, refused: error instanceof TypeError ? null : error.message, lost: this.#heard });
    }
    if (!signal.aborted && wait !== null && !this.#paused) this.#timer = setTimeout(() => this.#ask(), wait);
  }

  #hear() {
    this.#heard = Date.now();
    this.#onState({ connected: true, refused: null, lost: this.#heard });
  }

  #stop() {
    this.#abort?.abort();
    clearTimeout(this.#timer);
  }

  pause() { this.#paused = true; this.#stop(); }

  resume() { this.#paused = false; this.#ask(); }

  close() { this.#stop(); }
}
