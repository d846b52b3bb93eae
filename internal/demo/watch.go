package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// drainLimit is how long the ingest may make no progress, once the generator has ended,
// before the demo ends.
const drainLimit = 30 * time.Second

// watcher shows the progress and reports problems.
type watcher struct {
	stop    <-chan struct{} // nil after the signal was handled
	pipes   *pipelines
	kafka   *kafka
	tally   *tally
	db      *influx
	view    *view
	why     *hindrance
	crashes []int64 // numbers of stored tweets at which the ingest is killed
	spike   *spike  // nil without one
}

// untilReady shows what is generated while InfluxDB is built and started.
func (w *watcher) untilReady(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			// Its processes must end before the folder is removed.
			<-w.db.ready
			return ctx.Err()
		case <-w.db.ready:
			if s := w.db.progress.status(); len(s.notes) > 0 {
				w.view.building(w.tally.counts(), s)
			}
			w.view.clearBar()
			return w.db.err
		case <-tick.C:
		}
		if err := errors.Join(w.pipes.check(), w.kafka.trim(ctx), w.why.lookAtDisk(time.Now())); err != nil {
			return err
		}
		w.view.building(w.tally.counts(), w.db.progress.status())
	}
}

// untilStored returns when everything in Kafka is stored, or there is no more progress.
func (w *watcher) untilStored(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var kafkaState, influxState outage
	stored := startReading(ctx, w.db, w.tally.counts)
	defer stored.close()
	w.why.begin()
	var (
		lastStored   counts
		lastProgress = time.Now()
		ending       = make(chan error, 1)
	)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.stop:
			w.stop = nil
			if w.why.stuck(time.Now()) {
				w.pipes.hopeless = true
				return w.why.failure(time.Now())
			}
			if err := w.kafka.reachable(ctx); err != nil {
				w.pipes.hopeless = true
				return fmt.Errorf("reading Kafka at %s for the comparison: %w", w.kafka.brokers, err)
			}
			w.view.say("Stopping the generator. Tweets that it has sent are still stored. Press Ctrl-C\nagain to end at once.")
			w.pipes.stopped = true
			go func() { ending <- w.pipes.endGenerator() }()
			continue
		case err := <-ending:
			if err != nil {
				return err
			}
			continue
		case <-w.db.died():
			w.pipes.hopeless = true
			return w.db.death()
		case <-tick.C:
		}
		if err := w.pipes.check(); err != nil {
			return err
		}
		held := w.tally.counts()
		now, asking := stored.latest()
		if w.spike == nil {
			w.view.row(held, now)
		} else if err := w.spike.look(time.Now(), held.total(), now.total(), stored.behind()); err != nil {
			return err
		}
		kafkaDown := kafkaState.look(w.view.say, "Kafka at "+w.kafka.brokers, w.kafka.reachable(ctx))
		influxDown := influxState.look(w.view.say, "InfluxDB at "+w.db.URL, asking)
		if err := w.why.lookAtDisk(time.Now()); err != nil {
			return err
		}
		down := kafkaDown || influxDown
		if err := w.why.look(time.Now(), held, now, down); err != nil {
			w.pipes.hopeless = true
			return err
		}
		if down {
			// Nobody waits for a server that is down after Ctrl-C.
			if w.pipes.stopped && w.why.stuck(time.Now()) {
				w.pipes.hopeless = true
				return w.why.failure(time.Now())
			}
			lastProgress = time.Now() // The pipelines wait, and so does the demo.
			continue
		}
		if len(w.crashes) > 0 && now.total() >= w.crashes[0] {
			w.crashes = w.crashes[1:]
			if err := w.pipes.crashIngest(); err != nil {
				return err
			}
			w.view.say("Killed the ingest (SIGKILL). It resumes from its last commit and rewrites the\npoints stored since then.")
		}
		if now != lastStored {
			lastStored, lastProgress = now, time.Now()
		}
		if err := w.kafka.trim(ctx); err != nil {
			return err
		}
		if !w.pipes.generated() || len(w.crashes) > 0 && w.view.count > 0 {
			continue
		}
		held, err := w.tally.whole(ctx)
		if err != nil {
			return err
		}
		// More than Kafka holds is as wrong as less, and more time does not help.
		if now.total() >= held.total() {
			w.view.clearBar()
			return nil
		}
		if time.Since(lastProgress) > drainLimit {
			w.view.clearBar()
			w.view.say("The ingest has stored nothing for %s. The end of its log:\n%s", drainLimit, w.pipes.ingest.Tail(10))
			return nil
		}
	}
}

// keep keeps everything but the generator running until it is stopped, and reports a
// part that ends by itself.
func (w *watcher) keep(ctx context.Context) error {
	// If the first signal has stopped the generator, the second one ends ctx.
	select {
	case <-w.stop:
		w.stop = nil
	default:
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.stop:
			w.view.say("Ending everything.")
			return nil
		case <-w.db.died():
			w.pipes.hopeless = true
			return w.db.death()
		case <-tick.C:
		}
		if err := errors.Join(w.pipes.check(), w.kafka.trim(ctx)); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// outage reports the beginning and the end of an outage, once each.
type outage struct{ since time.Time }

// look reports whether a server is down.
func (o *outage) look(say func(string, ...any), server string, err error) bool {
	switch {
	case err != nil && o.since.IsZero():
		o.since = time.Now()
		say("%s does not respond: %s.\nThe pipelines wait for it and lose nothing. Press Ctrl-C to end.\nThe demo ends if nothing is stored for %s.", server, strings.TrimRight(err.Error(), "\n."), endLimit)
	case err == nil && !o.since.IsZero():
		say("%s responds again, after %s.", server, time.Since(o.since).Round(time.Second))
		o.since = time.Time{}
	}
	return err != nil
}
