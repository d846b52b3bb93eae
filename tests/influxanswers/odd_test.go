package influxanswers_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

// Points that InfluxDB would silently store as something else than was meant.

func eachOf(t *testing.T, test func(t *testing.T, version string)) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) { test(t, version) })
	}
}

func messages(contents ...string) (batches []service.MessageBatch) {
	for _, content := range contents {
		batches = append(batches, service.MessageBatch{service.NewMessage([]byte(content))})
	}
	return batches
}

// storedIn returns each point of a bucket, as `measurement|tag t|field=value`, in
// order.
func storedIn(t *testing.T, db *influxd.Database) (points []string) {
	t.Helper()
	err := db.Each(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 1970-01-01T00:00:00Z)`, db.Bucket), func(row influxd.Row) error {
		points = append(points, fmt.Sprintf("%q|%s|%s=%v", row.String("_measurement"), row.String("t"), row.String("_field"), row.Values["_value"]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(points)
	return points
}

// mustBeRejected checks that each rejected point begins with the message and has the
// reason after it.
func mustBeRejected(t *testing.T, rejected []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if len(rejected) != len(want) {
		t.Fatalf("rejected: %q, want %q", rejected, want)
	}
	for i, w := range want {
		if !strings.HasPrefix(rejected[i], w) {
			t.Errorf("rejected: %q, want %q", rejected[i], w)
		}
	}
}

// If this fails, a byte order mark creates a second measurement, one of two values of a
// field is silently lost, or a message without points blocks the stream.
func TestOddLines(t *testing.T) {
	eachOf(t, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		const at = " 1700000000000000000"
		rejected := influxstream.Write(t, db, "", messages(
			"\uFEFFodd,t=a f=1i"+at+"\n\uFEFFodd,t=b f=2i"+at,
			"\uFEFF"+`{"measurement":"odd","tags":{"t":"c"},"fields":{"f":3},"timestamp":1700000000000000000}`,
			"", "# a comment", "\n\n  # another\n", "\uFEFF",
			"odd,t=d f=4i"+at+"\n\nodd,t=d f=5i,g=1i,f=6i"+at,
			"odd,t=e f=7i,time=8i"+at,
			`odd,t=C:\ f=9i`+at,
			`[{"measurement":"odd","fields":{"f":10},"timestamp":1700000000000000000}]`,
			`{"measurement":"odd","fields":{"f":11,"f":12},"timestamp":1700000000000000000}`,
		))
		if got, want := storedIn(t, db), []string{`"odd"|a|f=1`, `"odd"|b|f=2`, `"odd"|c|f=3`, `"odd"|d|f=4`}; !slices.Equal(got, want) {
			t.Errorf("stored: %q, want %q", got, want)
		}
		mustBeRejected(t, rejected,
			"odd,t=d f=5i,g=1i,f=6i"+at+" | the line has the same field twice",
			"odd,t=e f=7i,time=8i"+at+" | the line has a field named time",
			`odd,t=C:\ f=9i`+at+" | the line ends in a backslash",
			`[{"measurement":"odd","fields":{"f":10},"timestamp":1700000000000000000}] | the message is a JSON array`,
			`{"measurement":"odd","fields":{"f":11,"f":12},"timestamp":1700000000000000000} | the message is ambiguous JSON`,
		)
		// The result of a real server if they are sent anyway.
		for _, line := range []string{"\uFEFFtwin f=1i" + at, "twin f=1i,f=2i" + at, "twin g=1i,time=2i" + at} {
			if err := db.Write(t.Context(), []byte(line)); err != nil {
				t.Errorf("%q is rejected, so the output need not check for it: %v", line, err)
			}
		}
		if got := len(storedIn(t, db)); got != 4+3 {
			t.Errorf("%d points that must not be sent are stored: %q", got-4, storedIn(t, db))
		}
	})
}

// If this fails, points whose measurement or bucket is not in the message are stored
// under the name null, or in the bucket of another tenant, or a point without tags is
// rejected.
func TestMissingKeys(t *testing.T) {
	eachOf(t, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		other := db.Sibling(db.Bucket + "_null")
		influxstream.Write(t, other, "create_bucket: true", messages("mine f=1i 1700000000000000000"))
		through := *db
		through.Bucket = db.Bucket + `${! if this.exists("tenant") { this.suffix } else { "" } }`
		rejected := influxstream.Write(t, &through, `measurement: '${! this.kind }'
tags: 'root = this.tags'
fields: 'root.f = this.f'
timestamp: 'root = this.ns'
`, messages(
			`{"kind":"null","f":1,"ns":1700000000000000000}`,
			`{"kind":"a","tags":{"t":"x","u":null},"f":2,"ns":1700000000000000000}`,
			`{"f":3,"ns":1700000000000000000}`,
			`{"kind":null,"f":4,"ns":1700000000000000000}`,
			`{"kind":"a","tenant":"b","f":5,"ns":1700000000000000000}`,
			`{"kind":"a","f":NaN,"ns":1700000000000000000}`,
		))
		if got, want := storedIn(t, db), []string{`"a"|x|f=2`, `"null"||f=1`}; !slices.Equal(got, want) {
			t.Errorf("stored: %q, want %q", got, want)
		}
		if got, want := storedIn(t, other), []string{`"mine"||f=1`}; !slices.Equal(got, want) {
			t.Errorf("the other tenant has %q, want %q", got, want)
		}
		mustBeRejected(t, rejected,
			`{"f":3,"ns":1700000000000000000} | the measurement is "null": ${! this.kind } finds no such key`,
			`{"kind":null,"f":4,"ns":1700000000000000000} | the measurement is "null": ${! this.kind } finds no such key`,
			`{"kind":"a","tenant":"b","f":5,"ns":1700000000000000000} | the bucket is "`+db.Bucket+`null": ${! `,
			`{"kind":"a","f":NaN,"ns":1700000000000000000} | filling in measurement: the message is not JSON: invalid character 'N'`,
		)
	})
}

// If this fails, a field that is unsigned in the bucket cannot be continued, or 1.8,
// which does not support them, gets one by default.
func TestUnsignedFieldsGoOn(t *testing.T) {
	eachOf(t, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		settings := `measurement: sys
fields: 'root.uptime = this.uptime.uint64()'
timestamp: 'root = this.ns'
`
		point := messages(`{"uptime":65,"ns":1700000060000000000}`)
		if version == influxd.V1 {
			mustBeRejected(t, influxstream.Write(t, db, settings+"unsigned: true", point), `sys uptime=65u 1700000060000000000 | unable to parse 'sys uptime=65u`)
			mustBeRejected(t, influxstream.Write(t, db, settings, point))
			if got, want := storedIn(t, db), []string{`"sys"||uptime=65`}; !slices.Equal(got, want) {
				t.Errorf("stored: %q, want %q", got, want)
			}
			return
		}
		if err := db.Write(t.Context(), []byte("sys uptime=5u 1700000000000000000")); err != nil {
			t.Fatal(err)
		}
		mustBeRejected(t, influxstream.Write(t, db, settings+"unsigned: true", point))
		if got, want := storedIn(t, db), []string{`"sys"||uptime=5`, `"sys"||uptime=65`}; !slices.Equal(got, want) {
			t.Errorf("stored: %q, want %q", got, want)
		}
		if rejected := influxstream.Write(t, db, settings, point); len(rejected) != 1 || !strings.Contains(rejected[0], "already exists as type unsigned") {
			t.Errorf("without it: %q", rejected)
		}
	})
}

