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
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// usualInflux is InfluxDB's default port.
const usualInflux = 8086

// influx is the InfluxDB of the demo: the user's own, in which the ingest creates a
// bucket, or a server that the demo starts.
type influx struct {
	*influxd.Database
	progress *buildProgress
	own      bool // a server of our own
	release  func()

	ready  chan struct{} // closed when it accepts points, or when err is set
	err    error         // why it will never accept points
	server *influxd.Server
	cancel context.CancelFunc // ends a build or a start
}

// openInflux returns at once if it starts a server: building and starting continue in
// the background, see ready.
func openInflux(ctx context.Context, o Options, dir string, begin time.Time) (*influx, error) {
	ctx, cancel := context.WithCancel(ctx)
	db := &influx{ready: make(chan struct{}), progress: newBuildProgress(), cancel: cancel}
	if o.Influx.URL != "" {
		db.Database = influxd.NewDatabase(o.Influx.URL, o.Influx.Org, nameOf(begin), o.Influx.Token)
		close(db.ready)
		if err := db.Ping(ctx); err != nil {
			cancel()
			return nil, fmt.Errorf("reaching InfluxDB at %s: %w. Start it, correct --influxdb-url, or leave it out for one of the demo's own", o.Influx.URL, err)
		}
		return db, nil
	}
	port, release, err := freePort(o, usualInflux)
	if err != nil {
		cancel()
		return nil, err
	}
	const bucket = "brandpulse" // the default of the shipped pipelines
	db.own, db.release = true, release
	db.Database = influxd.NewDatabase(fmt.Sprintf("http://127.0.0.1:%d", port), "brandpulse", bucket, "")
	go func() {
		defer close(db.ready)
		db.server, db.err = influxd.Start(ctx, influxd.Options{
			Version:  influxd.V1,
			Dir:      filepath.Join(dir, "influxdb"),
			Port:     port,
			Bucket:   bucket,
			Progress: db.progress.step,
			// A user may want it, we do not.
			WithoutFlux: !o.Keep,
		})
	}()
	return db, nil
}

// died returns a channel that is closed when the demo's own server has ended.
func (db *influx) died() <-chan struct{} {
	if db.server == nil {
		return nil
	}
	return db.server.Done()
}

func (db *influx) death() error {
	return fmt.Errorf("InfluxDB has ended (%s). The end of its log %s:\n%s", db.server.Ended(), db.server.LogPath(), process.Tail(db.server.LogPath(), 3))
}

func (db *influx) close() {
	db.cancel()
	<-db.ready
	if db.server != nil {
		_ = db.server.Stop()
	}
	if db.release != nil {
		db.release()
	}
	db.Close()
}

// nameOf returns the name of a topic or bucket that the demo creates in a user's own
// server.
func nameOf(begin time.Time) string {
	return "brandpulse_demo_" + begin.UTC().Format("20060102_150405")
}

// queryLimit is how long InfluxDB may take to respond.
const queryLimit = 30 * time.Second

// stored returns the numbers of stored tweets so far.
func (db *influx) stored(ctx context.Context) (counts, error) {
	if db.own {
		return sumOwn(ctx, db.Database)
	}
	return sumStored(ctx, db.Database)
}

// final returns the numbers of stored tweets at the end of a demo, in a user's own
// server by the query that a dashboard would send.
func (db *influx) final(ctx context.Context, begin time.Time) (counts, error) {
	if db.own {
		return sumOwn(ctx, db.Database)
	}
	return finalQuery(ctx, db.Database, begin)
}

// sumOwn sums the tweets in a server of our own, which may have no Flux.
func sumOwn(ctx context.Context, db *influxd.Database) (c counts, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	sums, err := db.SumBy(ctx, "tweets", "count", "sentiment")
	if err != nil {
		return c, noResponse(err)
	}
	for name, n := range sums {
		s, ok := tweet.ParseSentiment(name)
		if !ok {
			return c, fmt.Errorf("a row has the sentiment %q", name)
		}
		c[s] = n
	}
	return c, nil
}

func noResponse(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no response within %s: %w", queryLimit, err)
	}
	return err
}

// seedQuery is the query of a dashboard: tweets per second and sentiment.
const seedQuery = `from(bucket: %q) |> range(start: %s)
  |> filter(fn: (r) => r._measurement == "tweets") |> filter(fn: (r) => r._field == "count")
  |> aggregateWindow(every: 1s, fn: sum) |> group(columns: ["sentiment"])`

// finalQuery returns seedQuery summed by sentiment over the duration of the demo. Over
// an hour, the query would return 3,600 rows without a value for each brand and
// sentiment.
func finalQuery(ctx context.Context, db *influxd.Database, begin time.Time) (counts, error) {
	return sum(ctx, db, fmt.Sprintf(seedQuery, db.Bucket, begin.UTC().Truncate(time.Second).Format(time.RFC3339)))
}

// sumStored returns the numbers of stored tweets. The server adds them up: the result
// is one row per sentiment, however many points there are.
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
// responds with "no database" to a query in Flux.
func notThereYet(err error) bool {
	return slices.ContainsFunc([]string{"could not find bucket", "database not found", "no database"}, func(said string) bool {
		return strings.Contains(err.Error(), said)
	})
}

func sum(ctx context.Context, db *influxd.Database, flux string) (c counts, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
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
	return c, noResponse(err)
}
