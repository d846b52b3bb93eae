// What the brand view shows, as its address says it: a link shows the same elsewhere.

import { rangeOf } from "./range.js";
import { sentiments } from "./sentiments.js";

export const ranges = [["1m", "1 min"], ["15m", "15 min"], ["1h", "1 h"], ["6h", "6 h"], ["24h", "24 h"]];

/** The view that an address asks for. Whatever is invalid is left out. */
export function viewOf(params) {
  const range = params.get("range"), at = params.get("at");
  return {
    range: ranges.some(([name]) => name === range) ? range : "1m",
    own: rangeOf(params), // in place of the range, which it leads back to
    brands: params.getAll("brand"),
    sentiments: sentiments.map(({ name }) => name).filter((name) => params.getAll("sentiment").includes(name)),
    search: (params.get("q") ?? "").slice(0, 100).trim(),
    compare: params.get("compare") === "1",
    at: at !== null && /^\d{1,12}$/.test(at) ? Number(at) : null,
  };
}

/** The address of a view. */
export function addressOf({ range, own, brands, sentiments: chosen, search, compare, at }) {
  const params = new URLSearchParams({ range });
  if (own) for (const name of ["from", "to"]) params.set(name, own[name]);
  for (const brand of brands) params.append("brand", brand);
  for (const name of chosen) params.append("sentiment", name);
  if (search) params.set("q", search);
  if (compare) params.set("compare", "1");
  if (at !== null) params.set("at", at);
  return params;
}

/** What to ask the server for the counts of a view, which ends at until unless it is live. */
export function countsQuery({ range, own, brands }, until = null) {
  const params = new URLSearchParams(own ?? { range }); // own may have a step, too
  if (!own && until !== null) params.set("until", until);
  for (const brand of brands) params.append("brand", brand);
  return params.toString();
}

/** The same for its texts. */
export function textsQuery(view, until = null) {
  const params = new URLSearchParams(countsQuery(view, until));
  for (const name of view.sentiments) params.append("sentiment", name);
  if (view.search) params.set("q", view.search);
  return params.toString();
}
