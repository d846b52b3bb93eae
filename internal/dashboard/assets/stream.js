// A stream of events from the server, opened again when it breaks. A page that
// nobody sees for a while lets go of it: a browser has few connections a server.
// onState receives whether it is connected and, if the server refuses it, the reason.

const hiddenFor = 30_000;

export class Stream {
  #source; #url; #onData; #onState; #timer; #watchdog; #paused = false;

  constructor(url, onData, onState) {
    this.#url = url;
    this.#onData = onData;
    this.#onState = onState;
    this.#open();
    document.addEventListener("visibilitychange", this.#seen);
  }

  #seen = () => {
    clearTimeout(this.#timer);
    if (document.hidden) this.#timer = setTimeout(() => this.#shut(), hiddenFor);
    else if (!this.#source && !this.#paused) this.#open();
  };

  #open() {
    this.#shut();
    this.#source = new EventSource(this.#url);
    this.#source.onmessage = (event) => { this.#onState(true, null); this.#onData(JSON.parse(event.data)); };
    this.#source.onerror = () => {
      this.#onState(false, null);
      // After a response such as 503 a browser neither reconnects nor reports it.
      if (this.#source?.readyState === EventSource.CLOSED) {
        clearTimeout(this.#watchdog);
        this.#watchdog = setTimeout(() => this.#open(), 3000);
        this.#askWhy(this.#source);
      }
    };
  }

  async #askWhy(source) {
    const abort = new AbortController();
    try {
      const response = await fetch(this.#url, { signal: abort.signal });
      const reason = response.ok ? null : (await response.text()).trim().slice(0, 300);
      if (reason && this.#source === source) this.#onState(false, reason);
    } catch { /* nobody answers */ } finally { abort.abort(); }
  }

  #shut() {
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  /** Lets go of the connection until resume, which brings everything again. */
  pause() {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#shut();
  }

  resume() {
    this.#paused = false;
    this.#open();
  }

  close() {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#shut();
  }
}
