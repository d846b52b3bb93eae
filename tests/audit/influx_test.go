package audit_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, points that a query returns twice look like points that the pipeline
// has written twice. Flux repeats some points here, in both versions; InfluxQL does
// not.
func TestPointsThatAQueryRepeats(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.InfluxThatRepeats(t, version)
			if n := rowsOfInfluxQL(t, server); n != testenv.PointsThatRepeat {
				t.Errorf("InfluxQL returns %d rows for %d points", n, testenv.PointsThatRepeat)
			}
			for _, language := range []string{influxread.InfluxQL, influxread.Flux} {
				for _, rows := range []int{0, 700} { // in one slice, and in several
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
							t.Errorf("%s returns %+v %d times", language, p, n)
						}
					}
				}
			}
		})
	}
}

// If this fails, brands arrive changed, and the audit reports correct data as
// different: the CSV of Flux drops carriage returns.
func TestBrandsAreReadAsTheyAreStored(t *testing.T) {
	brands := []string{
		"Tea", "T\rea", "\r", "Tea\r", "T\\\rea", `T\rea`, "T\tea", "\x01\x1f\x7f", "\u0085\u2028\ufeffTea", ` "Tea", 'x' `,
		"#datatype,string", "=a,b=c", "ü/日本/🍵", "null", "-", "\ufffd",
	}
	escape := strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `)
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			bucket := testenv.Influx(t, version)
			want := map[influxread.Point]bool{}
			lines := "tweets,sentiment=neutral count=7i 1\n" // without a brand, from another writer
			want[influxread.Point{Sentiment: "neutral", Nanos: 1, Count: 7}] = true
			for i, brand := range brands {
				for second := range int64(3) {
					p := influxread.Point{Brand: brand, Sentiment: "positive", Nanos: second*1e9 + 64, Count: int64(i)}
					want[p] = true
					lines += fmt.Sprintf("tweets,brand=%s,sentiment=positive count=%di %d\n", escape.Replace(brand), p.Count, p.Nanos)
				}
			}
			if err := bucket.Write(t.Context(), []byte(lines)); err != nil {
				t.Fatal(err)
			}
			for _, language := range []string{influxread.InfluxQL, influxread.Flux} {
				r, err := influxread.Open(t.Context(), influxread.Options{
					URL: bucket.URL, Org: bucket.Org, Bucket: bucket.Bucket, Token: bucket.Token, Measurement: "tweets", Language: language,
				})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				got := map[influxread.Point]bool{}
				err = r.Points(t.Context(), influxread.MinNanos, influxread.MaxNanos, func(p influxread.Point) error {
					if !want[p] || got[p] {
						t.Errorf("%s returns %+v", language, p)
					}
					got[p] = true
					return nil
				})
				if err != nil || len(got) != len(want) {
					t.Errorf("%s: %d points of %d, %v", language, len(got), len(want), err)
				}
			}
		})
	}
}

// rowsOfInfluxQL returns the number of rows of a query, before any are left out.
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
