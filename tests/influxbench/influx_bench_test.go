package influxbench

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"testing"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const benchRounds = 5

// influxVariable chooses the version of InfluxDB; 1.8.10 if it is not set.
const influxVariable = "BRANDPULSE_BENCH_INFLUXDB"

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// BenchmarkInfluxDB has every writer write the same points to a real InfluxDB,
// in turn, and prints a table for each kind of points, with compressed bodies
// and without. One iteration is all rounds.
func BenchmarkInfluxDB(b *testing.B) {
	for _, contest := range contests {
		for _, zipped := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/gzip=%t", contest.points.kind, zipped), func(b *testing.B) {
				server := newServer(b)
				for range b.N {
					limit := rounds.Row{Name: contest.limit.name}
					rows := make([]rounds.Row, len(contest.writers))
					for round := range benchRounds {
						limit.Readings = append(limit.Readings, server.measure(b, contest.limit, contest.points, zipped))
						for i := range rows {
							i = (i + round) % len(rows) // nobody always follows the same one
							rows[i].Name = contest.writers[i].name
							rows[i].Readings = append(rows[i].Readings, server.measure(b, contest.writers[i], contest.points, zipped))
						}
					}
					b.Logf("%d points, InfluxDB %s on the same %d cores, medians of %d rounds:\n%s",
						contest.points.n, server.Version, runtime.NumCPU(), benchRounds, rounds.Table("points", limit, rows...))
				}
			})
		}
	}
}

// BenchmarkWriter is one writer by itself, for a profile.
func BenchmarkWriter(b *testing.B) {
	for _, contest := range contests {
		for _, zipped := range []bool{true, false} {
			for _, writer := range append(contest.writers, contest.limit) {
				b.Run(fmt.Sprintf("%s/gzip=%t/%s", contest.points.kind, zipped, writer.name), func(b *testing.B) {
					server := newServer(b)
					for range b.N {
						got := server.measure(b, writer, contest.points, zipped)
						b.ReportMetric(got.Rate, "points/s")
						b.ReportMetric(got.CPU, "cpu-s/Mpoints")
					}
				})
			}
		}
	}
}

// server is the InfluxDB that is written to.
type server struct {
	*influxd.Server
	buckets int
}

func newServer(b *testing.B) *server {
	version := cmp.Or(os.Getenv(influxVariable), influxd.V1)
	return &server{Server: testenv.OwnInflux(b, influxd.Options{Version: version})}
}

// measure lets a writer write all points into a bucket of its own, and counts
// what is stored there.
func (s *server) measure(b *testing.B, w writer, p points, zipped bool) rounds.Reading {
	b.Helper()
	s.buckets++
	to := s.Sibling(fmt.Sprintf("bench-%d", s.buckets))
	if err := s.CreateBucket(b.Context(), to.Bucket, 0); err != nil {
		b.Fatal(err)
	}
	defer s.drop(b, to.Bucket)
	run, end := w.prepare(b, p, to, zipped)
	// What the one before has left over is not this one's work.
	runtime.GC()
	cpu, began := rounds.CPU(b), time.Now()
	run()
	took, used := time.Since(began), rounds.CPU(b)-cpu
	end()
	if n := count(b, to, p); n != p.n {
		b.Errorf("%s: %d of %d points are stored", w.name, n, p.n)
	}
	return rounds.Reading{
		Rate: float64(p.n) / took.Seconds(),
		CPU:  used.Seconds() / float64(p.n) * 1e6,
	}
}

// drop removes a bucket with its points.
func (s *server) drop(b *testing.B, bucket string) {
	b.Helper()
	client := influxdb2.NewClient(s.URL, s.Token)
	defer client.Close()
	if s.Version == influxd.V1 {
		query := url.Values{"q": {fmt.Sprintf("DROP DATABASE %q", bucket)}}
		if err := client.HTTPService().DoPostRequest(b.Context(), s.URL+"/query?"+query.Encode(), nil, nil, nil); err != nil {
			b.Fatal(err)
		}
		return
	}
	found, err := client.BucketsAPI().FindBucketByName(b.Context(), bucket)
	if err != nil {
		b.Fatal(err)
	}
	if err := client.BucketsAPI().DeleteBucket(b.Context(), found); err != nil {
		b.Fatal(err)
	}
}

// count is how many points InfluxDB has.
func count(b *testing.B, in *influxd.Database, p points) int {
	b.Helper()
	from, to := p.span()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	rows, err := in.Query(ctx, fmt.Sprintf(`from(bucket: %q) |> range(start: %s, stop: %s)
  |> filter(fn: (r) => r._measurement == "tweets" and r._field == "count") |> count()`,
		in.Bucket, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339)))
	if err != nil {
		b.Fatal(err)
	}
	var n int64
	for _, row := range rows {
		count, _ := row.Int("_value")
		n += count
	}
	return int(n)
}
