package influxanswers_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

func point(measurement string, i int) service.MessageBatch {
	return service.MessageBatch{service.NewMessage(fmt.Appendf(nil, "%s f=%di %d", measurement, i, 1_700_000_000_000_000_000+i))}
}

// If this fails, a real server does not accept the writer by the v1 API: a user of 1.8,
// or a v1 authorisation of 2.7 and a mapped database.
func TestUserAndPassword(t *testing.T) {
	for version, user := range map[string]string{influxd.V1: "writer", influxd.V2: "v1 writer"} {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version, Auth: true})
			who := credentials(t, server)[user]
			bucket := server.Bucket
			if version == influxd.V2 {
				bucket = mapped + "/weekly"
			}
			influxstream.Run(t, fmt.Sprintf(`influxdb: { url: %q, username: %q, password: %q, bucket: %q }`, server.URL, who.user, who.password, bucket),
				[]service.MessageBatch{point("by_user", 1), point("by_user", 2)})
			if n := countIn(t, server.Database, "by_user"); n != 2 {
				t.Errorf("%d points are stored", n)
			}
		})
	}
}

// If this fails, a real server's response for a missing bucket that a message names
// differs from what the output expects.
func TestEachMessageHasItsBucket(t *testing.T) {
	testenv.EachInflux(t, influxd.V1, func(t *testing.T, version string) {
		one, other := testenv.Influx(t, version), testenv.Influx(t, version)
		buckets := []string{one.Bucket, other.Bucket, one.Bucket + "-nobody"}
		if version == influxd.V1 {
			buckets = append(buckets, one.Bucket+"/nobody")
		}
		var batches []service.MessageBatch
		for i := range 10 * len(buckets) {
			batch := point("by_bucket", i)
			batch[0].MetaSetMut("to", buckets[i%len(buckets)])
			batches = append(batches, batch)
		}
		through := *one
		through.Bucket = "${! @to }"
		rejected := influxstream.Write(t, &through, "", batches)
		for _, db := range []*influxd.Database{one, other} {
			if n := countIn(t, db, "by_bucket"); n != 10 {
				t.Errorf("%s holds %d points, want 10", db.Bucket, n)
			}
		}
		if len(rejected) != 10*(len(buckets)-2) || slices.ContainsFunc(rejected, func(line string) bool { return !strings.Contains(line, "not found") }) {
			t.Errorf("rejected: %q", rejected)
		}
	})
}

// If this fails, the retention of a real server's bucket is not read, or misread.
func TestReplayWindow(t *testing.T) {
	testenv.EachInflux(t, influxd.V1, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		made := *db
		made.Bucket = db.Bucket + "-made"
		influxstream.Write(t, &made, "create_bucket: true\nretention: 240h\nreplay_window: 168h", []service.MessageBatch{point("replay", 1)})
		influxstream.Write(t, db, "replay_window: 168h", []service.MessageBatch{point("replay", 1)}) // kept forever

		// The existing bucket keeps points for ten days, and must not be changed.
		var log strings.Builder
		builder := service.NewStreamBuilder()
		builder.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
		if err := builder.SetYAML("input: { generate: { mapping: 'root = \"m f=1i 1\"', count: 1 } }\noutput:\n  " +
			strings.ReplaceAll(strings.TrimSpace(influxstream.Output(&made, filepath.Join(t.TempDir(), "rejected"), "replay_window: 480h\n")), "\n", "\n  ")); err != nil {
			t.Fatal(err)
		}
		s, err := builder.Build()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := s.Run(ctx); err == nil {
			t.Error("the stream has ended by itself")
		}
		if !strings.Contains(log.String(), "keeps points for 240h0m0s, and replay_window is 480h0m0s") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// If this fails, the replacement of text that line protocol cannot carry is stored as
// something else.
func TestReplacedPointsComeBack(t *testing.T) {
	testenv.EachInflux(t, influxd.V1, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		m := service.NewMessage(nil)
		m.SetStructured(map[string]any{
			"measurement": "line one\nline two", "timestamp": int64(1_700_000_000_000_000_000),
			"tags":   map[string]any{`dir\`: `C:\`, "empty": "", "time": "x"},
			"fields": map[string]any{"f\n": "a\\", "_field": 1.5},
		})
		if rejected := influxstream.Write(t, db, "on_unsupported: replace", []service.MessageBatch{{m}}); len(rejected) > 0 {
			t.Fatalf("rejected: %q", rejected)
		}
		var got []string
		err := db.Each(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z)`, db.Bucket), func(row influxd.Row) error {
			_, empty := row.Values["empty"]
			got = append(got, fmt.Sprint(row.String("_measurement"), "|", row.String("dir/"), "|", row.String("time_"), "|", empty, "|", row.String("_field"), "=", row.Values["_value"]))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if want := []string{`line one line two|C:/|x|false|_field_=1.5`, `line one line two|C:/|x|false|f =a\`}; !slices.Equal(got, want) {
			t.Errorf("stored: %q, want %q", got, want)
		}
	})
}

// countIn returns the number of points of a measurement in a bucket.
func countIn(t *testing.T, db *influxd.Database, measurement string) (n int64) {
	t.Helper()
	rows, err := db.Query(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == %q) |> count()`, db.Bucket, measurement))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		points, _ := row.Int("_value")
		n += points
	}
	return n
}
