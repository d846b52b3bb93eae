// Package demo runs the whole path on one machine: an embedded Kafka, a real
// InfluxDB, and the shipped pipelines between them as processes of their own.
// At the end it compares what InfluxDB holds with what Kafka held.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// Options say what to run.
type Options struct {
	Count int64   // tweets; 0 until the context ends
	Rate  float64 // tweets/s; 0 as fast as it goes
	Mode  string  // fixed or volatile
	Seed  int64   // 0 draws one
	Exact bool    // read by whole RecordBatches, and crash the ingest on the way
	Keep  bool    // leave Kafka and InfluxDB running at the end until the context ends again

	// Dashboard serves the page that shows all of it.
	Dashboard bool

	// KafkaBrokers are those of a Kafka that runs already; empty embeds one.
	KafkaBrokers string
	// Influx is an InfluxDB that runs already; an empty URL starts one.
	Influx InfluxOptions

	// Binary runs the pipelines: brandpulse-connect itself.
	Binary string
	// Terminal says that Out is one, and rows may be drawn over.
	Terminal bool
	Out      io.Writer
}

// InfluxOptions reach an InfluxDB that runs already. The demo makes a bucket
// of its own in it.
type InfluxOptions struct {
	URL, Token, Org string
}

// drainLimit is how long the ingest may make no progress, once the generator
// has ended, before the demo gives up on it.
const drainLimit = 30 * time.Second

// Run runs the demo. stop ends the generator early, and the rest goes on until
// all that is in Kafka is stored; ctx ends everything. equal says whether
// InfluxDB holds what Kafka held.
func Run(ctx context.Context, stop <-chan struct{}, o Options) (equal bool, err error) {
	dir, err := os.MkdirTemp("", folderName)
	if err != nil {
		return false, fmt.Errorf("making a folder for the demo: %w", err)
	}
	interrupted := false
	defer func() { cleanUp(o.Out, dir, (err != nil || !equal) && !interrupted) }()
	begin := time.Now()
	name := "brandpulse_demo_" + begin.UTC().Format("20060102_150405")

	// Until there is something to end in good order, stop ends all.
	setUp, done := untilStopped(ctx, stop)
	defer done()
	running := false
	defer func() { interrupted = ctx.Err() != nil || !running && setUp.Err() != nil }()
	kafka, err := openKafka(setUp, o.KafkaBrokers, dir, name)
	if err != nil {
		return false, err
	}
	defer kafka.close()
	database, closeInflux, err := openInflux(setUp, o, dir, name)
	if err != nil {
		return false, err
	}
	defer closeInflux()

	addresses, err := httpAddresses()
	if err != nil {
		return false, err
	}
	page, closeDashboard, err := serveDashboard(ctx, o, kafka, database, addresses)
	if err != nil {
		return false, err
	}
	defer closeDashboard()
	if page != "" {
		fmt.Fprintf(o.Out, "Dashboard %s\n", page)
	}
	fmt.Fprintf(o.Out, "Kafka     %s  topic %s\nInfluxDB  %s  bucket %s\nlogs      %s\n\n",
		kafka.brokers, kafka.topic, database.URL, database.Bucket, dir)

	tally, err := startTally(ctx, kafka)
	if err != nil {
		return false, err
	}
	defer tally.close()
	pipes, err := startPipelines(dir, o, kafka, database, addresses)
	if err != nil {
		return false, err
	}
	defer pipes.close(ctx)

	running = true
	v := newView(o)
	why := newHindrance(dir, func() string { return pipes.ingest.Tail(10) }, v)
	if err := watch(ctx, stop, pipes, kafka, tally, database, v, why, o.crashes()); err != nil {
		return false, err
	}
	held, err := tally.whole(ctx)
	if err != nil {
		return false, err
	}
	stored, err := finalQuery(ctx, database, begin)
	if err != nil {
		return false, err
	}
	v.result(held, stored)

	if o.Keep {
		fmt.Fprintf(o.Out, "\n%s go on, at the addresses above. Ctrl-C ends them.\n", whatGoesOn(o))
		fmt.Fprintf(o.Out, "An independent reader compares both ends:\n\n  %s\n\n", auditCommand(o, dir, kafka, database))
		select {
		case <-ctx.Done():
		case <-again(stop):
		}
	}
	return held == stored, nil
}

