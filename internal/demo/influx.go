package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// openInflux gives the database of the demo: one of the user's, in which the
// ingest makes a bucket, or a server of our own.
func openInflux(ctx context.Context, o Options, dir, bucket string) (db *influxd.Database, closeFn func(), err error) {
	if o.Influx.URL != "" {
		db = influxd.NewDatabase(o.Influx.URL, o.Influx.Org, bucket, o.Influx.Token)
		return db, db.Close, nil
	}
	progress := &buildProgress{out: o.Out, terminal: o.Terminal}
	server, err := influxd.Start(ctx, influxd.Options{
		Version:  influxd.V1,
		Dir:      filepath.Join(dir, "influxdb"),
		Progress: progress.step,
	})
	progress.end()
	if err != nil {
		return nil, nil, err
	}
	return server.Database, func() { _ = server.Stop() }, nil
}

// seedQuery is what a dashboard asks: tweets per second and sentiment.
const seedQuery = `from(bucket: %q) |> range(start: %s)
  |> filter(fn: (r) => r._measurement == "tweets") |> filter(fn: (r) => r._field == "count")
  |> aggregateWindow(every: 1s, fn: sum) |> group(columns: ["sentiment"])`

// finalQuery sums that query by sentiment. Its range is the last hour, or the
// time of the demo if that is longer.
func finalQuery(ctx context.Context, db *influxd.Database, begin time.Time) (counts, error) {
	start := "-1h"
	if time.Since(begin) > 55*time.Minute {
		start = begin.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	return sum(ctx, db, fmt.Sprintf(seedQuery, db.Bucket, start))
}

// sumStored is what is stored so far. It lets the server add up: one row a
// sentiment comes back, however many points there are.
func sumStored(ctx context.Context, db *influxd.Database) (counts, error) {
	c, err := sum(ctx, db, fmt.Sprintf(`from(bucket: %q) |> range(start: -30d)
  |> filter(fn: (r) => r._measurement == "tweets" and r._field == "count")
  |> group(columns: ["sentiment"]) |> sum()`, db.Bucket))
	if err != nil && notThereYet(err) {
		return counts{}, nil
	}
	return c, err
}

// notThereYet reports whether the ingest has not created the bucket yet. InfluxDB 1.8
// says "no database" to a query in Flux.
func notThereYet(err error) bool {
	return slices.ContainsFunc([]string{"could not find bucket", "database not found", "no database"}, func(said string) bool {
		return strings.Contains(err.Error(), said)
	})
}

func sum(ctx context.Context, db *influxd.Database, flux string) (c counts, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = db.Each(ctx, flux, func(row influxd.Row) error {
		s, ok := tweet.ParseSentiment(row.String("sentiment"))
		if !ok {
			return fmt.Errorf("a row has the sentiment %q", row.String("sentiment"))
		}
		// A window without tweets is a row without a value.
		if n, ok := row.Int("_value"); ok {
			c[s] += n
		}
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return c, fmt.Errorf("asking InfluxDB took longer than 30 s: %w", err)
	}
	return c, err
}
