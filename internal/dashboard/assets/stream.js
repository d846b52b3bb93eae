// A stream of events from the server, opened again when it breaks or falls silent: a
// network that drops packets does not end a connection. A page that nobody sees for a
// while closes it, since a browser has few connections per server. onState receives
// whether it is connected, the reason if the server refuses it, and the time of the
// last sign of life.

const hiddenFor = 30_000;
const silentFor = 15_000; // the server says something every 5 s

export class Stream {
  #source; #url; #onData; #onState; #timer; #watchdog; #reopen; #heard = Date.now(); #opened = Date.now(); #paused = false;

  constructor(url, onData, onState) {
    this.#url = url;
    this.#onData = onData;
    this.#onState = onState;
    this.#watchdog = setInterval(() => this.#watch(), 1000);
    this.#open();
    document.addEventListener("visibilitychange", this.#seen);
  }

  #seen = () => {
    clearTimeout(this.#timer);
    if (document.hidden) this.#timer = setTimeout(() => this.#shut(), hiddenFor);
    else if (!this.#source && !this.#paused) {
      this.#opened = Date.now();
      this.#open();
    }
  };

  #open() {
    this.#shut();
    this.#source = new EventSource(this.#url);
    this.#source.onmessage = (event) => { this.#hear(); this.#onData(JSON.parse(event.data)); };
    this.#source.addEventListener("alive", () => this.#hear());
    this.#source.onerror = () => {
      this.#lose(null);
      // After a response such as 503 a browser neither reconnects nor reports it.
      if (this.#source?.readyState === EventSource.CLOSED) {
        clearTimeout(this.#reopen);
        this.#reopen = setTimeout(() => this.#open(), 3000);
        this.#askWhy(this.#source);
      }
    };
  }

  #hear() {
    this.#heard = Date.now();
    this.#onState({ connected: true, refused: null, lost: this.#heard });
  }

  #lose(refused) { this.#onState({ connected: false, refused, lost: this.#heard }); }

  #watch() {
    const now = Date.now();
    if (!this.#source || now - Math.max(this.#heard, this.#opened) < silentFor) return;
    this.#opened = now;
    this.#lose(null);
    this.#open();
  }

  async #askWhy(source) {
    const abort = new AbortController();
    try {
      const response = await fetch(this.#url, { signal: abort.signal });
      const reason = response.ok ? null : (await response.text()).trim().slice(0, 300);
      if (reason && this.#source === source) this.#lose(reason);
    } catch { /* nobody answers */ } finally { abort.abort(); }
  }

  #shut() {
    clearTimeout(this.#reopen);
    this.#source?.close();
    this.#source = null;
  }

  /** Closes the connection until resume, which brings everything again. */
  pause() {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#shut();
  }

  resume() {
    this.#paused = false;
    this.#opened = Date.now();
    this.#open();
  }

  close() {
    clearTimeout(this.#timer);
    clearInterval(this.#watchdog);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#shut();
  }
}
