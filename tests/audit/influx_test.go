package audit_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a fault of InfluxDB's reading passes for points that the
// pipeline has written twice. Flux gives some points more than once here, in both
// versions; InfluxQL does not.
func TestPointsThatAQueryGivesTwice(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.InfluxThatRepeats(t, version)
			if n := rowsOfInfluxQL(t, server); n != testenv.PointsThatRepeat {
				t.Errorf("InfluxQL gives %d rows of %d points", n, testenv.PointsThatRepeat)
			}
			for _, language := range []string{influxread.InfluxQL, influxread.Flux} {
				for _, rows := range []int{0, 700} { // at once, and in slices
					r, err := influxread.Open(t.Context(), influxread.Options{
						URL: server.URL, Org: server.Org, Bucket: server.Bucket, Token: server.Token,
						Measurement: "tweets", Language: language, SliceRows: rows,
					})
					if err != nil {
						t.Fatal(err)
					}
					defer r.Close()
					points := map[influxread.Point]int{}
					err = r.Points(t.Context(), influxread.MinNanos, influxread.MaxNanos, func(p influxread.Point) error {
						points[p]++
						return nil
					})
					if err != nil || len(points) != testenv.PointsThatRepeat {
						t.Errorf("%s: %d points of %d, %v", language, len(points), testenv.PointsThatRepeat, err)
					}
					for p, n := range points {
						if n > 1 {
							t.Errorf("%s gives %+v %d times", language, p, n)
						}
					}
				}
			}
		})
	}
}

// rowsOfInfluxQL is how many rows a query gives, before anything is left out.
func rowsOfInfluxQL(t *testing.T, server *influxd.Server) (n int) {
	t.Helper()
	values := url.Values{"db": {server.Bucket}, "epoch": {"ns"}, "q": {`SELECT "count" FROM "tweets"`}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/query?"+values.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+server.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Results []struct {
			Series []struct{ Values [][]int64 }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Results) != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, series := range answer.Results[0].Series {
		n += len(series.Values)
	}
	return n
}
