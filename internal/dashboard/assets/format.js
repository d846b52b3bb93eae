// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compactNumber = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const none = "–";

/** The name of a brand, with control characters and changes of text direction made visible. */
export const name = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => {
  const code = c.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\\u${code.toString(16).padStart(4, "0")}`;
});

/** A rate or a number: digits that matter, thousands apart. */
export function count(n) {
  if (n === null || n === undefined || Number.isNaN(n)) return none;
  return n !== 0 && Math.abs(n) < 10 ? tenth.format(n) : whole.format(n);
}

/** 12.3K for axes and tight places. */
const compact = (n) => (Math.abs(n) < 10000 ? count(n) : compactNumber.format(n));

/** The label of a grid line, with so many digits after the point. */
export const tick = (n, digits) => (digits ? n.toFixed(digits) : compact(n));

export function percent(part, all) {
  if (!all) return none;
  const share = (100 * part) / all;
  return (share > 0 && share < 10 ? tenth.format(share) : whole.format(share)) + " %";
}

/** Net sentiment from −100 to +100 with its sign. */
export function signed(n) {
  if (n === null) return none;
  const rounded = Math.round(n);
  return rounded === 0 ? "0" : (rounded > 0 ? "+" : "−") + Math.abs(rounded);
}

const clockSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockMinutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** A time of day from unix seconds, with seconds where a step is shorter than a minute. */
export const clock = (seconds, step = 1) => (step % 60 === 0 ? clockMinutes : clockSeconds).format(new Date(seconds * 1000));

/** A whole number, with thousands apart however small it is. */
export const digits = (n) => whole.format(n);

const dayOf = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const yearOf = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** The day of unix seconds, with the year where it is not this one. */
export function day(seconds) {
  const date = new Date(seconds * 1000);
  return (date.getFullYear() === new Date().getFullYear() ? dayOf : yearOf).format(date);
}

/** The label of a time on an axis: the day at midnight, where the axis is that long. */
export function axis(seconds, step) {
  const date = new Date(seconds * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  return step >= 3600 && (midnight || step >= 86400) ? day(seconds) : clock(seconds, step);
}

/** Names as a sentence begins with them. */
export function list(names) {
  const words = names.join(" and ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A time, with its day where that is not today. */
export function when(seconds, step = 1) {
  const today = new Date().toDateString() === new Date(seconds * 1000).toDateString();
  return `${today ? "" : `${day(seconds)}, `}${clock(seconds, step)}`;
}

/** A length of time: its two largest units. */
export function span(seconds) {
  const parts = [];
  for (const [unit, length] of [["days", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (seconds < (unit === "days" ? 2 : 1) * length) continue;
    parts.push(`${Math.floor(seconds / length)} ${unit}`);
    seconds %= length;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** How long ago something was, from seconds. */
export function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} days`;
}

/** A time and how long ago it was, from unix milliseconds. */
export const since = (at, now) => `since ${clock(Math.floor(at / 1000))} (${age((now - at) / 1000)})`;

/** How long something takes, from seconds. */
export function took(seconds) {
  if (seconds === null || seconds === undefined) return none;
  if (seconds < 1) return `${count(seconds * 1000)} ms`;
  if (seconds < 100) return `${tenth.format(seconds)} s`;
  return `${whole.format(seconds / 60)} min`;
}
