package dlq_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/line"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// pointsOf returns the points of a bucket as BRAND=COUNT.
func pointsOf(t *testing.T, b *influxd.Database) (points []string) {
	t.Helper()
	r, err := influxread.Open(t.Context(), influxread.Options{URL: b.URL, Org: b.Org, Bucket: b.Bucket, Token: b.Token, Measurement: "tweets"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Points(t.Context(), influxread.MinNanos, influxread.MaxNanos, func(p influxread.Point) error {
		points = append(points, fmt.Sprintf("%s=%d", p.Brand, p.Count))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(points)
	return points
}

// rejectedPoint returns the letter of a point that counts ten record offsets.
func rejectedPoint(dead string, offset int, brand, count string) *kgo.Record {
	h := append(ours("rejected", "tweets", 0, int64(offset)), headers("dead_last_offset", fmt.Sprint(offset+9))...)
	return letter(dead, offset, fmt.Sprintf("tweets,brand=%s,sentiment=neutral count=%s 1767225600000000000", brand, count), h)
}

// into returns the flags that name a bucket.
func into(b *influxd.Database) []string {
	return []string{"--influxdb-url", b.URL, "--influxdb-bucket", b.Bucket, "--influxdb-org", b.Org, "--influxdb-token", b.Token}
}

// replayPoints replays points into a bucket, and returns the output.
func replayPoints(t *testing.T, c *testenv.Cluster, wantCode int, dead string, bucket *influxd.Database, args ...string) string {
	t.Helper()
	return dlq(t, c, wantCode, slices.Concat([]string{"replay", "--dead-topic", dead, "--yes"}, into(bucket), args)...)
}

// keyOf returns the key of a letter's mark.
func keyOf(r *kgo.Record) string {
	var headers []deadletter.Header
	for _, h := range r.Headers {
		headers = append(headers, deadletter.Header{Name: h.Key, Value: h.Value})
	}
	l := deadletter.Read(deadletter.Record{Value: r.Value, Headers: headers})
	return marks.Key(&l, [16]byte{})
}

// If this fails, a rejected point is not written, is taken for written although InfluxDB
// rejects it again, or is written with another line while the first may be stored.
func TestRejectedPointsAreReplayed(t *testing.T) {
	t.Parallel()
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := testenv.Kafka(t)
			bucket := testenv.Influx(t, version)
			if err := bucket.Write(t.Context(), []byte("tweets,brand=Before,sentiment=neutral count=1i 1767225600000000000")); err != nil {
				t.Fatal(err)
			}
			dead := c.Topic(t, 1)
			killed := rejectedPoint(dead, 30, "Killed", "4i")
			c.Produce(t, rejectedPoint(dead, 0, "Good", "2i"), rejectedPoint(dead, 0, "Good", "2i"), rejectedPoint(dead, 10, "Float", "1.5"), rejectedPoint(dead, 20, "Tea", "3i"), killed)

			// A replay with a mapping was killed after it had written this line, or before.
			s, err := settle.Open(t.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, dead)
			if err != nil {
				t.Fatal(err)
			}
			intended := strings.Replace(string(killed.Value), "Killed", "Fixed", 1)
			mark := marks.Mark{Outcome: marks.Intended, Hash: line.Hash([]byte(intended))}
			if err := s.Settle(t.Context(), []settle.Item{{Key: keyOf(killed), Mark: mark}}); err != nil {
				t.Fatal(err)
			}
			s.Close()

			if out := dlq(t, c, 0, "replay", "--dead-topic", dead, "--yes"); !strings.Contains(out, "Name it with --pipeline") {
				t.Errorf("without a bucket it says\n%s", out)
			}
			replay := func(code int, args ...string) string {
				t.Helper()
				return replayPoints(t, c, code, dead, bucket, args...)
			}
			if out := replay(1); !strings.Contains(out, "another line was written for it by an earlier replay") {
				t.Errorf("another line than that of the killed replay:\n%s", out)
			}
			if got, want := pointsOf(t, bucket), []string{"Before=1"}; !slices.Equal(got, want) {
				t.Fatalf("stored are %q, not %q", got, want)
			}
			rename := `root = content().string().replace_all("brand=Killed", "brand=Fixed")`
			out := replay(0, "--fix", rename)
			for _, says := range []string{"4 letters of " + dead + " to replay, to the bucket " + bucket.Bucket, "3 letters settled", "1 letter not settled: InfluxDB rejects the point again", "field type conflict"} {
				if !strings.Contains(out, says) {
					t.Errorf("it does not say %q:\n%s", says, out)
				}
			}
			if bucket.Token != "" && strings.Contains(out, bucket.Token) {
				t.Error("the token is printed")
			}
			stored := []string{"Before=1", "Fixed=4", "Good=2", "Tea=3"}
			if got := pointsOf(t, bucket); !slices.Equal(got, stored) {
				t.Errorf("stored are %q, not %q", got, stored)
			}
			if out := replay(0, "--fix", `root = content().string().replace_all("count=1.5", "count=5i")`, "--max-replays", "2"); !strings.Contains(out, "+ value: tweets,brand=Float,sentiment=neutral count=5i") || !strings.Contains(out, "1 letter settled") {
				t.Errorf("with a mapping that repairs it:\n%s", out)
			}
			stored = append(stored, "Float=5")
			slices.Sort(stored)
			if got := pointsOf(t, bucket); !slices.Equal(got, stored) {
				t.Errorf("stored are %q, not %q", got, stored)
			}
			if l := list(t, c, "--dead-topic", dead); l.Letters != 0 {
				t.Errorf("%d letters are still listed", l.Letters)
			}
		})
	}
}
