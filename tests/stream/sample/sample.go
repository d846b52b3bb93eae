// Package sample compares InfluxDB with Kafka repeatedly while pipelines run under
// faults.
package sample

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
)

// Least is the least number of samples in a run.
const Least = 20

// Options are the settings of Samples.
type Options struct {
	Reader *stream.Reader
	// Bucket is the reader's bucket, without a proxy.
	Bucket *influxd.Database
	// Every is the time from one sample to the next; a second if 0.
	Every time.Duration
	// Form of a record; oracle.Avro if nil.
	Form oracle.Form
	// Exact makes each sample a comparison. Otherwise InfluxDB and Kafka are read and
	// may differ.
	Exact bool
}

// Samples are taken until End.
type Samples struct {
	Options
	follower *oracle.Follower
	admin    *kadm.Client

	away  atomic.Int32
	under sync.Mutex // locked while a sample is taken
	taken atomic.Int64
	spent time.Duration
	err   error // the first difference
	stop  context.CancelFunc
	ended chan struct{}
}

// Start starts to take samples.
func Start(t testing.TB, o Options) *Samples {
	t.Helper()
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Form == nil {
		o.Form = oracle.Avro
	}
	follower, err := oracle.Follow(o.Reader.Kafka.Brokers, o.Reader.Topic, o.Form)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Samples{
		Options: o, follower: follower, admin: kadm.NewClient(o.Reader.Kafka.Client(t)),
		stop: stop, ended: make(chan struct{}),
	}
	go s.run(ctx)
	t.Cleanup(func() { // of a failed test
		stop()
		<-s.ended
		follower.Close()
	})
	return s
}

// While allows samples to fail while do runs, for instance because InfluxDB or the
// brokers are down.
func (s *Samples) While(do func()) {
	s.away.Add(1)
	defer s.away.Add(-1)
	do()
}

// Apart runs do between two samples: operations after which InfluxDB holds less than
// was committed, and that then reset the committed offsets.
func (s *Samples) Apart(do func()) {
	s.under.Lock()
	defer s.under.Unlock()
	do()
}

func (s *Samples) run(ctx context.Context) {
	defer close(s.ended)
	ticks := time.NewTicker(s.Every)
	defer ticks.Stop()
	for s.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		away := s.away.Load()
		s.under.Lock()
		began := time.Now()
		err := s.take(ctx)
		s.spent += time.Since(began)
		s.under.Unlock()
		switch {
		case err == nil:
			s.taken.Add(1)
		case ctx.Err() != nil:
			return
		case !errors.As(err, new(difference)) && (away > 0 || s.away.Load() > 0):
		case kerr.IsRetriable(err): // a leader has just been elected
		default:
			s.err = fmt.Errorf("sample %d: %w", s.taken.Load()+1, err)
		}
	}
}

// difference is an error that is not the failure of a server.
type difference struct{ error }

func (d difference) Unwrap() error { return d.error }

// take reads the committed offsets, then InfluxDB, then Kafka: each may hold more than
// the one before, and never less.
func (s *Samples) take(ctx context.Context) error {
	committed := s.Reader.Committed(ctx, s.admin)
	coverage, err := oracle.ReadCoverage(ctx, s.Bucket)
	if err != nil {
		return err
	}
	counts, err := oracle.ReadInflux(ctx, s.Bucket)
	if err != nil {
		return err
	}
	topic, err := s.follower.Read(ctx)
	if err != nil || !s.Exact {
		return err
	}
	if counts.Total() > topic.Counts.Total() {
		return difference{fmt.Errorf("InfluxDB holds %d tweets, and Kafka %d", counts.Total(), topic.Counts.Total())}
	}
	if err := errors.Join(oracle.NotAbove(counts, topic.Counts), coverage.Covers(topic, committed)); err != nil {
		return difference{err}
	}
	return nil
}

// MustBeRight ends the test if a sample was wrong.
func (s *Samples) MustBeRight(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
		if s.err != nil {
			t.Fatal(s.err)
		}
	default:
	}
}

// Taken returns the number of samples so far.
func (s *Samples) Taken() int { return int(s.taken.Load()) }

// End stops sampling, and fails the test if a sample was wrong or there are too few.
func (s *Samples) End(t testing.TB) {
	t.Helper()
	s.stop()
	<-s.ended
	t.Logf("%d samples, which took %.1f s", s.Taken(), s.spent.Seconds())
	if s.err != nil {
		t.Fatal(s.err)
	}
	if s.Taken() < Least {
		t.Fatalf("%d samples are too few to show that InfluxDB was never above Kafka", s.Taken())
	}
}
