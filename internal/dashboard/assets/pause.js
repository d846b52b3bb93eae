// Pausing: what is shown stays as it is, until the viewer resumes.

import { $, say, text } from "./dom.js";

export class Pause {
  /** Since when the page is paused, in unix seconds; null while it is not. */
  since = null;
  #changed;

  constructor(changed) {
    this.#changed = changed;
    $("pause").addEventListener("click", () => {
      this.since = this.since === null ? Math.floor(Date.now() / 1000) : null;
      this.#name();
      say(this.since === null ? "Live updates resumed" : "Live updates paused");
      this.#changed(this.since !== null);
    });
    this.reset();
  }

  /** Another view begins, which is live. */
  reset() {
    this.since = null;
    this.offer(true);
    this.#name();
  }

  /** Whether there is anything to pause. */
  offer(possible) { $("pause").hidden = !possible; }

  #name() { text($("pause"), this.since === null ? "Pause" : "Resume"); }
}
