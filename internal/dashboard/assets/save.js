// What the chart shows, as files.

import { csv, save, stamp } from "./exportfile.js";
import { png } from "./exportchart.js";
import { $, say } from "./dom.js";
import { net, none, sentiments, total } from "./sentiments.js";
import { words } from "./range.js";
import * as format from "./format.js";

const named = (brands) => (brands.length ? brands.map(format.name).join(", ") : "All brands");
const endOf = ({ first, step, windows }) => first + windows.length * step;

function nameOf(model, ending) {
  const compact = (seconds) => stamp(seconds).replaceAll(":", "");
  return `brandpulse_${compact(model.first)}_${compact(endOf(model))}.${ending}`;
}

/** The windows of the chart: a row for each and, if brands are drawn over each other,
    for each brand. What has not been read is empty. */
export function saveCSV(view, model) {
  const { mask, overlay, compared } = model;
  const shown = sentiments.map(({ name }, i) => ({ name, i })).filter(({ i }) => mask[i]);
  const whole = shown.length === sentiments.length;
  const columns = [...shown.map(({ name }) => name), ...(whole ? ["all", "net"] : [])];
  const cells = (counts) => [...shown.map(({ i }) => counts[i]), ...(whole ? [total(counts), net(counts) === null ? null : Number(net(counts).toFixed(2))] : [])];
  const series = overlay.length ? overlay.map((name, i) => ({ name: format.name(name), of: (w) => w.brands[i], place: i + 1 })) : [{ name: named(view.brands), of: (w) => w.counts, place: 0 }];
  const header = ["start", "seconds", "brands", ...columns, ...(compared ? columns.map((name) => `${name}_before`) : [])];
  const rows = model.windows.flatMap((w) => series.map(({ name, of, place }) => {
    const known = w.start >= model.filled && w.start < model.read;
    const before = compared ? cells(w.before?.slice(3 * place, 3 * place + 3) ?? none) : [];
    return [stamp(w.start), model.step, name, ...(known ? cells(of(w)) : columns.map(() => null)), ...before];
  }));
  save(nameOf(model, "csv"), csv([header, ...rows]));
}

/** The chart as it is drawn, with its title and legend. */
export async function savePNG(view, model) {
  const chosen = [...$("sentiments").children].filter((_, i) => model.mask[i]);
  const legend = [...(model.overlay.length ? $("legend").children : chosen), ...$("mark-legend").children, ...($("before-note").hidden ? [] : [$("before-note")])];
  const range = { from: model.first, to: endOf(model) };
  try {
    save(nameOf(model, "png"), await png($("chart").querySelector("svg"), {
      title: `${named(view.brands)}: ${$("chart-title").textContent}`,
      about: `${format.day(range.from)}, ${words(range)}, in windows of ${format.span(model.step)}`,
      legend,
    }));
  } catch (error) {
    say(`The picture could not be saved: ${error.message}`);
  }
}
