package exact_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
)

// minSamples are what a run must have.
const minSamples = 20

// samples compares InfluxDB with Kafka again and again while a run goes on:
// what is committed must be there, and nothing above what Kafka holds.
type samples struct {
	reader   *stream.Reader
	bucket   *influxd.Database
	follower *oracle.Follower
	admin    *kadm.Client
	exact    bool // else nothing is compared

	away  atomic.Bool // InfluxDB
	taken int
	err   error // the first difference
	stop  context.CancelFunc
	ended chan struct{}
}

func sample(t testing.TB, r *stream.Reader, bucket *influxd.Database, exact bool) *samples {
	t.Helper()
	follower, err := oracle.Follow(r.Kafka.Brokers, r.Topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(follower.Close)
	ctx, stop := context.WithCancel(t.Context())
	s := &samples{
		reader: r, bucket: bucket, follower: follower, admin: kadm.NewClient(r.Kafka.Client(t)), exact: exact,
		stop: stop, ended: make(chan struct{}),
	}
	go s.run(ctx)
	return s
}

func (s *samples) run(ctx context.Context) {
	defer close(s.ended)
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for s.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		away := s.away.Load()
		err := s.take(ctx)
		switch {
		case err == nil:
			s.taken++
		case ctx.Err() != nil:
			return
		case away || s.away.Load():
		default:
			s.err = fmt.Errorf("sample %d: %w", s.taken+1, err)
		}
	}
}

// take reads what is committed, then what InfluxDB holds, then what Kafka holds:
// each may be more than the one before, and never less.
func (s *samples) take(ctx context.Context) error {
	committed, err := s.committed(ctx)
	if err != nil {
		return err
	}
	coverage, err := oracle.ReadCoverage(ctx, s.bucket)
	if err != nil {
		return err
	}
	counts, err := oracle.ReadInflux(ctx, s.bucket)
	if err != nil {
		return err
	}
	topic, err := s.follower.Read(ctx)
	if err != nil || !s.exact {
		return err
	}
	if counts.Total() > topic.Counts.Total() {
		return fmt.Errorf("InfluxDB holds %d tweets, and Kafka %d", counts.Total(), topic.Counts.Total())
	}
	return errors.Join(oracle.NotAbove(counts, topic.Counts), coverage.Covers(topic, committed))
}

func (s *samples) committed(ctx context.Context) (map[int32]int64, error) {
	below := map[int32]int64{}
	offsets, err := s.admin.FetchOffsets(ctx, s.reader.Group)
	if err != nil {
		return below, nil //nolint:nilerr // the group is not there yet, or its coordinator moves
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == s.reader.Topic && o.Err == nil {
			below[o.Partition] = o.At
		}
	})
	return below, nil
}

// mustBeRight ends the test if a sample was wrong.
func (s *samples) mustBeRight(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
		t.Fatal(s.err)
	default:
	}
}

// end stops sampling, and fails the test if a sample was wrong or there are too
// few.
func (s *samples) end(t testing.TB) {
	t.Helper()
	s.stop()
	<-s.ended
	t.Logf("%d samples", s.taken)
	if s.err != nil {
		t.Fatal(s.err)
	}
	if s.taken < minSamples {
		t.Fatalf("%d samples are too few to say that InfluxDB was never above Kafka", s.taken)
	}
}