// connecting writes a point and returns the first logged reason why it cannot.
func connecting(t *testing.T, output string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	log := &stopper{stop: cancel}
	builder := service.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})))
	if err := builder.SetYAML("input: { generate: { mapping: 'root = \"m f=1i 1700000000000000000\"', count: 1 } }\noutput:\n  " +
		strings.ReplaceAll(strings.TrimSpace(output), "\n", "\n  ")); err != nil {
		t.Fatal(err)
	}
	s, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		return fmt.Errorf("%w: %s", err, log.first)
	}
	return nil
}

// stopper keeps the first line of a log, and stops the stream.
type stopper struct {
	stop  func()
	once  sync.Once
	first string
}

func (s *stopper) Write(line []byte) (int, error) {
	s.once.Do(func() {
		s.first = string(line)
		s.stop()
	})
	return len(line), nil
}

// If this fails, an organisation or a bucket that is set by its id is not found for
// create_bucket and replay_window, or another retention is read.
func TestIDsInsteadOfNames(t *testing.T) {
	server := testenv.OwnInflux(t, influxd.Options{Version: influxd.V2, Auth: true})
	var orgs struct{ Orgs []struct{ ID string } }
	manage(t, server, http.MethodGet, "/api/v2/orgs?org="+server.Org, nil, &orgs)
	made := server.Sibling("made")
	made.Org = orgs.Orgs[0].ID
	write := func(db *influxd.Database, settings string) error {
		return connecting(t, influxstream.Output(db, filepath.Join(t.TempDir(), "rejected"), settings))
	}
	if err := write(made, "create_bucket: true\nretention: 240h\nreplay_window: 168h\n"); err != nil {
		t.Fatal(err)
	}
	var buckets struct{ Buckets []struct{ ID string } }
	manage(t, server, http.MethodGet, "/api/v2/buckets?name=made", nil, &buckets)
	for _, org := range []string{server.Org, made.Org} {
		for _, bucket := range []string{"made", buckets.Buckets[0].ID} {
			db := server.Sibling(bucket)
			db.Org = org
			if err := write(db, "replay_window: 168h\n"); err != nil {
				t.Errorf("org %s, bucket %s: %v", org, bucket, err)
			}
			if err := write(db, "replay_window: 480h\n"); err == nil || !strings.Contains(err.Error(), "keeps points for 240h0m0s, and replay_window is 480h0m0s") {
				t.Errorf("org %s, bucket %s, a longer window: %v", org, bucket, err)
			}
		}
	}
	nobody := server.Sibling("made")
	nobody.Org = "0123456789abcdef"
	if err := write(nobody, "create_bucket: true\n"); err == nil || !strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("an id of no organisation: %v", err)
	}
}
