package kafkabatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: an alert on the age of what is not stored does not fire, or
// fires of what is well.
func TestLagTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	at := func(t time.Time) position { return position{offset: 10, time: t.UnixMilli()} }
	unknown := position{offset: 10, time: -1}
	for name, test := range map[string]struct {
		acked    position
		spans    []time.Time // of batches that are fetched
		end      int64
		caughtUp time.Time
		want     time.Duration
	}{
		"nothing left, the last record long ago":               {acked: at(ago(time.Hour)), end: 10},
		"after a restart in an outage":                         {acked: unknown, spans: []time.Time{ago(3 * time.Hour), ago(time.Hour)}, end: 12, want: 3 * time.Hour},
		"after a restart, nothing is fetched for want of room": {acked: unknown, end: 12, want: time.Minute},
		"the first record after a pause":                       {acked: at(ago(time.Hour)), spans: []time.Time{ago(time.Second)}, end: 11, caughtUp: ago(2 * time.Second), want: time.Second},
		"the same, and it is not fetched yet":                  {acked: at(ago(time.Hour)), end: 11, caughtUp: ago(2 * time.Second), want: 2 * time.Second},
		"amid a backlog, all that is fetched acknowledged":     {acked: at(ago(3 * time.Hour)), end: 1000, want: 3 * time.Hour},
		"clocks differ": {acked: at(ago(time.Hour)), spans: []time.Time{now.Add(time.Second)}, end: 11},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPartition(topicPartition{"t", 0}, fetchedCommit{offset: 10})
			p.came = ago(time.Minute)
			p.begin(test.acked)
			p.caughtUp = test.caughtUp
			for i, written := range test.spans {
				p.acked.add(position{offset: 11 + int64(i), time: written.UnixMilli()})
			}
			if p.lagTime(now) != 0 {
				t.Error("it is late, though nobody knows of a lag")
			}
			p.noteEnd(test.end)
			if got := p.lagTime(now); got != test.want {
				t.Errorf("%s behind, want %s", got, test.want)
			}
		})
	}
}

// What would break: one record of the year 2100 makes its batch, or those before
// and behind it, seem to be new for ever.
func TestTimesOfRecordsThatAreNotTrue(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	hourAgo, year2100 := now.Add(-time.Hour).UnixMilli(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	for name, test := range map[string]struct{ first, newest, want int64 }{
		"true":                      {hourAgo, hourAgo + 5, hourAgo + 5},
		"the newest in the future":  {hourAgo, year2100, hourAgo},
		"all in the future":         {year2100, year2100, now.UnixMilli()},
		"none":                      {-1, -1, now.UnixMilli()},
		"before 1970, and it knows": {-5, hourAgo, hourAgo},
	} {
		h := recordbatch.Header{FirstTimestamp: test.first, MaxTimestamp: test.newest}
		if got := writtenAt(h, now); got != test.want {
			t.Errorf("%s: written at %d, want %d", name, got, test.want)
		}
	}
}

func produceAt(t *testing.T, c *testenv.Cluster, topic string, batches int, at time.Time) {
	t.Helper()
	client := c.Client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	for range batches {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: make([]byte, 10_000), Timestamp: at}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// What would break: in an outage of the output the lag stands still when the memory
// is used up, is 0 after a restart, and its seconds are 0 after one record of the
// year 2100. No alert fires.
func TestLagGrowsWhileNothingIsFetched(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	hourAgo := time.Now().Add(-time.Hour)
	produceAt(t, c, topic, 1, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	produceAt(t, c, topic, 20, hourAgo)
	const extra = "max_in_flight_bytes: 100KB\nfetch_max_partition_bytes: 15KB\ncommit_period: 50ms"
	r := connected(t, c, topic, extra)
	r.must().done(t) // that of the year 2100

	lags := func(r *reader, want int64, least time.Duration) {
		t.Helper()
		testenv.Eventually(t, 10*time.Second, "the lag is right", func() error {
			s := r.in.current()
			s.mu.Lock()
			defer s.mu.Unlock()
			p := s.partitions[topicPartition{topic, 0}]
			if p == nil {
				return fmt.Errorf("it has no partition")
			}
			lag, ok := p.lag()
			if late := p.lagTime(time.Now()); !ok || lag != want || late < least || late > least+time.Minute {
				return fmt.Errorf("lag %d, %v, and %s: want %d and about %s", lag, ok, late, want, least)
			}
			return nil
		})
	}
	lags(r, 20, time.Hour)
	if used := r.in.current().budget.InUse(); used < 50_000 {
		t.Fatalf("%d bytes are in use: fetches go on, so this shows nothing", used)
	}
	produceAt(t, c, topic, 80, hourAgo)
	lags(r, 100, time.Hour)
	r.close()

	again := connected(t, c, topic, extra)
	lags(again, 100, time.Hour)
	produceAt(t, c, topic, 5, hourAgo)
	lags(again, 105, time.Hour)
}
