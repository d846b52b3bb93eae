package pages_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: the query of the README gives rows without a value, a row for
// each brand, or the end of a second for its beginning.
func TestFluxOfTheReadmeGivesOneRowPerSecondAndSentiment(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		influx := testenv.Influx(t, version)
		query := ""
		for _, b := range blocks(t, "README.md") {
			if b.language == "flux" {
				query = strings.Replace(b.text, `"brandpulse"`, fmt.Sprintf("%q", influx.Bucket), 1)
			}
		}
		type row struct {
			second    int64
			sentiment string
		}
		// Three brands, several record batches per second, and seconds without tweets.
		want, now := map[row]int64{}, time.Now().Unix()
		var lines strings.Builder
		for i := range int64(120) {
			second := now - 600 + i/6*3
			sentiment := []string{"positive", "negative", "neutral"}[i%3]
			brand := []string{"SuperCoffee", "MegaTea", "HyperCola"}[i%7%3]
			fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=%s count=%di %d\n", brand, sentiment, i+1, second*1e9+i)
			want[row{second, sentiment}] += i + 1
		}
		if err := influx.Write(t.Context(), []byte(lines.String())); err != nil {
			t.Fatal(err)
		}
		got := map[row]int64{}
		if err := influx.Each(t.Context(), query, func(r influxd.Row) error {
			n, ok := r.Int("_value")
			at := row{r.Time("_time").Unix(), r.String("sentiment")}
			if _, twice := got[at]; twice || !ok {
				t.Errorf("a second row, or one without a value: %v", r.Values)
			}
			got[at] = n
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d rows %v,\nwant %d: %v", len(got), got, len(want), want)
		}
	})
}
