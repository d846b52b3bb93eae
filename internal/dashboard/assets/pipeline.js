// The pipeline view: whether everything keeps up.

import { $, each, h, s, text } from "./dom.js";
import { Stream } from "./stream.js";
import { line, niceMax } from "./scale.js";
import { showLost } from "./problems.js";
import * as format from "./format.js";

// Each with the metric that measures it.
const stages = [
  ["generated", "Generated", "by tweet_generator", "tweet_generator_generated"],
  ["kafka", "In Kafka", "new records", "tweet_generator_delivered, and --kafka is not set"],
  ["decoded", "Decoded", "by sentiment_window", "sentiment_window_tweets"],
  ["windowed", "Windowed", "into points", "sentiment_window_points"],
  ["stored", "Stored", "in InfluxDB", "influxdb_tweets_written"],
];
const seconds = 300; // of history in a small chart

export class PipelineView {
  #page; #stream; #samples = []; #update = null; #received = 0; #clock;
  #link = { connected: false, refused: null, lost: Date.now() };

  constructor(page) {
    this.#page = page;
    $("stages").replaceChildren();
    $("tiles").replaceChildren();
    this.#stream = new Stream("api/pipeline/events", (update) => this.#take(update), (link) => { this.#link = link; this.#state(); });
    this.#clock = setInterval(() => this.#state(), 1000);
  }

  show() {}

