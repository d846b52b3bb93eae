// The dead letters view: the newest records that could not be counted or stored, and
// why. Their values come from anybody who may write to the topic: they are only text.

import { $, each, h, text } from "./dom.js";
import { csv, save, stamp } from "./exportfile.js";
import { brokenNotice } from "./problems.js";
import { request } from "./request.js";
import * as format from "./format.js";

const often = 5000; // milliseconds
const few = 50, many = 200;

export class DeadLettersView {
  #page; #timer = null; #abort = null; #update = null; #reason = null; #count = few; #paused = false; #heard = Date.now();
  #rows = new Map(); #aside = new AbortController();

  constructor(page) {
    this.#page = page;
    const on = (id, what) => $(id).addEventListener("click", what, { signal: this.#aside.signal });
    on("letters-more", () => { this.#count = many; this.#ask(); });
    on("letters-csv", () => this.#export());
    $("letters").replaceChildren();
    $("letter-reasons").replaceChildren();
    this.#ask();
  }

  show(params) {
    this.#reason = params.has("reason") ? params.get("reason") : null;
    this.#draw();
  }

  pause() { this.#paused = true; this.#stop(); }

  resume() { this.#paused = false; this.#ask(); }

  close() {
    this.#stop();
    this.#aside.abort();
    document.title = "BrandPulse";
  }

  #stop() {
    this.#abort?.abort();
    clearTimeout(this.#timer);
  }

  async #ask() {
    this.#stop();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      // Nobody looks at a hidden page.
      if (!document.hidden) {
        this.#update = await request(`api/dead-letters?n=${this.#count}`, signal);
        this.#heard = Date.now();
        this.#draw();
        this.#state();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#page.live("lost", "Disconnected");
      this.#page.notice(brokenNotice(this.#heard, this.#update !== null));
    }
    if (!signal.aborted && !this.#paused) this.#timer = setTimeout(() => this.#ask(), often);
  }

  #state() {
    const { problem, topic, brokers, read } = this.#update;
    const { live, notice } = this.#page;
    if (!problem) {
      live("live", "Live");
      notice(null);
    } else if (problem.kind === "off") {
      live("wait", "Off");
      notice({ level: "info", title: "Dead letters are not shown", lines: ["The dashboard reads them from Kafka. Start it with the brokers and the topic:", { code: "brandpulse-connect dashboard --kafka HOST:9092 --dead-letters tweets_dead" }] });
    } else if (problem.kind === "missing") {
      live("wait", "No topic");
      notice({ level: "info", title: `Kafka has no topic ${topic}`, lines: [`Checked at ${brokers} since ${format.when(problem.since)}. A pipeline creates it with the first dead letter, where Kafka allows that. Otherwise create it, or give another name:`, { code: `brandpulse-connect topic create ${topic}\nbrandpulse-connect dashboard --kafka ${brokers} --dead-letters TOPIC` }] });
    } else {
      live("lost", "No Kafka");
      const old = read ? `The dead letters below were read at ${format.when(read)}. ` : "";
      notice({ level: "bad", title: `Kafka has not answered since ${format.when(problem.since)}`, lines: [`${brokers}: ${problem.message}`, `${old}This page continues by itself when Kafka answers.`] });
    }
  }

  #shown() {
    return this.#update.letters.filter(({ reason }) => this.#reason === null || reason === this.#reason);
  }

  #draw() {
    const u = this.#update;
    if (!u) return;
    const shown = this.#shown();
    const known = u.read > 0 && u.problem?.kind !== "missing";
    document.title = known ? `${format.count(u.total)} dead letters · BrandPulse` : "BrandPulse";
    text($("letters-sum"), !known ? "" : u.total === 0 ? `The topic ${u.topic} is empty: every record could be counted and stored.` : `${format.count(u.total)} in the topic ${u.topic}. ${summary(shown.length, u.letters.length)}`);
    text($("letters-note"), u.note);
    $("letters-note").hidden = !u.note;
    $("letters-more").hidden = this.#count === many || u.letters.length < few || u.total <= few;
    $("letters-csv").hidden = shown.length === 0;
    each($("letter-reasons"), u.reasons, () => h("li", null, h("button", { type: "button", class: "choice", onclick: (event) => this.#choose(event.currentTarget.dataset.reason) }, h("span"), h("b"))), (row, reason) => {
      const button = row.firstElementChild;
      button.dataset.reason = reason.name;
      button.setAttribute("aria-pressed", String(reason.name === this.#reason));
      text(button.children[0], format.name(reason.name) || "no reason given");
      text(button.children[1], format.count(reason.count));
    });
    this.#drawLetters(shown);
  }

  #choose(reason) {
    this.#page.go(new URLSearchParams(reason === this.#reason ? {} : { reason }));
  }

  // A letter keeps its row, so that what is open or focused stays so as new ones come.
  #drawLetters(shown) {
    const list = $("letters");
    const rows = new Map(shown.map((letter) => {
      const key = `${letter.partition}/${letter.offset}`;
      return [key, this.#rows.get(key) ?? letterRow(letter)];
    }));
    for (const [key, row] of this.#rows) if (rows.get(key) !== row) row.remove();
    this.#rows = rows;
    [...rows.values()].forEach((row, i) => { if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null); });
  }

  #export() {
    const header = ["time", "topic", "partition", "offset", "reason", "error", "from_topic", "from_partition", "from_offset", "last_offset", "bytes", "excerpt"];
    const rows = this.#shown().map((l) => [stamp(l.time / 1000), this.#update.topic, l.partition, l.offset, l.reason, l.error, l.from_topic, l.from_partition, l.from_offset, l.last_offset, l.bytes, l.excerpt]);
    save(`${this.#update.topic}.csv`, csv([header, ...rows]));
  }
}

function summary(shown, read) {
  if (shown < read) return `${format.count(shown)} of the newest ${format.count(read)} have this reason.`;
  return `The newest ${format.count(read)} are shown.`;
}

function letterRow(letter) {
  const value = letter.bytes === 0 ? h("p", { class: "empty" }, "The value is empty.") : h("details", { open: letter.excerpt.length <= 300 },
    h("summary", null, sizeOf(letter)), h("pre", letter.hex ? { class: "hex", tabindex: "0" } : null, letter.excerpt));
  return h("li", null,
    h("div", { class: "letter-about" },
      h("p", { class: "letter-reason" }, h("b", null, format.name(letter.reason) || "no reason given"), h("time", { datetime: stamp(letter.time / 1000) }, format.when(letter.time / 1000))),
      letter.error ? h("p", { class: "letter-error" }, format.name(letter.error)) : null,
      h("p", { class: "sub" }, origin(letter)),
      h("p", { class: "sub" }, `Dead letter: partition ${letter.partition}, offset ${format.digits(letter.offset)}`)),
    value);
}

function origin({ from_topic: topic, from_partition: partition, from_offset: offset, last_offset: last, after_offset: after }) {
  if (!topic && !offset) return "Origin unknown: the record has none of the headers that the pipelines write.";
  const place = last && last !== offset ? `offsets ${format.name(offset)} to ${format.name(last)}` : offset ? `offset ${format.name(offset)}` : after ? `after offset ${format.name(after)}` : "offset unknown";
  return `From ${format.name(topic)}, partition ${format.name(partition)}, ${place}`;
}

function sizeOf({ bytes, shown, hex, cut_from: cutFrom }) {
  const part = shown < bytes ? `, the first ${format.count(shown)}` : "";
  const cut = cutFrom ? `, cut from ${format.count(Number(cutFrom) || 0)}` : "";
  return `${format.count(bytes)} bytes${cut}${part} as ${hex ? "hex" : "text"}`;
}
