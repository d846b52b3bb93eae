// The latest tweets, where their texts are stored.

import { $, each, h, text } from "./dom.js";
import { sentiments } from "./sentiments.js";
import * as format from "./format.js";

const often = 2000, seldom = 15_000; // milliseconds; seldom where there are no texts

export class Texts {
  #query; #timer = null; #asked = 0; #some = true; #newest = 0; #abort = null;

  constructor(query) { this.#query = query; }

  /** Something else is looked at. */
  again() {
    this.#asked = 0;
    this.#some = true;
    $("latest").replaceChildren();
    if (this.#newest) this.#ask();
  }

  tick(newest) {
    const came = newest !== this.#newest;
    this.#newest = newest;
    if (newest && came && Date.now() - this.#asked > (this.#some ? often : seldom)) this.#ask();
  }

  close() { this.#abort?.abort(); clearTimeout(this.#timer); }

  async #ask() {
    this.#asked = Date.now();
    this.#abort?.abort();
    this.#abort = new AbortController();
    try {
      const response = await fetch(`api/brand/tweets?${this.#query()}`, { signal: this.#abort.signal });
      if (!response.ok) return;
      const { tweets, problem } = await response.json();
      if (problem) return;
      this.#some = tweets.length > 0;
      drawTweets($("latest"), tweets, "Texts are not stored here. To store a sample of them: brandpulse-connect run config/texts.yaml");
    } catch { /* the next one comes */ }
  }
}

/** Draws tweets. What they say is text, whatever it looks like. */
export function drawTweets(list, tweets, otherwise) {
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
    text(row.lastElementChild, tweet.text);
  });
}