// auditCommand is the command line that compares what the demo has left.
func auditCommand(o Options, dir string, k *kafka, db *influxd.Database) string {
	line := []string{
		o.Binary, "audit", filepath.Join(dir, o.ingestConfig()),
		"--brokers", k.brokers, "--topic", k.topic, "--dead-topic", k.dead, "--group", k.group,
		"--influxdb-url", db.URL, "--influxdb-bucket", db.Bucket,
	}
	if db.Token != "" {
		line = append(line, "--influxdb-org", db.Org)
	}
	return strings.Join(line, " ")
}

// ingestConfig is the shipped pipeline that the demo reads with.
func (o Options) ingestConfig() string {
	if o.Exact {
		return "exact.yaml"
	}
	return "ingest.yaml"
}

func whatGoesOn(o Options) string {
	if o.Dashboard {
		return "Kafka, InfluxDB and the dashboard"
	}
	return "Kafka and InfluxDB"
}

// crashes are the numbers of stored tweets at which the ingest is killed: three on
// the way.
func (o Options) crashes() []int64 {
	if !o.Exact {
		return nil
	}
	count := o.Count
	if count == 0 {
		count = 1_000_000
	}
	return []int64{count / 4, count / 2, count * 3 / 4}
}

// untilStopped gives a context that ends when ctx does, or with a signal to stop.
func untilStopped(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// again waits for a second signal where the first one has been used up by
// ending the generator.
func again(stop <-chan struct{}) <-chan struct{} {
	select {
	case <-stop:
		return nil
	default:
		return stop
	}
}

// watch shows how far all is, until everything that is in Kafka is stored.
//
// At each number of stored tweets in crashes, the ingest is killed.
func watch(ctx context.Context, stop <-chan struct{}, pipes *pipelines, kafka *kafka, tally *tally, db *influxd.Database, v *view, why *hindrance, crashes []int64) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var (
		generated    bool
		lastStored   counts
		lastProgress = time.Now()
		ending       = make(chan error, 1)
	)
	for {
		select {
		case <-ctx.Done():
			return errors.New("interrupted")
		case <-stop:
			stop = nil
			v.say("Stopping the generator; what it has sent is still stored. Ctrl-C once more ends at once.")
			pipes.stopped = true
			go func() { ending <- pipes.endGenerator() }()
			continue
		case err := <-ending:
			if err != nil {
				return err
			}
			continue
		case <-tick.C:
		}
		if err := pipes.check(); err != nil {
			return err
		}
		generated = generated || pipes.generated()
		held := tally.counts()
		stored, err := sumStored(ctx, db)
		if err != nil {
			return err
		}
		v.row(held, stored)
		if err := why.look(time.Now(), held, stored); err != nil {
			return err
		}
		if len(crashes) > 0 && stored.total() >= crashes[0] {
			crashes = crashes[1:]
			if err := pipes.crashIngest(); err != nil {
				return err
			}
			v.say("Killed the ingest (SIGKILL). It goes on from its last commit, and writes again what it had written since.")
		}
		if stored != lastStored {
			lastStored, lastProgress = stored, time.Now()
		}
		if err := kafka.trim(ctx); err != nil {
			return err
		}
		if !generated {
			continue
		}
		if held, err = tally.whole(ctx); err != nil {
			return err
		}
		// More than Kafka holds is as wrong as less, and does not get better.
		if stored.total() >= held.total() {
			v.clearBar()
			return nil
		}
		if time.Since(lastProgress) > drainLimit {
			v.clearBar()
			v.say("The ingest has stored nothing for %s; its log ends with:\n%s", drainLimit, pipes.ingest.Tail(10))
			return nil
		}
	}
}
