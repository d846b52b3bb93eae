package audit_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
			server := testenv.OwnInflux(t, influxd.Options{Version: version})
			write := func(n int, line func(i int) string) {
				t.Helper()
				var lines strings.Builder
				for i := range n {
					lines.WriteString(line(i))
				}
				if err := server.Write(t.Context(), []byte(lines.String())); err != nil {
					t.Fatal(err)
				}
			}
			tweet := func(nanos int) string {
				return fmt.Sprintf("tweets,brand=Tea,sentiment=positive count=1i %d\n", 1_700_000_000_000_000_000+nanos)
			}
			write(5000, func(i int) string { return tweet(2 * i) })
			filler := strings.Repeat("x", 100_000)
			for round := range 3 { // what is in memory goes to a file at 25 MiB
				write(100, func(i int) string {
					return fmt.Sprintf("filler text=%q %d\n", filler, 1_700_000_000_000_000_000+100*round+i)
				})
			}
			testenv.Eventually(t, 30*time.Second, "a TSM file is written", func() error {
				missing := fmt.Errorf("there is none")
				_ = filepath.WalkDir(filepath.Dir(server.LogPath()), func(path string, _ fs.DirEntry, _ error) error {
					if strings.HasSuffix(path, ".tsm") {
						missing = nil
					}
					return nil
				})
				return missing
			})
			write(100, func(i int) string { return tweet(2301 + 2*i) })

			rows, err := server.Query(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "tweets") |> count()`, server.Bucket))
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			if n, _ := rows[0].Int("_value"); n <= 5100 {
				t.Errorf("Flux counts %d points: the fault is not there, and this test proves nothing", n)
			}
			if n := rowsOfInfluxQL(t, server); n != 5100 {
				t.Errorf("InfluxQL gives %d rows of 5100 points", n)
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
					if err != nil || len(points) != 5100 {
						t.Errorf("%s: %d points of 5100, %v", language, len(points), err)
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
