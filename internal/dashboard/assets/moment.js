// One window in detail: counts by brand and sentiment, and its latest tweets.

import { $, h, text } from "./dom.js";
import { request } from "./request.js";
import { drawTweets } from "./texts.js";
import { net, sentiments, total as sumOf } from "./sentiments.js";
import * as format from "./format.js";

const settles = 30; // seconds in which a window may still grow

export class Moment {
  #query; #at = null; #abort = null; #asked = 0;

  constructor(query) { this.#query = query; }

  show(at, fresh) {
    this.#at = at;
    $("moment").hidden = false;
    if (fresh) {
      $("moment-counts").replaceChildren();
      $("moment-tweets").replaceChildren();
      text($("moment-title"), format.clock(at));
      text($("moment-net"), "");
      this.#ask(true);
    }
  }

  hide() {
    this.#at = null;
    this.#abort?.abort();
    $("moment").hidden = true;
  }

  /** A window that is young is asked for again. */
  tick(head) {
    if (this.#at !== null && head - this.#at < settles + this.step && Date.now() - this.#asked > 1000) this.#ask(false);
  }

  step = 1;

  async #ask(fresh) {
    this.#asked = Date.now();
    this.#abort?.abort();
    this.#abort = new AbortController();
    try {
      this.#draw(await request(`api/brand/moment?${this.#query()}&at=${this.#at}`, this.#abort.signal));
      if (fresh && matchMedia("(max-width: 1099px)").matches) $("moment").scrollIntoView({ block: "nearest" });
    } catch { /* asked again, or let go */ }
  }

  #draw(moment) {
    this.step = moment.step;
    const chosen = new URLSearchParams(this.#query()).getAll("brand");
    const shown = moment.brands.filter((b) => chosen.length === 0 || chosen.includes(b.name));
    const sum = shown.reduce((all, b) => all.map((n, i) => n + b.counts[i]), [0, 0, 0]);
    const total = sumOf(sum);
    const until = moment.step === 1 ? "" : ` to ${format.when(moment.start + moment.step, moment.step)}`;
    text($("moment-title"), `${format.when(moment.start, moment.step)}${until}`);
    text($("moment-net"), total ? `${format.count(total)} tweets, net ${format.signed(net(sum))}` : moment.problem ? "" : "No tweets in this moment.");
    const row = (name, counts) => h("tr", null, h("th", { scope: "row" }, name), ...[...counts, sumOf(counts)].map((v) => h("td", null, format.count(v))), h("td", null, format.signed(net(counts))));
    const rows = shown.map((b) => row(format.name(b.name) || "other brands", b.counts));
    if (shown.length > 1) rows.push(row("all", sum));
    $("moment-counts").replaceChildren(...(total ? [h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "brand"), ...sentiments.map(({ name, css, shape }) =>
        h("th", { scope: "col", class: css, title: name }, h("span", { "aria-hidden": "true" }, shape), h("span", { class: "unseen" }, name))), h("th", { scope: "col" }, "all"), h("th", { scope: "col" }, "net"))),
      h("tbody", null, ...rows))] : []));
    if (moment.problem) $("moment-tweets").replaceChildren(h("li", { class: "empty" }, moment.problem.message));
    else drawTweets($("moment-tweets"), moment.tweets.slice(0, 8), total ? "No texts are stored for this choice." : "");
  }
}
