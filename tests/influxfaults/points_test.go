package influxfaults_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// points are the values of one series by time, in nanoseconds.
type points map[int64]int64

// start is the time of the first point.
const start = 1_700_000_000_000_000_000

// line returns a point of the series.
func line(at, value int64) string {
	return fmt.Sprintf("faults,host=a value=%di %d", value, at)
}

// sequence returns n points with different times, in batches of two messages with 50
// lines each.
func sequence(n int) (batches []service.MessageBatch, sent points) {
	sent = points{}
	var (
		lines []string
		batch service.MessageBatch
	)
	for i := range int64(n) {
		sent[start+i] = 7 * i
		lines = append(lines, line(start+i, 7*i))
		if len(lines) == 50 || i == int64(n)-1 {
			batch = append(batch, message(lines))
			lines = nil
		}
		if len(batch) == 2 || i == int64(n)-1 {
			batches = append(batches, batch)
			batch = nil
		}
	}
	return batches, sent
}

func message(lines []string) *service.Message {
	return service.NewMessage([]byte(strings.Join(lines, "\n")))
}

// read returns the points in InfluxDB. It reads each and counts it once: Flux can
// return one twice, and its sums are then too high.
func read(t testing.TB, db *influxd.Database) points {
	t.Helper()
	stored := points{}
	query := fmt.Sprintf(`from(bucket: %q) |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "faults" and r._field == "value")`, db.Bucket)
	err := db.Each(t.Context(), query, func(row influxd.Row) error {
		value, ok := row.Int("_value")
		if !ok {
			return fmt.Errorf("a value is %v, not an integer", row.Values["_value"])
		}
		stored[row.Time("_time").UnixNano()] = value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// mustHold compares the points in InfluxDB with those that were sent.
func mustHold(t testing.TB, db *influxd.Database, sent points) {
	t.Helper()
	if err := compare(read(t, db), sent); err != nil {
		t.Error(err)
	}
}

func compare(stored, sent points) error {
	if maps.Equal(stored, sent) {
		return nil
	}
	missing, wrong, unknown := 0, 0, 0
	for at, value := range sent {
		switch got, ok := stored[at]; {
		case !ok:
			missing++
		case got != value:
			wrong++
		}
	}
	for at := range stored {
		if _, ok := sent[at]; !ok {
			unknown++
		}
	}
	return fmt.Errorf("of %d points %d are missing and %d have another value; %d were never sent", len(sent), missing, wrong, unknown)
}
