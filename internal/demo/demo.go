// Package demo runs everything on one machine: an embedded Kafka, a real InfluxDB, and
// the shipped pipelines between them, each in a process of its own. At the end it
// compares the contents of InfluxDB and Kafka.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// ErrInterrupted is returned by Run if it was stopped before the comparison. Run has
// printed a message then.
var ErrInterrupted = errors.New("interrupted")

// Run runs the demo. stop ends the generator early; the demo continues until everything
// in Kafka is stored. ctx ends everything. equal reports whether InfluxDB holds what
// Kafka held.
func Run(ctx context.Context, stop <-chan struct{}, o Options) (equal bool, err error) {
	if err := o.Check(); err != nil {
		return false, err
	}
	var told *story
	if o.Spike {
		if told, err = readStory(o.Speed); err != nil {
			return false, err
		}
		o.Count, o.Rate = told.shape.Total(), told.peak
	}
	dir, err := os.MkdirTemp("", folderName)
	if err != nil {
		return false, fmt.Errorf("creating a folder for the demo: %w", err)
	}
	interrupted := false
	defer func() { cleanUp(o.Out, dir, (err != nil || !equal) && !interrupted) }()
	begin := time.Now()

	// Until InfluxDB accepts points there is nothing to end gracefully, so stop ends
	// everything.
	setUp, done := untilStopped(ctx, stop)
	defer done()
	counting := false
	defer func() {
		if err == nil || ctx.Err() == nil && (counting || setUp.Err() == nil) {
			return
		}
		interrupted, err = true, ErrInterrupted
		fmt.Fprintln(o.Out, "Interrupted before the comparison. The demo's processes and files are removed.")
	}()

	kafka, err := openKafka(setUp, o, dir, begin)
	if err != nil {
		return false, err
	}
	defer kafka.close()
	db, err := openInflux(setUp, o, dir, begin)
	if err != nil {
		return false, err
	}
	defer db.close()
	addresses, err := httpAddresses()
	if err != nil {
		return false, err
	}
	pipes := newPipelines(dir, o, kafka, db.Database, addresses)
	page, closeDashboard, err := serveDashboard(ctx, o, kafka, db.Database, pipes)
	if err != nil {
		return false, err
	}
	defer closeDashboard()
	if page != "" {
		fmt.Fprintf(o.Out, "Dashboard %s\n", page)
	}
	fmt.Fprintf(o.Out, "Kafka     %s  topic %s\nInfluxDB  %s  bucket %s\nlogs      %s\n\n",
		kafka.brokers, kafka.topic, db.URL, db.Bucket, dir)

	tally, err := startTally(ctx, kafka)
	if err != nil {
		return false, err
	}
	defer tally.close()
	defer pipes.close(ctx)

	w := &watcher{
		stop: stop, pipes: pipes, kafka: kafka, tally: tally, db: db,
		view: newView(o), crashes: o.crashes(),
	}
	w.why = newHindrance(dir, func() string { return lastError(pipes.ingest.Tail(100)) }, w.view)
	// A crash must hit an ingest with work to do: behind a generator that is far ahead,
	// the ingest would have stored everything at once. And a spike is one only for an
	// ingest that reads what comes.
	late := o.Crash || o.Spike
	if !late {
		if err := pipes.startGenerator(); err != nil {
			return false, err
		}
	}
	if err := w.untilReady(setUp); err != nil {
		return false, err
	}
	counting = true
	if err := pipes.startReaders(); err != nil {
		return false, err
	}
	if o.Spike {
		w.spike = newSpike(told, o, dir, w.view, pipes)
		w.spike.introduce()
	}
	if late {
		if err := pipes.startGenerator(); err != nil {
			return false, err
		}
	}
	if err := w.untilStored(ctx); err != nil {
		return false, err
	}
	held, err := tally.whole(ctx)
	if err != nil {
		return false, err
	}
	stored, err := db.final(ctx, begin)
	if err != nil {
		return false, err
	}
	w.view.result(held, stored)
	equal = held == stored
	if w.spike != nil {
		audited, err := w.spike.end(ctx)
		if err != nil {
			return false, err
		}
		equal = equal && audited
	}
	if o.Keep {
		fmt.Fprint(o.Out, keepText(o, dir, page != "", kafka, db.Database))
		if err := w.keep(ctx); err != nil {
			return false, err
		}
	}
	return equal, nil
}

// untilStopped returns a context that ends when ctx does or on a signal to stop.
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

// brokerList splits brokers at commas.
func brokerList(brokers string) []string { return strings.Split(brokers, ",") }
