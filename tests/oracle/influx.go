package oracle

import (
	"context"
	"fmt"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// ReadInflux returns the sums of the field count of the measurement tweets, per second,
// brand and sentiment, over all times that InfluxDB supports. Series that differ in
// other tags are added up.
//
// It reads every point and adds them up here: aggregateWindow of 1.8.10 loses points
// from before 1970, and see eachPoint.
func ReadInflux(ctx context.Context, d *influxd.Database) (Counts, error) {
	counts := Counts{}
	err := eachPoint(ctx, d, func(row influxd.Row, count int64) {
		// Unix rounds down, also before 1970.
		counts[Key{row.Time("_time").Unix(), row.String("brand"), row.String("sentiment")}] += count
	})
	return counts, err
}

// CountPoints returns the number of points with the field count in the measurement
// tweets.
func CountPoints(ctx context.Context, d *influxd.Database) (int64, error) {
	var points int64
	err := eachPoint(ctx, d, func(influxd.Row, int64) { points++ })
	return points, err
}

// eachPoint calls do for each point with the field count.
//
// Flux of 1.8.10 and 2.7.12 can return points twice: if a series has points in a TSM
// file and newer ones between them that are not yet in a file. When the newer ones end
// in the middle of a block, the block is returned again from its start
// (integerArrayAscendingCursor.Next of package tsm1, the branch "all points can be
// served from TSM data"). Sums in Flux are then too high. A point is identified by its
// series and time, so it is counted once here.
func eachPoint(ctx context.Context, d *influxd.Database, do func(row influxd.Row, count int64)) error {
	type point struct {
		series int // one table per series
		nanos  int64
	}
	seen := map[point]struct{}{}
	return d.Each(ctx, all(d.Bucket), func(row influxd.Row) error {
		n, ok := row.Int("_value")
		if !ok {
			return fmt.Errorf("a count is %v, not an integer", row.Values["_value"])
		}
		p := point{row.Table, row.Time("_time").UnixNano()}
		if _, again := seen[p]; !again {
			seen[p] = struct{}{}
			do(row, n)
		}
		return nil
	})
}

func all(bucket string) string {
	return fmt.Sprintf(`from(bucket: %q)
  |> range(start: 1677-09-22T00:00:00Z, stop: 2262-04-11T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "tweets" and r._field == "count")
  |> drop(columns: ["_start", "_stop", "_measurement", "_field"])`, bucket)
}

// Query is the documented query: tweets per second by sentiment. For one brand it
// returns one row per second and sentiment.
func Query(bucket string) string {
	return `from(bucket: "` + bucket + `") |> range(start: -1h)
  |> filter(fn: (r) => r._measurement == "tweets") |> filter(fn: (r) => r._field == "count")
  |> aggregateWindow(every: 1s, fn: sum) |> group(columns: ["sentiment"])`
}

// QueryRow is a row of Query.
type QueryRow struct {
	Brand     string
	Sentiment string
	Time      time.Time // the end of the second
	Tweets    int64
}

// RunQuery runs Query and leaves out seconds without tweets, whose sum is null.
func RunQuery(ctx context.Context, d *influxd.Database) ([]QueryRow, error) {
	var rows []QueryRow
	err := d.Each(ctx, Query(d.Bucket), func(row influxd.Row) error {
		switch n := row.Values["_value"].(type) {
		case nil:
		case int64:
			rows = append(rows, QueryRow{row.String("brand"), row.String("sentiment"), row.Time("_time"), n})
		default:
			return fmt.Errorf("a sum is %v, not an integer", n)
		}
		return nil
	})
	return rows, err
}
