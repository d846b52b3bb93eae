package dashboard_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: axes with numbers that nobody can read, or none.
func TestScales(t *testing.T) {
	t.Parallel()
	b := serve(t, testenv.Influx(t, testenv.InfluxV1))
	p := browse(t)
	p.open(b.url)
	p.await("the modules are loaded", `(import("/scale.js").then((m) => { window.scale = m; }), import("/format.js").then((m) => { window.format = m; }), import("/sentiments.js").then((m) => { window.sentiments = m; }), window.sentiments && window.scale && window.format)`)
	for expression, want := range map[string]any{
		`[0, 1, 1.2, 7, 99, 100, 101, 8320, 3088].map(scale.niceMax)`: []any{1.0, 1.0, 1.5, 8.0, 100.0, 100.0, 150.0, 10000.0, 4000.0},
		`[0, 0.3, 1, 4, 287, 5000, 61].map((peak) => scale.axisOf(peak).ticks)`: []any{
			[]any{}, []any{0.1, 0.2, 0.3}, []any{0.2, 0.4, 0.6, 0.8, 1.0}, []any{1.0, 2.0, 3.0, 4.0}, []any{100.0, 200.0, 300.0}, []any{1000.0, 2000.0, 3000.0, 4000.0, 5000.0}, []any{20.0, 40.0, 60.0, 80.0},
		},
		// Counts are whole, and no two labels are the same.
		`[1, 2, 3, 7].map((peak) => scale.axisOf(peak, { whole: true }).ticks)`: []any{[]any{1.0}, []any{1.0, 2.0}, []any{1.0, 2.0, 3.0}, []any{2.0, 4.0, 6.0, 8.0}},
		`[0, 0.0007, 0.3, 1, 1.3, 3.14, 12, 47, 500, 9999, 123456, 12345678].every((peak) => [false, true].every((whole) => {
			const { max, ticks, digits } = scale.axisOf(peak, { whole });
			const labels = ticks.map((n) => format.tick(n, digits));
			return new Set(labels).size === ticks.length && ticks.length <= 5 && (!peak || max >= peak * 0.999 && ticks.at(-1) === max) && (!whole || ticks.every(Number.isInteger)) &&
				labels.every((label, i) => Math.abs(Number(label.replace(/,/g, "").replace("K", "e3").replace("M", "e6")) - ticks[i]) < 1e-9 * max);
		}))`: true,
		`[0.3, 1, 30000].map((peak) => scale.axisOf(peak)).map(({ ticks, digits }) => ticks.map((n) => format.tick(n, digits)))`: []any{
			[]any{"0.1", "0.2", "0.3"}, []any{"0.2", "0.4", "0.6", "0.8", "1.0"}, []any{"10K", "20K", "30K"},
		},
		`[0, 59, 60, 3599, 7300, 400000].map(format.age)`:                                                                   []any{"0 s", "59 s", "1 min", "59 min", "2 h", "4 days"},
		`scale.timeTicks(1700000000, 1700000060, 7)`:                                                                        map[string]any{"step": 10.0, "ticks": []any{1700000000.0, 1700000010.0, 1700000020.0, 1700000030.0, 1700000040.0, 1700000050.0}},
		`[null, undefined, NaN, 0, 0.04, 1.26, 9.96, 10.4, 1234567].map(format.count)`:                                      []any{"–", "–", "–", "0", "0", "1.3", "10", "10", "1,234,567"},
		`[[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [50, 20, 30]].map((counts) => format.signed(sentiments.net(counts)))`: []any{"+100", "−100", "0", "–", "+20"},
		`[[1, 3], [0, 3], [3, 3], [1, 1000], [0, 0]].map(([part, all]) => format.percent(part, all))`:                       []any{"33 %", "0 %", "100 %", "0.1 %", "–"},
		`[null, 0.0042, 0.5, 1.25, 300].map(format.took)`:                                                                   []any{"–", "4.2 ms", "500 ms", "1.3 s", "5 min"},
	} {
		if diff := cmp.Diff(want, eval[any](p, expression)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", expression, diff)
		}
	}
}
