// The search for texts. It follows what is typed, so the address is replaced.

import { $ } from "./dom.js";

const rest = 400; // milliseconds without a key before it searches

export class Search {
  #go; #timer = null;

  constructor(go, signal) {
    this.#go = go;
    $("search-text").addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#start(), rest);
    }, { signal });
    $("search").addEventListener("submit", (event) => { event.preventDefault(); this.#start(); }, { signal });
    $("search-text").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !$("search-text").value) return;
      $("search-text").value = "";
      this.#start();
    }, { signal });
  }

  /** Shows what is searched for, unless it is being typed. */
  show(search) { if (document.activeElement !== $("search-text")) $("search-text").value = search; }

  close() { clearTimeout(this.#timer); }

  #start() {
    clearTimeout(this.#timer);
    this.#go($("search-text").value.trim());
  }
}
