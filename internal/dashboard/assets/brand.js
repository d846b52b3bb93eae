// The brand view: the sentiment of tweets, as InfluxDB has it.

import { $, each, h, say, text } from "./dom.js";
import { Chart } from "./chart.js";
import { Stream } from "./stream.js";
import { Texts } from "./texts.js";
import { Moment } from "./moment.js";
import { addressOf, countsQuery, ranges, textsQuery, viewOf } from "./address.js";
import { Before, change, points, same } from "./before.js";
import { sample } from "./overlay.js";
import { Period, RangeForm, words } from "./range.js";
import { Search } from "./search.js";
import { saveCSV, savePNG } from "./save.js";
import { Zoom } from "./zoom.js";
import { problemNotice, showLost } from "./problems.js";
import { masked, net as netOf, none, sentiments, total } from "./sentiments.js";
import * as format from "./format.js";

const lateSeconds = 5; // how old the newest tweet may be to be called live

let chart = null; // one for the life of the page: it listens to its size
let picked = () => {}, zoomed = () => {};
let zoom = null;

export class BrandView {
  #page; #stream = null; #key = ""; #view = viewOf(new URLSearchParams()); #until = null;
  #windows = new Map(); #update = null; #received = 0; #link = { connected: false, refused: null, lost: Date.now() }; #texts; #moment; #clock; #aside = new AbortController();
  #form; #search; #before = new Before(() => this.#draw());

