package oracle

import (
	"context"
	"fmt"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// ReadInflux gives the sums of the field count of the measurement tweets, per
// second, brand and sentiment, over all times that InfluxDB knows. Series that
// other tags keep apart are added up.
//
// It reads every point and adds up here: aggregateWindow of 1.8.10 loses points
// from before 1970, and see eachPoint.
func ReadInflux(ctx context.Context, d *influxd.Database) (Counts, error) {
	counts := Counts{}
	err := eachPoint(ctx, d, func(row influxd.Row, count int64) {
		// Unix rounds down, before 1970 too.
		counts[Key{row.Time("_time").Unix(), row.String("brand"), row.String("sentiment")}] += count
	})
	return counts, err
}

// CountPoints gives how many points with the field count the measurement
// tweets has.
func CountPoints(ctx context.Context, d *influxd.Database) (int64, error) {
	var points int64
	err := eachPoint(ctx, d, func(influxd.Row, int64) { points++ })
	return points, err
}

// eachPoint calls do for each point with the field count.
//
// Flux of 1.8.10 and 2.7.12 can give points twice: a series that has points in
// a TSM file and newer ones, not yet written to one, between them. When the
// newer ones are used up in the middle of a block, the block is given once more
// from its start (integerArrayAscendingCursor.Next of package tsm1, the branch
// "all points can be served from TSM data"). Sums of Flux are too high then. A
// point is its series and time, so it is counted once here.
func eachPoint(ctx context.Context, d *influxd.Database, do func(row influxd.Row, count int64)) error {
	type point struct {
		series int // there is one table for each
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

// Query is the one that users of the point format are told: tweets per second
// by sentiment. For one brand it gives one row a second and sentiment.
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

// RunQuery runs Query and leaves out the rows of seconds without a tweet, whose
// sum is null.
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
