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

const mostTicks = 5;

/** The axis of a chart from 0 to a peak or a little more: its end, the values of its
    grid lines above 0, and the digits that tell them apart. The lines are 1, 2 or 5
    times a power of ten apart; whole asks for whole numbers. A chart without values has
    no lines. */
export function axisOf(peak, { whole = false } = {}) {
  if (!(peak > 0)) return { max: 1, ticks: [], digits: 0 };
  let power = Math.floor(Math.log10(peak / mostTicks));
  if (whole) power = Math.max(0, power);
  const [factor, exponent] = [[1, power], [2, power], [5, power], [1, power + 1]].find(([f, e]) => f * 10 ** e * mostTicks >= peak * 0.999);
  const digits = Math.max(0, -exponent);
  const lines = Math.max(1, Math.ceil((peak * 0.999) / (factor * 10 ** exponent)));
  // A negative power of ten has no exact value: 3 * 0.1 is not 0.3.
  const ticks = Array.from({ length: lines }, (_, i) => Number(((i + 1) * factor * 10 ** exponent).toFixed(digits)));
  return { max: ticks.at(-1), ticks, digits };
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];

/** Round times of day between two, at most so many, in unix seconds. */
export function timeTicks(from, to, most) {
  const step = steps.find((s) => (to - from) / s <= most) ?? 5184000;
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