  constructor(page) {
    this.#page = page;
    chart ??= new Chart($("chart"), (start) => picked(start));
    zoom ??= new Zoom(chart, (own) => zoomed(own));
    picked = (start) => this.#go({ at: start });
    zoomed = (own) => this.#go({ own });
    this.#texts = new Texts(() => this.#textsQuery(), () => this.#view);
    this.#moment = new Moment(() => this.#textsQuery());
    this.#form = new RangeForm(() => this.#shown(), (own) => this.#go({ own }), this.#aside.signal);
    this.#search = new Search((search) => this.#go({ search }, { replace: true }), this.#aside.signal);
    this.#clock = setInterval(() => this.#state(), 1000);
    const on = (id, what) => $(id).addEventListener("click", what, { signal: this.#aside.signal });
    on("all-brands", () => this.#go({ brands: [] }));
    on("zoom-out", () => { if (chart.model) zoom.out(); });
    on("back-live", () => { this.#go({ own: null }); $("ranges").querySelector(`[data-range="${this.#view.range}"]`).focus(); });
    on("compare", () => this.#go({ compare: !this.#view.compare }));
    on("save-csv", () => { if (this.#update) saveCSV(this.#view, chart.model); });
    on("save-png", () => { if (this.#update) savePNG(this.#view, chart.model); });
    for (const button of $("sentiments").children) button.addEventListener("click", () => this.#toggleSentiment(button.dataset.sentiment), { signal: this.#aside.signal });
    on("moment-close", () => { this.#go({ at: null }); chart.focus(); });
    on("as-table", () => this.#toggleTable());
    $("moment").addEventListener("keydown", (event) => {
      if (event.key === "Escape") { this.#go({ at: null }); chart.focus(); }
    }, { signal: this.#aside.signal });
    this.#drawRanges();
  }

  // What is shown ends here until resume. Brands and texts can still be chosen.
  pause() {
    this.#until = this.#update?.head ?? Math.floor(Date.now() / 1000);
    this.#key = this.#query();
    this.#stream.pause();
    this.#draw();
  }

  resume() {
    this.#until = null;
    this.#follow();
  }

  close() {
    this.#stream?.close();
    this.#texts.close();
    this.#search.close();
    this.#before.off();
    this.#moment.hide();
    clearInterval(this.#clock);
    this.#aside.abort();
    document.title = "BrandPulse";
  }

  /** Shows what the address says. */
  show(params) {
    const before = this.#view;
    const view = this.#view = viewOf(params);
    for (const button of $("ranges").children) {
      const on = !view.own && button.dataset.range === view.range;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = button.dataset.range === view.range ? 0 : -1;
    }
    text($("brand-title"), view.brands.length === 0 ? "All brands" : view.brands.map(format.name).join(", "));
    $("all-brands").hidden = view.brands.length === 0;
    $("own-toggle").setAttribute("aria-pressed", String(view.own !== null));
    $("own-shown").hidden = view.own === null;
    if (view.own) {
      this.#until = null;
      this.#page.pause.reset();
      text($("own-words"), words(view.own));
    }
    this.#page.pause.offer(view.own === null);
    for (const button of $("sentiments").children) button.setAttribute("aria-pressed", String(view.sentiments.includes(button.dataset.sentiment)));
    $("compare").setAttribute("aria-pressed", String(view.compare));
    this.#search.show(view.search);
    const asked = textsQuery(before, this.#until) !== this.#textsQuery();
    if (this.#query() !== this.#key) this.#follow();
    else if (asked) this.#texts.again();
    if (view.at !== null) this.#moment.show(view.at, asked || before.at !== view.at);
    else this.#moment.hide();
    this.#draw();
  }

  /** Follows what the address says: live, or as it was where it has ended. */
  #follow() {
    const key = this.#key = this.#query();
    this.#stream?.close();
    this.#windows.clear();
    this.#update = null;
    this.#page.live("wait", "Reading");
    const take = (update) => this.#take(update);
    const state = (link) => { this.#link = link; this.#state(); };
    this.#stream = this.#ended ? new Period(`api/brand/period?${key}`, this.#view.own?.to ?? this.#until, take, state) : new Stream(`api/brand/events?${key}`, take, state);
    this.#texts.again();
  }

  get #ended() { return this.#view.own !== null || this.#until !== null; }

  #query() { return countsQuery(this.#view, this.#until); }

  #textsQuery() { return textsQuery(this.#view, this.#until); }

  /** The range that the chart shows. */
  #shown() {
    if (this.#view.own) return this.#view.own;
    const u = this.#update;
    const now = Math.floor(Date.now() / 1000);
    return u ? { from: u.first, to: u.head + 1 } : { from: now - 900, to: now };
  }

  #go(change, options) {
    const view = { ...this.#view, ...change };
    if (change.range) view.own = null;
    if ("range" in change || "own" in change) view.at = null;
    this.#page.go(addressOf(view), options);
  }

  #toggleSentiment(name) {
    const { sentiments: chosen } = this.#view;
    const next = chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name];
    this.#go({ sentiments: next.length === sentiments.length ? [] : next });
  }

  #take(update) {
    if (update.whole) this.#windows.clear();
    for (const [start, ...counts] of update.windows) this.#windows.set(start, counts);
    for (const [start, counts] of this.#windows) {
      if (start >= update.first) continue;
      this.#windows.delete(start);
      this.#before.keep(start, counts);
    }
    this.#tellMarks(this.#update, update);
    this.#update = update;
    this.#received = performance.now();
    this.#draw();
    this.#state();
    this.#texts.tick(update.status.newest || (this.#ended ? update.head : 0));
    if (!this.#ended) this.#moment.tick(update.head);
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
      all.push({ start, counts: three(0), brands: overlay.map((_, i) => three(i + 1)), before: this.#before.at(start) });
    }
    return all;
  }

  /** The time that a figure is about: now, or the whole range. */
  #drawWhen(u) {
    const { own, brands, search } = this.#view;
    const together = brands.length > 1 ? `, ${brands.length} brands` : "";
    const length = format.span(u.step * ((u.head - u.first) / u.step + 1 | 0));
    const range = own ? length : this.#until === null ? `last ${length}` : `${length} until ${format.when(this.#until)}`;
    const now = own ? "average" : this.#until === null ? "now" : `at ${format.when(this.#until)}`;
    const when = { now: now + together, sum: range + together, range, windows: `${range}, by ${format.span(u.step)}`, texts: this.#ended || search ? range : "last 1 min" };
    for (const element of document.querySelectorAll("#brand [data-when]")) text(element, when[element.dataset.when]);
  }

  /** The brands that are drawn over each other. The legend of sentiments is their filter. */
  #drawLegend(u) {
    const { sentiments: chosen, brands } = this.#view;
    text($("chart-title"), chosen.length ? `${format.list(chosen)} tweets per second${u.overlay.length ? " by brand" : ""}` : `Tweets per second by ${u.overlay.length ? "brand" : "sentiment"}`);
    const key = JSON.stringify(u.overlay);
    if ($("legend").dataset.key === key) return;
    $("legend").dataset.key = key;
    const more = brands.length - u.overlay.length;
    $("legend").replaceChildren(...u.overlay.map((name, i) => h("li", { class: "brand-name" }, sample(i), h("span", null, format.name(name)))), ...(u.overlay.length && more > 0 ? [h("li", null, `and ${more} more, not drawn`)] : []));
  }

  /** Whether each sentiment is shown. */
  get #mask() { return sentiments.map(({ name }) => this.#view.sentiments.length === 0 || this.#view.sentiments.includes(name)); }

  #follows(u) {
    if (!this.#view.compare) return this.#before.off();
    const { own } = this.#view;
    // The range as the server shows it, in whole windows.
    this.#before.follow(this.#key, { first: u.first, step: u.step, count: Math.floor((u.head - u.first) / u.step) + 1 },
      (from, to) => countsQuery(own ? { ...this.#view, own: { from, to, step: u.step } } : this.#view, own ? null : to - 1));
  }

  /** The figures of the period before, as differences. */
  #compare(u) {
    this.#before.draw();
    const before = this.#before.total();
    const all = total(u.total);
    const known = before !== null && u.filled <= u.first && all > 0;
    const show = (id, what) => { $(id).hidden = !known; text($(id), known ? `${what} vs. before` : ""); };
    show("rate-change", change(all, before && total(before)));
    show("net-change", known ? points(netOf(u.total), netOf(before)) : "");
    const shares = known ? sentiments.map(({ shape }, i) => [shape, points((100 * u.total[i]) / all, (100 * before[i]) / total(before))]) : [];
    show("share-change", shares.every(([, words]) => words === same) ? same : shares.map((words) => words.join(" ")).join("  "));
  }

  /** What the chart draws. What has ended is not filling any more. */
  #model(u, windows) {
    const { own, at } = this.#view;
    const now = Math.floor(this.#now() / 1000);
    const read = own ? Math.min(u.read, now) : this.#until === null ? u.read : Math.min(u.read, this.#until + 1);
    return {
      step: u.step, first: u.first, head: u.head, filled: u.filled, read, ended: own !== null && own.to <= now, future: own !== null && own.to > now ? now : null, windows, overlay: u.overlay, marks: u.marks, key: this.#key, pinned: at,
      mask: this.#mask, compared: this.#before.total() !== null,
      unread: u.status.problem ? "Not read" : "Reading…", unanswered: u.status.problem ? (this.#ended ? "Not read" : `No data since ${format.clock(Math.floor(u.status.since / 1000))}`) : null, empty: "No tweets in this range",
    };
  }

  #draw() {
    const u = this.#update;
    if (!u) return;
    this.#follows(u);
    const windows = this.#all();
    this.#compare(u);
    const all = total(u.total);
    const net = netOf(u.total);
    this.#drawWhen(u);
    this.#drawLegend(u);
    const unknown = u.status.problem?.message ?? (u.status.asked ? null : "Not read yet");
    const read = !unknown && u.filled <= u.first; // so what it does not have is not there
    const nothing = all ? null : unknown ?? (read ? "No tweets in this range" : "Not read yet");
    measured($("rate"), unknown ? format.none : format.count(u.rate), unknown);
    text($("total"), all ? `${format.count(all)} ${all === 1 ? "tweet" : "tweets"} in ${this.#ended ? "" : "the last "}${format.span(u.step * windows.length)}` : "");
    measured($("net"), format.signed(net), nothing);
    $("net").dataset.sign = net === null ? "" : String(Math.sign(Math.round(net)));
    $("needle").hidden = net === null;
    $("needle").style.left = `${50 + (net ?? 0) / 2}%`;
    $("net-bar").style.left = `${50 + Math.min(0, net ?? 0) / 2}%`;
    $("net-bar").style.width = `${Math.abs(net ?? 0) / 2}%`;
    sentiments.forEach(({ name }, i) => measured($(`share-${name}`), format.percent(u.total[i], all), nothing));
    grow($("share-bar"), u.total);
    chart.set(this.#model(u, windows));
    this.#drawVoice(u, read);
    this.#drawMarks(u, read);
    if (!$("table").hidden) this.#drawTable(windows);
    text($("source"), `${u.status.bucket} / ${u.status.measurement} at ${u.status.url}${u.status.stray ? `. ${format.count(u.status.stray)} tweets have a sentiment other than the three and are not shown.` : ""}`);
    document.title = all ? `${format.count(u.rate)}/s now · net ${format.signed(net)} · BrandPulse` : "BrandPulse";
  }

  #drawVoice(u, read) {
    const all = u.brands.reduce((sum, b) => sum + total(b.counts), 0);
    const most = Math.max(1, ...u.brands.map((b) => total(b.counts)));
    $("voice").dataset.empty = u.brands.length || !read ? "" : "No tweets.";
    text($("voice-hint"), u.brands.length > 1 ? "click a brand to filter" : "");
    each($("voice"), u.brands, () => voiceRow((name) => {
      const { brands } = this.#view;
      const chosen = brands.includes(name) ? brands.filter((b) => b !== name) : [...brands, name];
      this.#go({ brands: chosen });
    }), (row, brand) => {
      const button = row.firstElementChild;
      const [name, share, net, bar] = button.children;
      const on = this.#view.brands.includes(brand.name);
      const words = format.name(brand.name) || "other brands";
      button.dataset.brand = brand.name;
      button.disabled = !brand.name;
      button.setAttribute("aria-pressed", String(on));
      const place = u.overlay.indexOf(brand.name);
      button.dataset.line = place < 0 ? "" : String(place + 1);
      button.classList.toggle("dim", this.#view.brands.length > 0 && !on);
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

  #drawMarks(u, read) {
    const marks = u.marks.slice(-6).reverse();
    $("marks-panel").dataset.empty = String(marks.length === 0);
    if (marks.length === 0) {
      $("marks").replaceChildren(...(read ? [h("li", { class: "empty" }, "None.")] : []));
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
    const mask = this.#mask, compared = this.#before.total() !== null;
    const shown = sentiments.map((sentiment, i) => ({ ...sentiment, i })).filter(({ i }) => mask[i]);
    const columns = overlay.length ? overlay.flatMap((name) => [format.name(name), "net"])
      : [...shown.map(({ name, shape }) => `${shape} ${name}`), ...(shown.length > 1 ? [shown.length === 2 ? "both" : "all"] : []), ...(compared ? ["before"] : []), "net"];
    const cells = ({ start, counts, brands, before }) => {
      if (start < filled || start >= read) return columns.map(() => format.none);
      if (overlay.length) return brands.flatMap((of) => [format.count(masked(of, mask)), format.signed(netOf(of))]);
      return [...shown.map(({ i }) => counts[i]), ...(shown.length > 1 ? [masked(counts, mask)] : []), ...(compared ? [masked(before ?? none, mask)] : [])].map(format.count).concat(format.signed(netOf(counts)));
    };
    const rows = windows.slice().reverse().map((window) => h("tr", { "data-start": window.start },
      h("th", { scope: "row" }, format.when(window.start, step)), ...cells(window).map((cell) => h("td", null, cell))));
    $("table").replaceChildren(h("table", null,
      h("caption", null, `Tweets in windows of ${format.span(step)}, the newest first. ${this.#ended ? "" : "The newest is still filling. "}${format.none} is not read.`),
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
      const i = (ranges.findIndex(([name]) => name === this.#view.range) + by + ranges.length) % ranges.length;
      choose(ranges[i][0]);
      $("ranges").children[i].focus();
    };
  }

  /** How fresh the data is, and what to do when it is not. */
  #state() {
    const u = this.#update;
    const { live, notice, pause } = this.#page;
    if (pause.since) return; // what is shown stays
    if (!this.#link.connected) return showLost(this.#page, this.#link, u !== null);
    if (!u) return;
    const { problem, asked, newest, since } = u.status;
    const now = this.#now();
    if (this.#ended) {
      const future = (this.#view.own?.from ?? 0) * 1000 > now;
      notice(problem ? problemNotice(problem, { ...u.status, since: 0 }, now) : future ? { level: "info", title: "This range begins in the future", lines: ["Choose one that begins before now."] } : u.brands.length === 0 ? { level: "info", title: "No tweets in this range", lines: [`The bucket ${u.status.bucket} has no tweets in the measurement ${u.status.measurement} from ${words(this.#shown())}.`] } : null);
      return problem ? live("lost", "No data") : live("fixed", "Fixed range");
    }
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

function markTitle({ kind, value }) {
  if (kind === "inversion") return `Net sentiment turned ${value < 0 ? "negative" : "positive"}`;
  return `Spike: ${value >= 10 ? Math.round(value) : value.toFixed(1).replace(".0", "")}× usual volume`;
}

/** The brands of a mark, the most important first. */
function markBrands({ brands }) {
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
