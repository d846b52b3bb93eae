// The brand view: the sentiment of tweets, as InfluxDB has it.

import { $, each, h, say, text } from "./dom.js";
import { Chart } from "./chart.js";
import { Stream } from "./stream.js";
import { Texts } from "./texts.js";
import { Moment } from "./moment.js";
import { sample } from "./overlay.js";
import { brokenNotice, problemNotice, refusedNotice } from "./problems.js";
import { net as netOf, none, sentiments, total } from "./sentiments.js";
import * as format from "./format.js";

const ranges = [["1m", "1 min"], ["15m", "15 min"], ["1h", "1 h"], ["6h", "6 h"], ["24h", "24 h"]];
const lateSeconds = 5; // how old the newest tweet may be to be called live
const patience = 3000; // milliseconds in which a page that opens may connect

let chart = null; // one for the life of the page: it listens to its size
let picked = () => {};

export class BrandView {
  #page; #stream = null; #key = ""; #range = "1m"; #brands = []; #at = null;
  #windows = new Map(); #update = null; #received = 0; #link = { connected: false, refused: null, lost: Date.now() }; #texts; #moment; #clock; #aside = new AbortController();

  constructor(page) {
    this.#page = page;
    chart ??= new Chart($("chart"), (start) => picked(start));
    picked = (start) => this.#go({ at: start });
    this.#texts = new Texts(() => this.#query());
    this.#moment = new Moment(() => this.#query());
    this.#clock = setInterval(() => this.#state(), 1000);
    const on = (id, what) => $(id).addEventListener("click", what, { signal: this.#aside.signal });
    on("all-brands", () => this.#go({ brands: [] }));
    on("moment-close", () => { this.#go({ at: null }); chart.focus(); });
    on("as-table", () => this.#toggleTable());
    $("moment").addEventListener("keydown", (event) => {
      if (event.key === "Escape") { this.#go({ at: null }); chart.focus(); }
    }, { signal: this.#aside.signal });
    this.#drawRanges();
  }

  pause() { this.#stream.pause(); }

  resume() { this.#stream.resume(); }

  close() {
    this.#stream?.close();
    this.#texts.close();
    this.#moment.hide();
    clearInterval(this.#clock);
    this.#aside.abort();
    document.title = "BrandPulse";
  }

  /** Shows what the address says. */
  show(params) {
    const range = params.get("range");
    this.#range = ranges.some(([name]) => name === range) ? range : "1m";
    this.#brands = params.getAll("brand");
    const at = params.get("at");
    const before = this.#at;
    this.#at = at !== null && /^\d{1,12}$/.test(at) ? Number(at) : null;
    for (const button of $("ranges").children) {
      const on = button.dataset.range === this.#range;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    text($("brand-title"), this.#brands.length === 0 ? "All brands" : this.#brands.map(format.name).join(", "));
    $("all-brands").hidden = this.#brands.length === 0;
    const key = this.#query();
    if (key !== this.#key) {
      this.#key = key;
      this.#stream?.close();
      this.#windows.clear();
      this.#update = null;
      this.#stream = new Stream(`api/brand/events?${key}`, (update) => this.#take(update), (link) => { this.#link = link; this.#state(); });
      this.#texts.again();
    }
    if (this.#at !== null) this.#moment.show(this.#at, before !== this.#at);
    else this.#moment.hide();
    this.#draw();
  }

  #query() {
    const params = new URLSearchParams({ range: this.#range });
    for (const brand of this.#brands) params.append("brand", brand);
    return params.toString();
  }

  #go({ range = this.#range, brands = this.#brands, at = this.#at }) {
    const params = new URLSearchParams({ range });
    for (const brand of brands) params.append("brand", brand);
    if (at !== null && range === this.#range) params.set("at", at);
    this.#page.go(params);
  }

  #take(update) {
    if (update.whole) this.#windows.clear();
    for (const [start, ...counts] of update.windows) this.#windows.set(start, counts);
    for (const start of this.#windows.keys()) if (start < update.first) this.#windows.delete(start);
    this.#tellMarks(this.#update, update);
    this.#update = update;
    this.#received = performance.now();
    this.#draw();
    this.#state();
    this.#texts.tick(update.status.newest);
    this.#moment.tick(update.head);
  }

  #tellMarks(before, now) {
    const last = now.marks.at(-1);
    const known = before?.marks.at(-1)?.start ?? Infinity;
    if (before && last && last.start > known) say(`${markTitle(last)}, ${markBrands(last)}, at ${format.clock(last.start, now.step)}`);
  }

  /** Now by the clock of the server, in unix milliseconds. */
  #now() { return this.#update.now + performance.now() - this.#received; }

  /** All windows of the range, those without tweets too. */
  #all() {
    const { first, head, step, overlay } = this.#update;
    const all = [];
    for (let start = first; start <= head; start += step) {
      const row = this.#windows.get(start);
      const three = (i) => row?.slice(3 * i, 3 * i + 3) ?? none;
      all.push({ start, counts: three(0), brands: overlay.map((_, i) => three(i + 1)) });
    }
    return all;
  }

  /** The time that a figure is about: now, or the whole range. */
  #drawWhen(u) {
    const together = this.#brands.length > 1 ? `, ${this.#brands.length} brands together` : "";
    const range = `last ${format.span(u.step * ((u.head - u.first) / u.step + 1 | 0))}`;
    const when = { now: `now${together}`, sum: range + together, range, windows: `${range}, by ${format.span(u.step)}`, texts: "last 1 min" };
    for (const element of document.querySelectorAll("#brand [data-when]")) text(element, when[element.dataset.when]);
  }

  /** The sentiments, or the brands that are drawn over each other. */
  #drawLegend(u) {
    text($("chart-title"), `Tweets per second by ${u.overlay.length ? "brand" : "sentiment"}`);
    const key = JSON.stringify(u.overlay);
    if ($("legend").dataset.key === key) return;
    $("legend").dataset.key = key;
    const more = this.#brands.length - u.overlay.length;
    $("legend").replaceChildren(...(u.overlay.length
      ? [...u.overlay.map((name, i) => h("li", { class: "brand-name" }, sample(i), h("span", null, format.name(name)))), more > 0 ? h("li", null, `and ${more} more, not drawn`) : ""]
      : sentiments.map(({ name, css, shape }) => h("li", { class: css }, h("span", { class: "shape", "aria-hidden": "true" }, shape), ` ${name}`))));
  }

  #draw() {
    const u = this.#update;
    if (!u) return;
    const windows = this.#all();
    const all = total(u.total);
    const net = netOf(u.total);
    this.#drawWhen(u);
    this.#drawLegend(u);
    const unknown = u.status.problem?.message ?? (u.status.asked ? null : "Not read yet");
    const nothing = all ? null : unknown ?? "No tweets in this range";
    measured($("rate"), unknown ? format.none : format.count(u.rate), unknown);
    text($("total"), all ? `${format.count(all)} ${all === 1 ? "tweet" : "tweets"} in the last ${format.span(u.step * windows.length)}` : "");
    measured($("net"), format.signed(net), nothing);
    $("net").dataset.sign = net === null ? "" : String(Math.sign(Math.round(net)));
    $("needle").hidden = net === null;
    $("needle").style.left = `${50 + (net ?? 0) / 2}%`;
    $("net-bar").style.left = `${50 + Math.min(0, net ?? 0) / 2}%`;
    $("net-bar").style.width = `${Math.abs(net ?? 0) / 2}%`;
    sentiments.forEach(({ name }, i) => measured($(`share-${name}`), format.percent(u.total[i], all), nothing));
    grow($("share-bar"), u.total);
    chart.set({
      step: u.step, first: u.first, head: u.head, filled: u.filled, read: u.read, windows, overlay: u.overlay, marks: u.marks, key: this.#key, pinned: this.#at,
      unread: u.status.problem ? "Not read" : "Reading…", unanswered: u.status.problem ? `No data since ${format.clock(Math.floor(u.status.since / 1000))}` : null, empty: "No tweets in this range",
    });
    this.#drawVoice(u);
    this.#drawMarks(u);
    if (!$("table").hidden) this.#drawTable(windows);
    text($("source"), `${u.status.bucket} / ${u.status.measurement} at ${u.status.url}${u.status.stray ? `. ${format.count(u.status.stray)} tweets have a sentiment other than the three and are not shown.` : ""}`);
    document.title = all ? `${format.count(u.rate)}/s now · net ${format.signed(net)} · BrandPulse` : "BrandPulse";
  }

  #drawVoice(u) {
    const all = u.brands.reduce((sum, b) => sum + total(b.counts), 0);
    const most = Math.max(1, ...u.brands.map((b) => total(b.counts)));
    $("voice").dataset.empty = u.brands.length ? "" : "No tweets.";
    text($("voice-hint"), u.brands.length > 1 ? "choose to filter" : "");
    each($("voice"), u.brands, () => voiceRow((name) => {
      const chosen = this.#brands.includes(name) ? this.#brands.filter((b) => b !== name) : [...this.#brands, name];
      this.#go({ brands: chosen });
    }), (row, brand) => {
      const button = row.firstElementChild;
      const [name, share, net, bar] = button.children;
      const on = this.#brands.includes(brand.name);
      const words = format.name(brand.name) || "other brands";
      button.dataset.brand = brand.name;
      button.disabled = !brand.name;
      button.setAttribute("aria-pressed", String(on));
      const place = u.overlay.indexOf(brand.name);
      button.dataset.line = place < 0 ? "" : String(place + 1);
      button.classList.toggle("dim", this.#brands.length > 0 && !on);
      button.title = words;
      text(name, words);
      text(share, format.percent(total(brand.counts), all));
      text(net, format.signed(netOf(brand.counts)));
      net.dataset.sign = String(Math.sign(Math.round(netOf(brand.counts) ?? 0)));
      bar.style.width = `${(100 * total(brand.counts)) / most}%`;
      grow(bar, brand.counts);
      button.setAttribute("aria-label", `${words}: ${format.percent(total(brand.counts), all)} of all tweets, net sentiment ${format.signed(netOf(brand.counts))}`);
    });
  }

  #drawMarks(u) {
    const marks = u.marks.slice(-6).reverse();
    $("marks-panel").dataset.empty = String(marks.length === 0);
    if (marks.length === 0) {
      $("marks").replaceChildren(h("li", { class: "empty" }, `None.`));
      return;
    }
    $("marks").querySelector(".empty")?.remove();
    each($("marks"), marks, () => h("li", null, h("button", { type: "button", onclick: (event) => this.#go({ at: Number(event.currentTarget.dataset.start) }) },
      h("span", { class: "mark-name" }), h("span", { class: "mark-time" }), h("span", { class: "mark-brands" }))), (row, mark) => {
      const button = row.firstElementChild;
      button.dataset.start = mark.start;
      button.dataset.kind = mark.kind;
      text(button.children[0], markTitle(mark));
      text(button.children[1], format.clock(mark.start, u.step));
      text(button.children[2], markBrands(mark));
      button.children[2].title = mark.brands.map(format.name).join(", ");
    });
  }

  #toggleTable() {
    const show = $("table").hidden;
    $("table").hidden = !show;
    $("chart").hidden = show;
    $("as-table").setAttribute("aria-expanded", String(show));
    text($("as-table"), show ? "Show as chart" : "Show as table");
    if (show && this.#update) this.#drawTable(this.#all());
  }

  #drawTable(windows) {
    const { step, overlay, filled, read } = this.#update;
    const columns = overlay.length ? overlay.flatMap((name) => [format.name(name), "net"]) : [...sentiments.map(({ name, shape }) => `${shape} ${name}`), "all", "net"];
    const cells = ({ start, counts, brands }) => {
      if (start < filled || start >= read) return columns.map(() => format.none);
      if (overlay.length) return brands.flatMap((of) => [format.count(total(of)), format.signed(netOf(of))]);
      return [...counts, total(counts)].map(format.count).concat(format.signed(netOf(counts)));
    };
    const rows = windows.slice().reverse().map((window) => h("tr", { "data-start": window.start },
      h("th", { scope: "row" }, format.clock(window.start, step)), ...cells(window).map((cell) => h("td", null, cell))));
    $("table").replaceChildren(h("table", null,
      h("caption", null, `Tweets in windows of ${format.span(step)}, the newest first. The newest is still filling. ${format.none} is not read.`),
      h("thead", null, h("tr", null, ...["Time", ...columns].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, ...rows)));
  }

  #drawRanges() {
    const choose = (name) => this.#go({ range: name });
    $("ranges").replaceChildren(...ranges.map(([name, words]) => h("button", { type: "button", role: "radio", "data-range": name, onclick: () => choose(name) }, words)));
    $("ranges").onkeydown = (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const i = (ranges.findIndex(([name]) => name === this.#range) + by + ranges.length) % ranges.length;
      choose(ranges[i][0]);
      $("ranges").children[i].focus();
    };
  }

  /** How fresh the data is, and what to do when it is not. */
  #state() {
    const u = this.#update;
    const { live, notice, pause } = this.#page;
    if (pause.since) return; // what is shown stays
    const { connected, refused, lost } = this.#link;
    if (!connected) {
      const broken = u || Date.now() - lost > patience;
      live("lost", refused ? "Refused" : broken ? `Disconnected for ${format.age((Date.now() - lost) / 1000)}` : "Connecting");
      notice(refused ? refusedNotice(refused) : broken ? brokenNotice(lost, u !== null) : null);
      return;
    }
    if (!u) return;
    const { problem, asked, newest, since } = u.status;
    const now = this.#now();
    notice(problem ? problemNotice(problem, u.status, now) : asked && !newest && u.filled <= u.first ? problemNotice({ kind: "empty" }, { ...u.status, since: 0 }, now) : null);
    if (problem) return live("lost", `No data for ${format.age((now - since) / 1000)}`);
    if (!asked) return live("wait", "Reading");
    const waited = Math.floor(now / 1000) - u.read; // InfluxDB has not failed yet, and may hang
    if (waited > lateSeconds) return live("late", `No response for ${format.age(waited)}`);
    if (!newest) return live("wait", "No tweets");
    // The newest tweet lies anywhere in its second.
    const age = Math.max(0, u.head - newest);
    if (age <= lateSeconds) live("live", "Live");
    else live("late", age < 120 ? `${age} s behind` : `No tweets since ${format.clock(newest)}`);
  }
}

/** Sets a figure. One that is not known tells why when the pointer rests on it. */
function measured(element, value, why) {
  text(element, value);
  element.title = value === format.none ? why ?? "" : "";
}

export function markTitle({ kind, value }) {
  if (kind === "inversion") return `Net sentiment turned ${value < 0 ? "negative" : "positive"}`;
  return `Spike: ${value >= 10 ? Math.round(value) : value.toFixed(1).replace(".0", "")}× usual volume`;
}

/** The brands of a mark, the most important first. */
export function markBrands({ brands }) {
  const names = brands.slice(0, 2).map(format.name).join(", ");
  return brands.length > 2 ? `${names} and ${brands.length - 2} more` : names || "all brands together";
}

function voiceRow(choose) {
  return h("li", null, h("button", { type: "button", onclick: (event) => choose(event.currentTarget.dataset.brand) },
    h("span", { class: "voice-name" }), h("span", { class: "voice-share" }), h("span", { class: "voice-net" }),
    h("span", { class: "stack" }, ...sentiments.map(({ css }) => h("span", { class: css })))));
}

/** Gives the parts of a stack their widths. */
function grow(stack, parts) {
  const all = parts.reduce((sum, n) => sum + n, 0);
  [...stack.children].forEach((part, i) => { part.style.flexGrow = all ? String(parts[i] / all) : "0"; });
}
