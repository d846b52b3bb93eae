// Tweets per second by sentiment as stacked areas, or by brand as lines, and below
// them net sentiment, on one axis of time. A slider lies over both: pointer and arrow
// keys move along the windows, and a click or Enter picks one.

import { h, s, set } from "./dom.js";
import { drawBefore, drawLines, sample } from "./overlay.js";
import { area, axisOf, line, timeTicks } from "./scale.js";
import { masked, net, none, sentiments, total } from "./sentiments.js";
import * as format from "./format.js";

const bands = { marks: 20, between: 14, axis: 22, net: 0.27 };
// From the bottom to the top: neutral parts the two that must be told apart.
const stack = sentiments.map(({ css }, i) => [css, i]).reverse();
const markShapes = { spike: "M0-6 5 0 0 6-5 0z", inversion: "M-3 5V-5M-6-2l3-3 3 3M3-5V5M0 2l3 3 3-3" };

export class Chart {
  #root; #model = null; #cursor = null; #axis = axisOf(0); #netMax = 100; #size = { left: 0, w: 0, h: 0 };
  #svg; #moving; #parts = {}; #slider; #tip; #pick; #first = null; #selected = null;

  constructor(root, pick) {
    this.#root = root;
    this.#pick = pick;
    const parts = this.#parts;
    for (const name of ["grid", "labels", "unread", "marks", "cursor"]) parts[name] = s("g", { class: `c-${name}` });
    for (const [name] of stack) parts[name] = s("path", { class: `area ${name}` });
    parts.hatch = s("path", { class: "area hatch" });
    parts.edges = s("path", { class: "edge" });
    parts.netUp = s("path", { class: "net-area pos", "clip-path": "url(#net-above)" });
    parts.netDown = s("path", { class: "net-area neg", "clip-path": "url(#net-below)" });
    parts.netLine = s("path", { class: "net-line" });
    parts.filling = s("rect", { class: "filling", y: 0 });
    parts.clip = s("rect", { x: 0, y: 0 });
    parts.above = s("rect", { x: 0 });
    parts.below = s("rect", { x: 0 });
    parts.lines = s("g", { class: "c-lines" });
    parts.before = s("g", { class: "c-before" });
    parts.netLines = s("g");
    this.#moving = s("g", null, parts.neg, parts.hatch, parts.neu, parts.pos, parts.edges, parts.before, parts.lines, parts.netUp, parts.netDown, parts.netLine, parts.netLines, parts.filling, parts.marks);
    this.#svg = s("svg", { "aria-hidden": "true" },
      s("defs", null,
        s("clipPath", { id: "chart-clip" }, parts.clip),
        s("clipPath", { id: "net-above" }, parts.above),
        s("clipPath", { id: "net-below" }, parts.below),
        s("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { class: "hatch-line", width: 1.4, height: 6 })),
        s("pattern", { id: "unread", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(-45)" }, s("rect", { class: "unread-line", width: 1, height: 8 }))),
      parts.grid, s("g", { "clip-path": "url(#chart-clip)" }, this.#moving), parts.labels, parts.unread, parts.cursor);
    this.#tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.#slider = h("div", {
      class: "slider", role: "slider", tabindex: "0", "aria-label": "Moment in the chart", "aria-orientation": "horizontal",
      "aria-describedby": "chart-help", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-valuetext": "No data yet",
    });
    root.append(this.#svg, this.#tip, this.#slider,
      h("p", { id: "chart-help", class: "unseen" }, "Arrow keys move by one window, Page Up and Page Down by ten, Home and End to the edges. Enter shows the moment in detail, Escape closes it. Shift with these keys selects a part, and Enter zooms into it; plus and minus zoom too."));
    this.#listen();
    new ResizeObserver(() => this.#draw()).observe(root);
  }

  get slider() { return this.#slider; }

  get model() { return this.#model; }

  /** The start of the window that the cursor is at; null without one. */
  get cursor() { return this.#cursor; }

  /** The start of the window at a place on the screen. */
  startAt(clientX) {
    const { left, width } = this.#slider.getBoundingClientRect();
    const { left: edge } = this.#size;
    return this.#startOf(Math.floor(((clientX - left - edge) / (width - edge)) * this.#model.windows.length));
  }

  /** The start of the window with a number, or of the first or last one. */
  #startOf(i) {
    const { windows } = this.#model;
    return windows[Math.max(0, Math.min(windows.length - 1, i))].start;
  }

  /** Marks a range, which may be null for none. */
  select(range) {
    this.#selected = range;
    if (this.#model) this.#drawCursor();
  }

  /** model: step, first, head, filled, read, ended, windows [{start, counts, brands,
      before}], overlay [names], marks, pinned, mask (whether each sentiment is shown),
      compared (whether the windows have the counts of the period before), future (the
      second where the future begins; null if the range has none of it), and words for
      what is not known: unread, unanswered, empty. */
  set(model) {
    if (this.#model && (this.#model.step !== model.step || this.#model.key !== model.key)) {
      this.#axis = axisOf(0);
      this.#cursor = null;
      this.#first = null;
      this.#selected = null;
    }
    this.#model = model;
    this.#draw();
  }

  // Tweets a second in a window; the newest one has not lasted its whole time, and
  // what is younger than a second is not stored yet.
  #rate(window, n) {
    const { step, read, ended } = this.#model;
    if (ended) return n / step;
    return n / (step === 1 ? 1 : Math.min(step, Math.max(1, read - 1 - window.start)));
  }

  /** The rate of the sentiments that are shown. */
  #shown(window, counts) { return this.#rate(window, masked(counts, this.#model.mask)); }

  // The rates of the period before, for each line. Its windows are whole.
  #before(windows) {
    const { compared, overlay, mask, step } = this.#model;
    if (!compared) return [];
    const of = (i) => windows.map(({ before }) => masked(before?.slice(3 * i, 3 * i + 3) ?? none, mask) / step);
    return overlay.length ? overlay.map((_, i) => of(i + 1)) : [of(0)];
  }

  #x(t) {
    const { first, step, windows } = this.#model;
    const { left, w } = this.#size;
    return left + ((t - first) / (windows.length * step)) * (w - left);
  }

  #draw() {
    const m = this.#model;
    const w = this.#root.clientWidth, height = this.#root.clientHeight;
    if (!m || !w || !height) return;
    this.#size = { left: w < 500 ? 42 : 56, w, h: height };
    this.#svg.setAttribute("viewBox", `0 0 ${w} ${height}`);
    const usable = height - bands.marks - bands.between - bands.axis;
    const top = bands.marks, bottom = Math.round(top + usable * (1 - bands.net));
    const netTop = bottom + bands.between, netBottom = height - bands.axis;
    // What has not been read is not 0, and a window that has only begun says nothing of
    // its rate.
    const drawn = m.ended ? m.windows : m.windows.filter(({ start }) => (m.step === 1 ? start < m.read : m.read - start > 3));
    const layers = this.#volume(drawn, top, bottom);
    this.#net(drawn, netTop, netBottom);
    this.#frame(top, bottom, netTop, netBottom);
    const settled = m.ended ? w : Math.min(w, this.#x(m.step === 1 ? m.head - 1 : m.windows.at(-1).start));
    set(this.#parts.filling, { x: settled, width: w * 2, height: netBottom });
    set(this.#parts.clip, { x: this.#size.left, width: w - this.#size.left, height });
    this.#marks(drawn, layers);
    this.#slide();
    this.#drawCursor();
  }

  #volume(windows, top, bottom) {
    const { overlay, step } = this.#model;
    const apart = overlay.length > 0;
    const rates = apart ? overlay.map((_, i) => windows.map((b) => this.#shown(b, b.brands[i]))) : [windows.map((b) => this.#shown(b, b.counts))];
    const before = this.#before(windows);
    const axis = axisOf(Math.max(0, ...rates.flat(), ...before.flat()) * 1.04, { whole: step === 1 });
    // The scale grows at once, and shrinks when there is much room: it must not jump about.
    if (axis.max > this.#axis.max || axis.max < this.#axis.max * 0.6 || !this.#axis.ticks.length) this.#axis = axis;
    const y = (n) => bottom - ((bottom - top) * n) / this.#axis.max;
    drawLines(this.#parts.lines, apart ? rates.map((of) => line(this.#across(windows, (_, i) => y(of[i])))) : []);
    const base = windows.map(() => 0);
    let lower = this.#across(windows, () => bottom);
    let edges = "";
    for (const [name, sentiment] of stack) {
      if (!apart) windows.forEach((b, i) => { base[i] += this.#model.mask[sentiment] ? this.#rate(b, b.counts[sentiment]) : 0; });
      const upper = this.#across(windows, (_, i) => y(base[i]));
      const d = apart ? "" : area(upper, lower);
      set(this.#parts[name], { d });
      if (name === "neg") set(this.#parts.hatch, { d });
      edges += line(upper);
      lower = upper;
    }
    set(this.#parts.edges, { d: apart ? "" : edges });
    drawBefore(this.#parts.before, before.map((of) => line(this.#across(windows, (_, i) => y(of[i])))), apart);
    // Where a mark's stem ends: at the line of its brand, or at the top of the areas.
    const at = (i, brand) => (apart ? rates[Math.max(0, overlay.indexOf(brand))][i] : base[i]);
    return { y, at };
  }

  /** A line over all windows, through their middles and out to both edges. */
  #across(windows, y) {
    const { step } = this.#model;
    const points = windows.map((b, i) => [this.#x(b.start + step / 2), y(b, i)]);
    if (points.length) {
      points.unshift([this.#x(windows[0].start - 3 * step), points[0][1]]); // there while it glides
      points.push([this.#x(windows.at(-1).start + step), points.at(-1)[1]]);
    }
    return points;
  }

  #net(windows, top, bottom) {
    const { overlay } = this.#model;
    const nets = overlay.length ? overlay.map((_, i) => windows.map((b) => net(b.brands[i]))) : [windows.map((b) => net(b.counts))];
    const most = Math.max(10, ...nets.flat().map((v) => Math.abs(v ?? 0)));
    this.#netMax = [25, 50, 100].find((n) => most <= n) ?? 100;
    const middle = (top + bottom) / 2;
    const y = (n) => middle - ((bottom - top) / 2) * (n / this.#netMax);
    const paths = nets.map((values) => this.#netPath(windows, values, y, middle));
    drawLines(this.#parts.netLines, overlay.length ? paths.map(({ lines }) => lines) : []);
    const { lines, areas } = overlay.length ? { lines: "", areas: "" } : paths[0];
    set(this.#parts.netLine, { d: lines });
    set(this.#parts.netUp, { d: areas });
    set(this.#parts.netDown, { d: areas });
    set(this.#parts.above, { y: top - 2, width: this.#size.w * 2, height: middle - top + 2 });
    set(this.#parts.below, { y: middle, width: this.#size.w * 2, height: bottom - middle + 2 });
  }

  // Windows without tweets are gaps.
  #netPath(windows, values, y, middle) {
    const { step } = this.#model;
    let lines = "", areas = "", run = [];
    const end = () => {
      if (run.length === 1) run = [[run[0][0] - 2, run[0][1]], [run[0][0] + 2, run[0][1]]];
      lines += line(run);
      areas += area(run, run.map(([x]) => [x, middle]));
      run = [];
    };
    values.forEach((v, i) => {
      if (v === null) end();
      else run.push([this.#x(windows[i].start + step / 2), y(v)]);
    });
    end();
    return { lines, areas };
  }

  #frame(top, bottom, netTop, netBottom) {
    const { left, w, h: height } = this.#size;
    const m = this.#model;
    const rows = [], labels = [];
    const { max, ticks: values, digits } = this.#axis;
    for (const value of values) {
      const y = bottom - ((bottom - top) * value) / max;
      rows.push(s("line", { x1: left, x2: w, y1: y, y2: y }));
      labels.push(s("text", { x: left - 8, y: y + 4 }, format.tick(value, digits)));
    }
    rows.push(s("line", { class: "axis", x1: left, x2: w, y1: bottom, y2: bottom }));
    const { step, ticks } = timeTicks(m.first, m.first + m.windows.length * m.step, Math.max(2, Math.floor((w - left) / (w < 500 ? 75 : 105))));
    for (const t of ticks) {
      const x = this.#x(t);
      rows.push(s("line", { class: "tick", x1: x, x2: x, y1: netBottom, y2: netBottom + 5 }));
      if (x > left + 20 && x < w - 24) labels.push(s("text", { class: "time", x, y: height - 4 }, format.axis(t, step)));
    }
    const middle = (netTop + netBottom) / 2;
    for (const [y, name] of [[netTop, null], [middle, "axis"], [netBottom, null]]) rows.push(s("line", { class: name, x1: left, x2: w, y1: y, y2: y }));
    if (values.length) labels.push(s("text", { x: left - 8, y: netTop + 9 }, `+${this.#netMax}`), s("text", { x: left - 8, y: middle + 4 }, "net 0"), s("text", { x: left - 8, y: netBottom - 1 }, `−${this.#netMax}`));
    this.#parts.grid.replaceChildren(...rows);
    this.#parts.labels.replaceChildren(...labels);
    this.#unknown(top, bottom, netBottom);
  }

  // What has not been read is hatched, and says why: older windows at the left, and at
  // the right those since InfluxDB's last answer. A range without tweets says so.
  #unknown(top, bottom, netBottom) {
    const { left, w } = this.#size;
    const m = this.#model;
    const filled = Math.min(this.#x(m.filled), w), read = Math.max(left, this.#x(m.read));
    const gaps = [];
    if (m.future !== null && m.future <= m.first) gaps.push([left, w, m.unanswered ?? "In the future"]);
    else if (read <= left || filled >= read) gaps.push([left, w, m.unanswered ?? m.unread]);
    else {
      if (filled > left + 1) gaps.push([left, filled, m.unread]);
      if (m.unanswered || m.head - m.read >= 3) gaps.push([Math.min(read, w), w, m.unanswered ?? (m.future === null ? "No response yet" : "In the future")]);
    }
    const words = (from, to, what) => {
      const wide = what.length * 6.2 + 12;
      return to - from > wide ? [s("text", { x: (from + to) / 2, y: (top + bottom) / 2 }, what)] : [];
    };
    const parts = gaps.filter(([from, to]) => to - from > 1).flatMap(([from, to, what]) => [
      s("rect", { x: from, y: top, width: to - from, height: netBottom - top, fill: "url(#unread)" }), ...words(from, to, what)]);
    if (gaps.length === 0 && this.#axis.ticks.length === 0) parts.push(...words(left, w, m.empty));
    this.#parts.unread.replaceChildren(...parts);
  }

  #marks(windows, { y, at }) {
    const { step, marks } = this.#model;
    let last = -Infinity; // where a sign was drawn: two at one moment stand side by side
    this.#parts.marks.replaceChildren(...marks.flatMap((mark) => {
      const i = windows.findIndex((b) => b.start === mark.start);
      if (i < 0) return [];
      const x = this.#x(mark.start + step / 2);
      last = Math.max(x, last + 14);
      return [
        s("line", { class: "mark-stem", x1: x, x2: x, y1: bands.marks - 5, y2: Math.max(bands.marks - 5, y(at(i, mark.brands[0]))) }),
        s("path", { class: `mark-${mark.kind}${this.#brandOf(mark)}`, d: markShapes[mark.kind], transform: `translate(${(last - x < 30 ? last : x).toFixed(1)} 9)` }),
      ];
    }));
  }

  /** The class of a mark's brand, where each has its own line. */
  #brandOf(mark) {
    const i = this.#model.overlay.indexOf(mark.brands[0]);
    return i < 0 ? "" : ` brand-${i + 1}`;
  }

  // A short range glides from one second to the next instead of jumping.
  #slide() {
    const m = this.#model;
    const moved = this.#first === null ? 0 : m.first - this.#first;
    this.#first = m.first;
    if (moved <= 0 || moved > 3 || m.step !== 1 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const distance = (moved / m.windows.length) * (this.#size.w - this.#size.left);
    for (const animation of this.#moving.getAnimations()) animation.cancel();
    this.#moving.animate([{ transform: `translateX(${distance}px)` }, { transform: "translateX(0)" }], { duration: 950, easing: "linear" });
  }

  #drawCursor() {
    const { step, first, windows, pinned } = this.#model;
    const rows = [];
    const lineAt = (start, name) => {
      const x = this.#x(start + step / 2);
      if (x >= this.#size.left && x <= this.#size.w) rows.push(s("line", { class: name, x1: x, x2: x, y1: 4, y2: this.#size.h - bands.axis }));
      return x;
    };
    if (this.#selected) {
      const { left, w } = this.#size;
      const [from, to] = [this.#selected.from, this.#selected.to].map((t) => Math.max(left, Math.min(w, this.#x(t))));
      rows.push(s("rect", { class: "selected", x: from, y: 4, width: to - from, height: this.#size.h - bands.axis - 4 }));
    }
    if (pinned !== null && pinned !== undefined) lineAt(pinned, "pin");
    const i = this.#cursor === null ? -1 : (this.#cursor - first) / step;
    const b = windows[i];
    this.#tip.hidden = !b;
    if (b) {
      const x = lineAt(b.start, "cursor");
      this.#fillTip(b);
      const room = this.#tip.offsetWidth + 14;
      this.#tip.style.transform = `translateX(${Math.max(0, x + room > this.#size.w ? x - room : x + 14)}px)`;
    }
    this.#parts.cursor.replaceChildren(...rows);
    const at = b ?? windows.at(-1);
    this.#slider.setAttribute("aria-valuemax", String(windows.length - 1));
    if (b || document.activeElement !== this.#slider) {
      this.#slider.setAttribute("aria-valuenow", String(b ? i : windows.length - 1));
      this.#slider.setAttribute("aria-valuetext", this.#words(at));
    }
  }

  #words(b) {
    const { step, overlay, mask } = this.#model;
    const at = format.when(b.start, step), all = total(b.counts);
    if (!this.#known(b)) return `${at}: not read`;
    if (!all) return `${at}: no tweets`;
    if (overlay.length) return `${at}: ${overlay.map((name, i) => `${format.name(name)} ${format.count(this.#shown(b, b.brands[i]))} tweets per second, net ${format.signed(net(b.brands[i]))}`).join("; ")}`;
    return `${at}: ${format.count(this.#shown(b, b.counts))} tweets per second, ${sentiments.flatMap(({ name }, i) => (mask[i] ? [`${format.percent(b.counts[i], all)} ${name}`] : [])).join(", ")}, net ${format.signed(net(b.counts))}`;
  }

  #known(b) { return b.start >= this.#model.filled && b.start < this.#model.read; }

  #fillTip(b) {
    const { step, overlay, mask, compared } = this.#model;
    const row = (name, words, value) => h("p", { class: name }, words, h("b", null, value));
    const label = (...words) => h("span", null, ...words);
    const time = (value) => row("tip-time", label(format.when(b.start, step)), value);
    if (!this.#known(b)) this.#tip.replaceChildren(time("not read"));
    else if (overlay.length) {
      this.#tip.replaceChildren(time("tweets/s, net"), ...overlay.map((name, i) =>
        row("tip-brand", label(sample(i), format.name(name)), `${format.count(this.#shown(b, b.brands[i]))}, ${format.signed(net(b.brands[i]))}`)));
    } else {
      this.#tip.replaceChildren(time(`${format.count(this.#shown(b, b.counts))}/s`),
        ...sentiments.flatMap(({ name, css, shape }, i) => (mask[i] ? [row(css, label(`${shape} ${name}`), format.count(this.#rate(b, b.counts[i])))] : [])),
        ...(compared ? [row("tip-before", label("before"), `${format.count(masked(b.before ?? none, mask) / step)}/s`)] : []),
        row("tip-net", label("net"), format.signed(net(b.counts))));
    }
  }

  #move(start) {
    this.#cursor = start;
    this.#drawCursor();
  }

  #listen() {
    const slider = this.#slider;
    slider.addEventListener("pointermove", (event) => { if (this.#model) this.#move(this.startAt(event.clientX)); });
    slider.addEventListener("pointerleave", () => { if (this.#model) { this.#cursor = null; this.#drawCursor(); } });
    slider.addEventListener("click", (event) => {
      if (!this.#model) return;
      this.#move(this.startAt(event.clientX));
      this.#pick(this.#nearMark(event) ?? this.#cursor);
    });
    slider.addEventListener("blur", () => { if (this.#model) { this.#cursor = null; this.#drawCursor(); } });
    slider.addEventListener("keydown", (event) => this.#key(event));
  }

  // A mark is small: a click beside it means it.
  #nearMark(event) {
    const box = this.#slider.getBoundingClientRect();
    if (event.clientY - box.top > bands.marks + 4) return null;
    const near = this.#model.marks.find((mark) => Math.abs(this.#x(mark.start + this.#model.step / 2) - (event.clientX - box.left)) < 10);
    return near ? near.start : null;
  }

  #key(event) {
    if (!this.#model || event.ctrlKey || event.altKey || event.metaKey) return;
    const { windows, first, step } = this.#model;
    const now = this.#cursor === null ? windows.length - 1 : (this.#cursor - first) / step;
    const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - 10, PageUp: now + 10, Home: 0, End: windows.length - 1 }[event.key];
    if (to !== undefined) this.#move(this.#startOf(to));
    else if (event.key === "Enter" || event.key === " ") this.#pick(this.#cursor ?? windows.at(-1).start);
    else if (event.key === "Escape") { this.#cursor = null; this.#drawCursor(); this.#pick(null); } else return;
    event.preventDefault();
  }

  focus() { this.#slider.focus({ preventScroll: true }); }
}

