// Where things lie in a chart. Nothing here knows of the page.

/** The least of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that is not below n. */
export function niceMax(n) {
  if (!(n > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(n));
  for (const m of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) {
    if (m * power >= n * 0.999) return m * power;
  }
  return 10 * power;
}

/** Round values for grid lines above 0, up to a max that niceMax gave. */
export function gridOf(max) {
  const first = Number((max / 10 ** Math.floor(Math.log10(max) + 1e-9)).toPrecision(2));
  const parts = { 1.5: 3, 3: 3, 5: 5, 6: 3 }[first] ?? 4;
  return Array.from({ length: parts }, (_, i) => (max * (i + 1)) / parts);
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];

/** Round times of day between two, at most so many, in unix seconds. */
export function timeTicks(from, to, most) {
  const step = steps.find((s) => (to - from) / s <= most) ?? 43200;
  const offset = new Date(from * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let t = Math.ceil((from - offset) / step) * step + offset; t < to; t += step) ticks.push(t);
  return { step, ticks };
}

/** Points of a line as a path. */
export function line(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** The area between an upper and a lower line. */
export function area(upper, lower) {
  if (upper.length === 0) return "";
  return `${line(upper)}${line(lower.slice().reverse()).replace("M", "L")}Z`;
}
