// The pipeline view: whether everything keeps up.

import { $, each, h, s, text } from "./dom.js";
import { Stream } from "./stream.js";
import { line, niceMax } from "./scale.js";
import { refusedNotice } from "./problems.js";
import * as format from "./format.js";

const stages = [
  ["generated", "Generated", "by tweet_generator"],
  ["kafka", "In Kafka", "new records"],
  ["decoded", "Decoded", "by sentiment_window"],
  ["windowed", "Windowed", "into points"],
  ["stored", "Stored", "in InfluxDB"],
];
const seconds = 300; // of history in a small chart

export class PipelineView {
  #page; #stream; #samples = []; #update = null; #connected = false; #refused = null;

  constructor(page) {
    this.#page = page;
    $("stages").replaceChildren();
    $("tiles").replaceChildren();
    this.#stream = new Stream("api/pipeline/events", (update) => this.#take(update), (connected, refused) => { this.#connected = connected; this.#refused = refused; this.#state(); });
  }

  show() {}

  pause() { this.#stream.pause(); }

  resume() { this.#stream.resume(); }

  close() { this.#stream.close(); }

  #take(update) {
    this.#samples = (update.whole ? update.samples : [...this.#samples, ...update.samples]).slice(-seconds);
    this.#update = update;
    this.#draw();
    this.#state();
  }

  #state() {
    const { live, notice } = this.#page;
    if (!this.#connected) {
      live("lost", this.#update ? "Connection lost" : this.#refused ? "Refused" : "Connecting");
      notice(this.#refused ? refusedNotice(this.#refused) : this.#update ? { level: "bad", title: "The dashboard does not answer", lines: ["What you see is what it said last. The page comes back by itself when the program runs again:", { code: "brandpulse-connect dashboard" }] } : null);
      return;
    }
    notice(null);
    const last = this.#samples.at(-1);
    if (!last) live("wait", "Reading");
    else if (this.#update.endpoints.length && this.#update.endpoints.every((e) => e.error)) live("lost", "No pipeline");
    else live("live", "Live");
  }

  #draw() {
    const { verdict, endpoints, totals, kafka } = this.#update;
    const last = this.#samples.at(-1) ?? {};
    const box = $("verdict");
    box.dataset.level = verdict.level;
    text($("verdict-title"), verdict.title);
    text($("verdict-detail"), verdict.detail);
    document.title = `${verdict.title} · BrandPulse`;

    const all = this.#samples.flatMap((r) => stages.map(([name]) => r[name] ?? 0));
    const max = niceMax(Math.max(1, ...all));
    const times = this.#samples.map((r) => r.at / 1000);
    const now = Math.max(1, ...stages.map(([name]) => last[name] ?? 0));
    each($("stages"), stages, stageCard, (card, [name, title, by]) => {
      const [head, figure, unit, bar, spark, note] = card.children;
      card.dataset.stage = name;
      card.classList.toggle("held", verdict.stage === name);
      text(head, title);
      text(figure, `${name === "stored" && last.estimated && last.stored !== null ? "≈ " : ""}${format.count(last[name])}`);
      text(unit, last[name] === null || last[name] === undefined ? "not measured" : "tweets/s");
      bar.firstElementChild.style.width = `${(100 * (last[name] ?? 0)) / now}%`;
      sparkline(spark, times, this.#samples.map((r) => r[name]), max);
      text(note, verdict.stage === name ? "held up here" : noteOf(name, last, by, kafka));
    });

    const tile = (title, value, sub, values) => ({ title, value, sub, values });
    const of = (name) => this.#samples.map((r) => r[name]);
    const unmeasured = (value, sub) => (value === null || value === undefined ? "not measured" : sub);
    const reasons = Object.entries(totals.rejected).filter(([, n]) => n > 0).map(([reason, n]) => `${reason} ${format.count(n)}`);
    const rejected = Object.values(totals.rejected).reduce((sum, n) => sum + n, 0);
    each($("tiles"), [
      tile("Lag", format.count(last.lag), unmeasured(last.lag, "tweets in Kafka that are not acknowledged"), of("lag")),
      tile("Lag in time", ageOf(last), unmeasured(last.lag_seconds, "how long the oldest of them waits"), of("lag_seconds")),
      tile("Event to InfluxDB", pair(last.event_p50, last.event_p99), unmeasured(last.event_p50, "median and 99th percentile, last minute"), of("event_p99")),
      tile("Answer of InfluxDB", pair(last.request_p50, last.request_p99), unmeasured(last.request_p50, "median and 99th percentile, last minute"), of("request_p99")),
      tile("Points a request", format.count(last.points_a_request), unmeasured(last.points_a_request, `${format.count(last.requests)} requests/s`), of("points_a_request")),
      tile("Points waiting", format.count(last.waiting), unmeasured(last.waiting, `for InfluxDB; requests under way: ${format.count(last.in_flight)}`), of("waiting")),
      tile("Retries", format.count(totals.retries), `requests sent again since the start${last.retries ? `, ${format.count(last.retries)}/s now` : ""}`, of("retries")),
      tile("Rejected", format.count(rejected), rejected ? `points: ${reasons.join(", ")}` : "points that InfluxDB refused", of("rejected")),
      tile("Dead letters", format.count(totals.dead_letters), totals.undecodable ? `messages, ${format.count(totals.undecodable)} of them tweets that could not be counted` : "messages that could not be counted or stored", of("dead_letters")),
    ], tileCard, (card, t) => {
      const [title, value, sub, spark] = card.children;
      text(title, t.title);
      text(value, t.value);
      text(sub, t.sub);
      sparkline(spark, times, t.values, niceMax(Math.max(0, ...t.values.map((v) => v ?? 0)) || 1));
    });

    each($("endpoints"), endpoints, () => h("li", null, h("span", { class: "dot", "aria-hidden": "true" }), h("code"), h("span")), (row, e) => {
      row.dataset.state = e.error ? "lost" : "live";
      text(row.children[1], e.url);
      text(row.children[2], e.error ? `${e.started ? "does not answer any more" : "does not answer"}: ${e.error}` : "answers");
    });
    if (endpoints.length === 0) $("endpoints").replaceChildren(h("li", null, "None are asked: start the dashboard with --metrics http://127.0.0.1:4195/metrics"));
    text($("source"), kafka ? "Metrics of the pipelines, and Kafka itself for what it holds and the lag." : "Metrics of the pipelines. With --kafka, --topic and --group, Kafka is asked itself for what it holds and the lag.");
  }
}

function noteOf(name, last, by, kafka) {
  if (name === "kafka") return kafka ? by : "acknowledged to the generator";
  if (name === "windowed" && last.points_made !== null && last.points_made !== undefined) return `${by}: ${format.count(last.points_made)}/s`;
  if (name === "stored" && last.points_stored !== null && last.points_stored !== undefined) return `${format.count(last.points_stored)} points/s`;
  return by;
}

const pair = (p50, p99) => (p50 === null || p50 === undefined ? format.none : `${format.took(p50)} / ${format.took(p99)}`);

/** The age of the lag is read once a second. */
function ageOf({ lag, lag_seconds: seconds, lag_at_least: atLeast }) {
  if (seconds === 0) return lag ? "< 1 s" : "0 s";
  return `${atLeast ? "> " : ""}${format.took(seconds)}`;
}

function stageCard() {
  return h("li", { class: "stage" }, h("h3"), h("p", { class: "big" }), h("p", { class: "sub" }), h("p", { class: "level", "aria-hidden": "true" }, h("span")), spark(), h("p", { class: "note" }));
}

function tileCard() {
  return h("section", { class: "tile" }, h("h3"), h("p", { class: "value" }), h("p", { class: "sub" }), spark());
}

function spark() {
  return s("svg", { class: "spark", viewBox: "0 0 300 40", preserveAspectRatio: "none", "aria-hidden": "true" }, s("path", { class: "spark-area" }), s("path", { class: "spark-line" }));
}

/** The newest values at the right edge; what is not known is a gap. */
function sparkline(svg, times, values, max) {
  let lines = "", areas = "", run = [];
  const end = () => {
    lines += line(run);
    if (run.length > 1) areas += `${line(run)}L${run.at(-1)[0]} 40L${run[0][0]} 40Z`;
    run = [];
  };
  values.forEach((v, i) => {
    if (v === null || v === undefined) end();
    else run.push([300 - (300 * (times.at(-1) - times[i])) / seconds, 39 - (37 * v) / max]);
  });
  end();
  svg.classList.toggle("blank", lines === "");
  svg.children[0].setAttribute("d", areas);
  svg.children[1].setAttribute("d", lines);
}