  pause() { this.#stream.pause(); }

  resume() { this.#stream.resume(); }

  close() {
    this.#stream.close();
    clearInterval(this.#clock);
  }

  #take(update) {
    this.#samples = (update.whole ? update.samples : [...this.#samples, ...update.samples]).slice(-seconds);
    this.#update = update;
    this.#received = performance.now();
    this.#draw();
    this.#state();
  }

  /** Now by the clock of the server, in unix milliseconds. */
  #now() { return (this.#samples.at(-1)?.at ?? 0) + performance.now() - this.#received; }

  #state() {
    const { live, notice, pause } = this.#page;
    if (pause.since) return; // what is shown stays
    if (!this.#link.connected) return showLost(this.#page, this.#link, this.#update !== null);
    notice(null);
    if (!this.#update) return;
    const { endpoints } = this.#update;
    if (!this.#samples.length) live("wait", "Reading");
    else if (endpoints.length && endpoints.every((e) => e.error)) live("lost", "No pipeline");
    else live("live", "Live");
    this.#drawEndpoints();
  }

  #draw() {
    const { verdict, skew, endpoints, totals, kafka } = this.#update;
    const last = this.#samples.at(-1) ?? {};
    const box = $("verdict");
    box.dataset.level = verdict.level;
    text($("verdict-title"), verdict.title);
    text($("verdict-detail"), verdict.detail);
    each($("verdict-skew").querySelector("ul"), skew, () => h("li"), text);
    $("verdict-skew").hidden = skew.length === 0;
    document.title = `${verdict.title} · BrandPulse`;

    const all = this.#samples.flatMap((r) => stages.map(([name]) => r[name] ?? 0));
    const max = niceMax(Math.max(1, ...all));
    const times = this.#samples.map((r) => r.at / 1000);
    const now = Math.max(1, ...stages.map(([name]) => last[name] ?? 0));
    each($("stages"), stages, stageCard, (card, [name, title, by, metric]) => {
      const [head, figure, unit, bar, spark, note] = card.children;
      card.dataset.stage = name;
      const problem = verdict.stage === name && verdict.level === "bad";
      card.classList.toggle("held", problem);
      text(head, title);
      text(figure, `${name === "stored" && last.estimated && known(last.stored) ? "≈ " : ""}${format.count(last[name])}`);
      figure.title = this.#why(last[name], metric) || (name === "stored" && last.estimated ? "Estimated from the points stored" : "");
      text(unit, known(last[name]) ? "tweets/s" : "not measured");
      bar.firstElementChild.style.width = `${(100 * (last[name] ?? 0)) / now}%`;
      sparkline(spark, times, this.#samples.map((r) => r[name]), max);
      text(note, problem ? "the problem is here" : noteOf(name, last, by, kafka));
    });

    const dead = deadLevel(last);
    const of = (name) => this.#samples.map((r) => r[name]);
    // The value, its metric, and when it is from; then what it counts and its chart.
    const tile = (title, value, measured, metric, when, sub, values, level = "") => ({ title, value, why: this.#why(measured, metric), when, sub: known(measured) ? sub : "not measured", values, level });
    const reasons = Object.entries(totals.rejected ?? {}).filter(([, n]) => n > 0).map(([reason, n]) => `${reason} ${format.count(n)}`);
    const rejected = totals.rejected && Object.values(totals.rejected).reduce((sum, n) => sum + n, 0);
    const retried = last.retries ? `, ${format.count(last.retries)}/s now` : "";
    each($("tiles"), [
      tile("Lag", format.count(last.lag), last.lag, "kafka_batches_lag or redpanda_lag, and --kafka with --group is not set", "now", "tweets in Kafka that are not acknowledged", of("lag")),
      tile("Lag in time", ageOf(last), last.lag_seconds, "kafka_batches_lag_seconds, and --kafka with --group is not set", "now", "age of the oldest unacknowledged tweet", of("lag_seconds")),
      tile("Tweet to InfluxDB", pair(last.event_p50, last.event_p99), last.event_p50, "influxdb_event_latency_ns with a tweet in the last minute", "last minute", "median and 99th percentile", of("event_p99")),
      tile("InfluxDB's response", pair(last.request_p50, last.request_p99), last.request_p50, "influxdb_request_latency_ns with a request in the last minute", "last minute", "median and 99th percentile", of("request_p99")),
      tile("Points per request", format.count(last.points_a_request), last.points_a_request, "influxdb_points_sent with a request in the last 30 s", "last 30 s", `${format.count(last.requests)} requests/s`, of("points_a_request")),
      tile("Points queued", format.count(last.waiting), last.waiting, "influxdb_points_waiting", "now", `not stored yet; ${format.count(last.in_flight)} requests in flight`, of("waiting")),
      tile("Retries", format.count(totals.retries), totals.retries, "influxdb_retries", "since start", `requests sent again${retried}`, of("retries")),
      tile("Rejected points", format.count(rejected), rejected, "influxdb_points_rejected", "since start", reasons.length ? reasons.join(", ") : "by InfluxDB", of("rejected")),
      tile("Dead letters", format.count(totals.dead_letters), totals.dead_letters, "output_sent of an output labelled dead_letters or rejected_points", "since start", known(totals.undecodable) ? `messages; ${format.count(totals.undecodable)} records could not be counted` : "messages", of("dead_letters"), dead),
    ], tileCard, (card, t) => {
      const [title, value, sub, spark] = card.children;
      card.dataset.level = t.level;
      text(title.firstChild, `${t.title} `);
      text(title.lastChild, t.when);
      text(value, t.value);
      value.title = t.why;
      text(sub, t.sub);
      sparkline(spark, times, t.values, niceMax(Math.max(0, ...t.values.map((v) => v ?? 0)) || 1));
    });

    this.#drawEndpoints();
    text($("source"), kafka ? "Metrics of the pipelines; contents and lag of the topic from Kafka." : "Metrics of the pipelines. With --kafka, --topic and --group, contents and lag of the topic come from Kafka.");
  }

  /** Why a figure is not measured; empty if it is. */
  #why(value, metric) {
    if (known(value)) return "";
    if (this.#samples.length < 2) return "Not measured yet: rates need a second reading";
    const away = this.#update.endpoints.filter((e) => e.error).map((e) => e.url);
    return `Not measured: no pipeline that responds reports ${metric}.${away.length ? ` No response from ${away.join(", ")}.` : ""}`;
  }

  #drawEndpoints() {
    const { endpoints, kafka } = this.#update;
    const all = kafka ? [...endpoints, kafka] : endpoints;
    if (all.length === 0) {
      $("endpoints").replaceChildren(h("li", { class: "empty" }, "None is configured. Start the dashboard with --metrics http://127.0.0.1:4195/metrics"));
      return;
    }
    $("endpoints").querySelector(".empty")?.remove();
    each($("endpoints"), all, () => h("li", null, h("span", { class: "dot", "aria-hidden": "true" }), h("code"), h("span")), (row, e) => {
      row.dataset.state = e.error ? "lost" : "live";
      text(row.children[1], e.url);
      text(row.children[2], e.error ? `${e.since ? `no response ${format.since(e.since, this.#now())}: ` : ""}${e.error}` : "responds");
    });
  }
}

const known = (value) => value !== null && value !== undefined;

/** Red where a tenth of the records or points are dead letters, as in the verdict. */
function deadLevel({ undecodable, decoded, rejected, points_stored: stored }) {
  const share = (bad, good) => ((bad ?? 0) > 0.05 ? bad / (bad + (good ?? 0)) : 0);
  const most = Math.max(share(undecodable, decoded), share(rejected, stored));
  if (most >= 0.1) return "bad";
  return most > 0 ? "busy" : "";
}

function noteOf(name, last, by, kafka) {
  if (name === "kafka") return kafka ? by : "acknowledged by Kafka";
  if (name === "windowed" && known(last.points_made)) return `${by}: ${format.count(last.points_made)}/s`;
  if (name === "stored" && known(last.points_stored)) return `${format.count(last.points_stored)} points/s`;
  return by;
}

const pair = (p50, p99) => (!known(p50) ? format.none : `${format.took(p50)} / ${format.took(p99)}`);

/** The age of the lag is read once a second. */
function ageOf({ lag, lag_seconds: seconds, lag_at_least: atLeast }) {
  if (seconds === 0) return lag ? "< 1 s" : "0 s";
  return `${atLeast ? "> " : ""}${format.took(seconds)}`;
}

function stageCard() {
  return h("li", { class: "stage" }, h("h3"), h("p", { class: "big" }), h("p", { class: "sub" }), h("p", { class: "level", "aria-hidden": "true" }, h("span")), spark(), h("p", { class: "note" }));
}

function tileCard() {
  return h("section", { class: "tile" }, h("h3", null, h("span"), h("span", { class: "when" })), h("p", { class: "value" }), h("p", { class: "sub" }), spark());
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
    if (!known(v)) end();
    else run.push([300 - (300 * (times.at(-1) - times[i])) / seconds, 39 - (37 * v) / max]);
  });
  end();
  svg.classList.toggle("blank", lines === "");
  svg.children[0].setAttribute("d", areas);
  svg.children[1].setAttribute("d", lines);
}
