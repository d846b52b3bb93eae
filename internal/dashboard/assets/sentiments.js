// The three sentiments in the order of the page: legends, tables, bars from left to
// right, areas from top to bottom, and the counts that the server sends.

export const sentiments = [
  { name: "positive", css: "pos", shape: "▲" },
  { name: "neutral", css: "neu", shape: "●" },
  { name: "negative", css: "neg", shape: "▼" },
];

export const none = [0, 0, 0];

/** All tweets of [positive, neutral, negative]. */
export const total = ([positive, neutral, negative]) => positive + neutral + negative;

/** The tweets of the sentiments that are shown. */
export const masked = (counts, shown) => sentiments.reduce((sum, _, i) => sum + (shown[i] ? counts[i] : 0), 0);

/** Net sentiment of them, from −100 to 100; null without tweets. */
export function net(counts) {
  const all = total(counts);
  return all ? (100 * (counts[0] - counts[2])) / all : null;
}
