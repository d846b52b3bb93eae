package rounds

import "testing"

// If this fails, a figure is in the wrong column, or a round that was slow for both
// sides changes a ratio.
func TestTable(t *testing.T) {
	limit := Row{"bare", []Reading{{Rate: 400, CPU: 1}, {Rate: 40, CPU: 10}, {Rate: 200, CPU: 2}}}
	ours := Row{"ours", []Reading{{Rate: 200, CPU: 3, Peak: 5 << 20}, {Rate: 30, CPU: 20, Peak: 7 << 20}, {Rate: 100, CPU: 5, Peak: 6 << 20}}}
	const want = `|      | points/s | of the limit | CPU s per million | times the limit | peak memory | rounds |
| ---  | ---      | ---          | ---               | ---             | ---         | --- |
| ours | 100      | 50 %         | 5.00              | 2.50            | 6 MB        | 200 30 100 |
| bare | 200      | 100 %        | 2.00              | 1.00            |             | 400 40 200 |
`
	if got := Table("points", limit, ours); got != want {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
}
