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
		`[1, 1.5, 300, 5000, 60].map((max) => scale.gridOf(max))`: []any{
			[]any{0.25, 0.5, 0.75, 1.0}, []any{0.5, 1.0, 1.5}, []any{100.0, 200.0, 300.0}, []any{1000.0, 2000.0, 3000.0, 4000.0, 5000.0}, []any{20.0, 40.0, 60.0},
		},
		`[0.01, 3, 12, 47, 500, 1e6, 12345678].every((n) => { const max = scale.niceMax(n), grid = scale.gridOf(max); return max >= n && max <= 2 * n && grid.at(-1) === max && grid.every((v) => v > 0); })`: true,
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
