package influxbench

import (
	"maps"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// What the peers are set to: as the output `influxdb` is by default.
const (
	pointsPerRequest = 4000
	requestsInFlight = 2
)

// writer is one way to write points.
type writer struct {
	name string
	// prepare makes all that is handed to the writer. What is measured is run: it
	// writes the points and returns when they are stored, or given up. end frees
	// what run has used. Bodies are compressed if zipped.
	prepare func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func())
}

// contest is the writers of one kind of points.
type contest struct {
	points  points
	limit   writer
	writers []writer
}

var contests = []contest{
	{windowPoints, preBuilt, []writer{
		outputLines(3000, inFlight), outputLines(30, inFlight), outputLines(30, 64), outputPoints(30),
		clientRecords, clientPoints, telegrafSerializer,
	}},
	{tweetPoints, preBuilt, []writer{
		outputLines(3000, inFlight), outputPoints(3000),
		clientRecords, clientPoints, telegrafSerializer,
	}},
}

// TestWritersStoreAllPoints breaks if a writer is ahead because it leaves
// something away, or writes other points than the rest.
func TestWritersStoreAllPoints(t *testing.T) {
	for _, contest := range contests {
		points := contest.points
		points.n = 2*pointsPerRequest + 100
		want := map[string]int{}
		for _, line := range points.records() {
			want[line[:len(line)-1]]++
		}
		for _, writer := range append(contest.writers, contest.limit) {
			for _, zipped := range []bool{false, true} {
				t.Run(points.kind+"/"+writer.name, func(t *testing.T) {
					fake := influxfake.New(influxfake.Options{})
					url, stop := fake.Listen()
					defer stop()
					run, end := writer.prepare(t, points, influxd.NewDatabase(url, "org", "bucket", ""), zipped)
					run()
					end()
					if got := fake.Stored(); !maps.Equal(got, want) {
						t.Fatalf("%d of %d points are stored", len(got), len(want))
					}
				})
			}
		}
	}
}
