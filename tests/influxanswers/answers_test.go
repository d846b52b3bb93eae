// Package influxanswers_test sends real InfluxDBs the requests that decide how the
// output influxdb handles points, and compares their responses with those recorded in
// plugins/influxdb/testdata/answers. The output and the fake InfluxDB are tested
// against the recordings every day, and docs/influxdb-answers.md is generated from
// them.
//
// To record them again: go test ./tests/influxanswers -update
// and then: go test ./plugins/influxdb -run Answers -update
package influxanswers_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var update = flag.Bool("update", false, "record the answers")

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// fleeting matches the parts of a response that change each time: ids, and times of
// this century's later years.
var fleeting = regexp.MustCompile(`(Lower Bound at |for database: | at )(20(?:2[4-9]|[3-9][0-9])-[^ ,"]+|[0-9a-f]{16})`)

func fileOf(name string) string {
	return filepath.Join("..", "..", "plugins", "influxdb", "testdata", "answers", name+".json")
}

// If this fails, a server responds differently than the output expects, or stores
// another part of a request.
func TestAnswersAreAsRecorded(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version, Auth: true})
			compare(t, server, version)
		})
	}
}

// The same for 1.8's default limits of the index, which are set low here.
func TestAnswersToTooManySeriesAreAsRecorded(t *testing.T) {
	server := testenv.OwnInflux(t, influxd.Options{Version: influxd.V1, Auth: true})
	path := filepath.Join(filepath.Dir(server.LogPath()), "influxdb.conf")
	conf, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	limited := strings.Replace(string(conf), `index-version = "tsi1"`, `index-version = "inmem"
  max-values-per-tag = 3
  max-series-per-database = 8`, 1)
	if limited == string(conf) {
		t.Fatalf("%s names no index-version", path)
	}
	if err := os.WriteFile(path, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, server, influxd.V1+"-limits")
}

// compare sends the requests in a file, in their order, and compares the responses, or
// records them.
func compare(t *testing.T, server *influxd.Server, file string) {
	t.Helper()
	if err := server.CreateBucket(t.Context(), "short", 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	known := credentials(t, server)
	exchanges, err := influxfake.ReadExchanges(fileOf(file))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range exchanges {
		who, ok := known[e.As]
		if !ok {
			t.Fatalf("%s: unknown credentials %q", e.Name, e.As)
		}
		got := ask(t, server, e, who)
		got.Body = influxfake.Fold(fleeting.ReplaceAllString(got.Body, "$1…"))
		for name, value := range got.Header {
			got.Header[name] = influxfake.Fold(fleeting.ReplaceAllString(value, "$1…"))
		}
		if bucket := target(server, e); bucket != "" && e.Measurement() != "" {
			if got.Status >= 400 {
				// 1.8 and 2.x respond when the first shard has rejected a point, and
				// continue to write to the others.
				time.Sleep(50 * time.Millisecond)
			}
			got.Stored = count(t, server, bucket, e.Measurement())
		}
		want := e.Answer
		if !*update && (got.Status != want.Status || got.Body != want.Body || got.Stored != want.Stored || !maps.Equal(got.Header, want.Header)) {
			t.Errorf("%s %s:\ngot  %+v\nwant %+v", e.Path(), e.Name, got, want)
		}
		exchanges[i].Answer = got
	}
	if *update {
		write(t, fileOf(file), exchanges)
	}
}

// target returns the bucket of a request, if it exists.
func target(server *influxd.Server, e influxfake.Exchange) string {
	name := e.Bucket
	if e.Path() == "/write" {
		name = e.DB
		if name == mapped {
			name = server.Bucket
		}
	}
	if name != server.Bucket && name != "short" {
		return ""
	}
	return name
}

// spans are ranges of time in which a field has a single type in all requests. If a
// field has two types in two shards, a query over both returns only one.
var spans = []string{"1970-01-01", "2023-11-30", "2023-12-30", "2262-01-01"}

// eachSeries calls row for each series and span with points of a measurement, with
// their number as _value. A rejected point can leave a series without points.
func eachSeries(t *testing.T, server *influxd.Server, bucket, measurement string, row func(r influxd.Row, points int64)) {
	t.Helper()
	for i := range len(spans) - 1 {
		rows, err := server.Query(t.Context(), fmt.Sprintf(
			`from(bucket: %q) |> range(start: %sT00:00:00Z, stop: %sT00:00:00Z) |> filter(fn: (r) => r._measurement == %q) |> count()`,
			bucket, spans[i], spans[i+1], measurement))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if points, _ := r.Int("_value"); points > 0 {
				row(r, points)
			}
		}
	}
}

// count returns the number of points of a measurement with one field each in a bucket.
func count(t *testing.T, server *influxd.Server, bucket, measurement string) (n int) {
	t.Helper()
	eachSeries(t, server, bucket, measurement, func(_ influxd.Row, points int64) { n += int(points) })
	return n
}

func write(t *testing.T, path string, exchanges []influxfake.Exchange) {
	t.Helper()
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(exchanges); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
