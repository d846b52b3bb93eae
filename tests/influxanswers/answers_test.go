// Package influxanswers_test asks real InfluxDBs the questions that decide what
// the influxdb output does with points, and compares their answers with those
// recorded in plugins/influxdb/testdata/answers, from which the output and the
// fake InfluxDB are tested every day, and docs/influxdb-answers.md is made.
//
// To record them anew: go test ./tests/influxanswers -update
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

// fleeting is what differs from one time to the next in the same answer: ids and
// times of this century's later years.
var fleeting = regexp.MustCompile(`(Lower Bound at |for database: | at )(20(?:2[4-9]|[3-9][0-9])-[^ ,"]+|[0-9a-f]{16})`)

func fileOf(name string) string {
	return filepath.Join("..", "..", "plugins", "influxdb", "testdata", "answers", name+".json")
}

// TestAnswersAreAsRecorded breaks if a server answers otherwise than the output
// has been built for, or stores another part of a request.
func TestAnswersAreAsRecorded(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version, Auth: true})
			compare(t, server, version)
		})
	}
}

// TestAnswersToTooManySeriesAreAsRecorded is the same for the limits of the index
// that 1.8 has unless it is told otherwise. They are set low.
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

// compare asks a server what a file holds, in its order, and compares the
// answers, or records them.
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
			t.Fatalf("%s: nobody is called %q", e.Name, e.As)
		}
		got := ask(t, server, e, who)
		got.Body = influxfake.Fold(fleeting.ReplaceAllString(got.Body, "$1…"))
		for name, value := range got.Header {
			got.Header[name] = influxfake.Fold(fleeting.ReplaceAllString(value, "$1…"))
		}
		if bucket := target(server, e); bucket != "" && e.Measurement() != "" {
			if got.Status >= 400 {
				// 1.8 and 2.x answer when the first shard has refused a point,
				// and go on writing to the others.
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

// target is the bucket that a question is about, if it is there.
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

// spans are times between which a field has one type alone in all questions. Of a
// field with two types in two shards, a query over both finds one type alone.
var spans = []string{"1970-01-01", "2023-11-30", "2023-12-30", "2262-01-01"}

// eachSeries calls row for each series and span that holds points of a
// measurement, with their number as _value. A refused point can leave a series
// without points.
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

// count is how many points of a measurement with one field each a bucket holds.
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
