// The latest tweets, where their texts are stored.

import { $, each, h, text } from "./dom.js";
import { sentiments } from "./sentiments.js";
import * as format from "./format.js";

const often = 2000, searching = 5000, seldom = 15_000; // milliseconds; seldom where there are no texts

const most = 50; // texts that a search finds

export class Texts {
  #query; #timer = null; #asked = 0; #some = true; #newest = 0; #abort = null; #view;

  /** query returns what to ask for, and view what is shown. */
  constructor(query, view) { this.#query = query; this.#view = view; }

  /** Something else is looked at. */
  again() {
    this.#asked = 0;
    this.#some = true;
    $("latest").replaceChildren();
    const { search } = this.#view();
    const panel = $("latest").parentElement, searched = search !== "";
    if (searched && !panel.classList.contains("searching")) panel.parentElement.scrollTop = 0; // where its style moves it
    panel.classList.toggle("searching", searched);
    text($("latest-note"), searched ? "Searching…" : "");
    if (this.#newest || searched) this.#ask();
  }

  tick(newest) {
    const pause = this.#view().search ? searching : this.#some ? often : seldom;
    if (!newest || newest === this.#newest || Date.now() - this.#asked < pause) return;
    this.#newest = newest;
    this.#ask();
  }

  close() { this.#abort?.abort(); clearTimeout(this.#timer); }

  async #ask() {
    this.#asked = Date.now();
    this.#abort?.abort();
    this.#abort = new AbortController();
    const { search, sentiments: chosen, own } = this.#view();
    const searched = search !== "";
    try {
      const response = await fetch(`api/brand/tweets?${this.#query()}`, { signal: this.#abort.signal });
      if (!response.ok) return this.#failed(searched, await response.text());
      const { tweets, problem } = await response.json();
      if (problem) return this.#failed(searched, problem.message);
      this.#some = tweets.length > 0;
      text($("latest-note"), !searched || tweets.length === 0 ? "" : tweets.length < most ? `${tweets.length === 1 ? "1 stored text contains" : `${tweets.length} stored texts contain`} ${quoted(search)}.` : `The newest ${most} stored texts that contain ${quoted(search)}.`);
      drawTweets($("latest"), tweets, searched ? `No stored text of this range contains ${quoted(search)}. Where a sample is stored, most tweets have no text.`
        : chosen.length || own ? "No texts are stored for this choice." : "Texts are not stored here. config/texts.yaml is a pipeline that stores a sample of them: run it, or a copy with your topic and mapping.", search);
    } catch (error) {
      if (error instanceof TypeError) this.#failed(searched, "the dashboard does not answer");
    }
  }

  // The latest tweets come again by themselves; a search is waited for.
  #failed(searched, message) { if (searched) text($("latest-note"), `The search failed: ${message.trim().slice(0, 300)}`); }
}

const quoted = (search) => search.split(/\s+/).map((word) => `“${word}”`).join(" and ");

/** A text with the words of a search marked. */
function marked(words, search) {
  const wanted = search.split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (wanted.length === 0) return [words];
  return words.split(new RegExp(`(${wanted.join("|")})`, "iu")).map((part, i) => (i % 2 ? h("mark", null, part) : part));
}

/** Draws tweets. What they say is text, whatever it looks like. */
export function drawTweets(list, tweets, otherwise, search = "") {
  if (tweets.length === 0) {
    list.replaceChildren(h("li", { class: "empty" }, otherwise));
    return;
  }
  list.querySelector(".empty")?.remove();
  each(list, tweets, () => h("li", null, h("p", { class: "tweet-head" }, h("span", { class: "shape" }), h("span", { class: "tweet-brand" }), h("time")), h("p", { class: "tweet-text" })), (row, tweet) => {
    const [shape, brand, time] = row.firstElementChild.children;
    const { css, shape: sign } = sentiments.find(({ name }) => name === tweet.sentiment) ?? { css: "neu", shape: "?" };
    row.className = css;
    text(shape, sign);
    shape.setAttribute("aria-label", tweet.sentiment);
    shape.setAttribute("role", "img");
    text(brand, format.name(tweet.brand));
    text(time, format.clock(Math.floor(tweet.time / 1000)));
    time.dateTime = new Date(tweet.time).toISOString();
    if (row.lastElementChild.textContent !== tweet.text || row.dataset.search !== search) row.lastElementChild.replaceChildren(...marked(tweet.text, search));
    row.dataset.search = search;
  });
}
