package produce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

func value(text string) *recordbatch.Record {
	return &recordbatch.Record{Timestamp: 1, Value: []byte(text)}
}

// simulated starts a Producer on a simulated topic "a". It is closed, and the rules that
// the requests have to keep are checked, with the test.
func simulated(t *testing.T, partitions int, change func(*Config)) (*sim, *Producer) {
	t.Helper()
	s := newSim(1)
	s.latency = 10 * time.Millisecond
	s.topic("a", partitions, 1, 1<<20)
	conf := Defaults()
	conf.Acks = 1
	if change != nil {
		change(&conf)
	}
	p := start(conf, s)
	t.Cleanup(func() {
		p.Close(context.Background())
		for _, w := range s.wrong {
			t.Error(w)
		}
	})
	return s, p
}

// write is a whole call.
func write(ctx context.Context, p *Producer, topic string, values ...string) ([]Refusal, error) {
	call := p.Begin()
	tp, err := call.Topic(ctx, topic)
	if err == nil {
		for i, v := range values {
			call.Add(tp, 0, i, value(v))
		}
	}
	refusals, waited := call.Wait(ctx)
	return refusals, errors.Join(err, waited)
}

func (s *sim) stored(topic string, partition int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.topics[topic].partitions[partition].log)
}

func (s *sim) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Records of calls that wait while a request is in flight go into one batch.
func TestCallsShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, nil)
		if _, err := write(t.Context(), p, "a", "first"); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for i := range 100 {
			wait.Go(func() {
				if _, err := write(t.Context(), p, "a", fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := len(s.stored("a", 0)); n != 101 {
			t.Errorf("%d records are stored", n)
		}
		if s.requests > 6 {
			t.Errorf("%d requests for 101 calls", s.requests)
		}
	})
}

// A call that leaves takes its records out of a batch that it shares, if the batch was
// never sent.
func TestWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, nil)
		if _, err := write(t.Context(), p, "a", "first"); err != nil {
			t.Fatal(err)
		}
		s.set(func() { s.down = true })
		var wait sync.WaitGroup
		wait.Go(func() {
			if refusals, err := write(t.Context(), p, "a", "stays 1", "stays 2"); err != nil || len(refusals) > 0 {
				t.Error(refusals, err)
			}
		})
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := write(ctx, p, "a", "leaves 1", "leaves 2")
			var u *Unfinished
			if !errors.As(err, &u) || u.Unsent != 2 || u.InDoubt != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		time.Sleep(2 * time.Minute)
		s.set(func() { s.down = false })
		wait.Wait()
		if got := s.stored("a", 0); !slices.Equal(got, []string{"first", "stays 1", "stays 2"}) {
			t.Errorf("stored: %q", got)
		}
	})
}

// Records that were sent without an answer are in doubt, and the batch is dropped when
// nobody waits for it.
func TestInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, nil)
		s.fault = func(string, int32) fault { return fault{code: kerr.RequestTimedOut.Code} }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := write(ctx, p, "a", "one", "two")
		var u *Unfinished
		if !errors.As(err, &u) || u.Unsent != 0 || u.InDoubt != 2 || !strings.Contains(err.Error(), "may have stored") {
			t.Fatal(err)
		}
		s.set(func() { s.fault = func(string, int32) fault { return fault{} } })
		if _, err := write(t.Context(), p, "a", "three"); err != nil {
			t.Fatal(err)
		}
		if got := s.stored("a", 0); !slices.Equal(got, []string{"three"}) {
			t.Errorf("stored: %q", got)
		}
	})
}

func TestTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 2, func(c *Config) { c.UnknownTopic = time.Minute })
		for _, name := range []string{"", "..", "a/b", strings.Repeat("a", 250)} {
			var r *RefusedError
			if _, err := write(t.Context(), p, name); !errors.As(err, &r) || r.Kind != "INVALID_TOPIC_EXCEPTION" {
				t.Errorf("%q: %v", name, err)
			}
		}
		var r *RefusedError
		began := time.Now()
		if _, err := write(t.Context(), p, "b", "x"); !errors.As(err, &r) || r.Kind != "UNKNOWN_TOPIC_OR_PARTITION" {
			t.Errorf("b: %v", err)
		}
		if took := time.Since(began); took < time.Minute || took > 62*time.Second {
			t.Errorf("refused after %v", took)
		}
		s.topic("b", 1, 1, 1<<20)
		time.Sleep(time.Second)
		_, _ = write(t.Context(), p, "b", "y") // it may still be refused, and is looked up again
		time.Sleep(time.Second)
		if _, err := write(t.Context(), p, "b", "z"); err != nil {
			t.Error(err)
		}
		call := p.Begin()
		a, err := call.Topic(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		call.Add(a, 7, 4, value("nowhere"))
		call.Add(a, 1, 5, value("somewhere"))
		refusals, err := call.Wait(t.Context())
		if err != nil || len(refusals) != 1 || refusals[0].Message != 4 || refusals[0].Err.Error() != "partition 7 of the topic a does not exist: it has 2" {
			t.Error(refusals, err)
		}
	})
}

// Records of a topic that is deleted while they wait do not hold up their call for ever.
func TestDeletedTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, func(c *Config) { c.UnknownTopic = time.Minute })
		if _, err := write(t.Context(), p, "a", "one"); err != nil {
			t.Fatal(err)
		}
		s.set(func() { delete(s.topics, "a") })
		refusals, err := write(t.Context(), p, "a", "two", "three")
		if err != nil || len(refusals) != 2 {
			t.Error(refusals, err)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, nil)
		s.fault = func(string, int32) fault { return fault{code: kerr.KafkaStorageError.Code} }
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := write(t.Context(), p, "a", "one"); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		p.Close(ctx)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
		wait.Wait()
		if _, err := write(t.Context(), p, "a", "two"); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// A batch that a broker always finds damaged is refused, and the next one is sent.
func TestCorrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, nil)
		s.fault = func(string, int32) fault { return fault{code: kerr.CorruptMessage.Code} }
		refusals, err := write(t.Context(), p, "a", "one", "two")
		if err != nil || len(refusals) != 2 || !strings.Contains(refusals[1].Err.Error(), "CORRUPT_MESSAGE") {
			t.Error(refusals, err)
		}
		if s.requests != maxCorrupt {
			t.Errorf("%d requests", s.requests)
		}
	})
}

// Sticky stays with a partition until its batch is sealed, and leaves out those that
// cannot be sent to.
func TestSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 4, nil)
		s.topics["a"].partitions[2].leader = -1
		seen := map[int32]bool{}
		for range 8 {
			call := p.Begin()
			a, err := call.Topic(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			first := a.Sticky()
			for i := range 10 {
				if at := a.Sticky(); at != first {
					t.Fatalf("partition %d after %d", at, first)
				}
				call.Add(a, first, i, value("x"))
			}
			if _, err := call.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			seen[first] = true
		}
		if len(seen) != 3 || seen[2] {
			t.Errorf("partitions: %v", seen)
		}
	})
}

func TestVerdicts(t *testing.T) {
	named := []kmsg.ProduceResponseTopicPartitionErrorRecord{
		{RelativeOffset: 7}, {RelativeOffset: 2, ErrorMessage: kmsg.StringPtr("no key")}, {RelativeOffset: 2}, {RelativeOffset: 99}, {RelativeOffset: -1}}
	for _, test := range []struct {
		code    *kerr.Error
		records int32
		whole   bool
		named   bool
		want    action
	}{
		{kerr.NotLeaderForPartition, 9, false, false, again},
		{kerr.TopicAuthorizationFailed, 9, false, false, again},
		{kerr.InvalidRequiredAcks, 9, false, false, again},
		{kerr.UnknownServerError, 9, false, false, again},
		{kerr.PolicyViolation, 9, false, false, again},
		{kerr.MessageTooLarge, 9, false, false, halved},
		{kerr.RecordListTooLarge, 2, true, false, halved},
		{kerr.MessageTooLarge, 1, false, false, refused},
		{kerr.InvalidRecord, 9, false, false, refused},
		{kerr.InvalidRecord, 9, false, true, without},
		{kerr.InvalidTimestamp, 9, false, true, without},
		{kerr.InvalidTimestamp, 9, true, true, refused},
		{kerr.InvalidTopicException, 9, false, false, refused},
		{kerr.UnsupportedCompressionType, 9, false, false, again},
		{kerr.UnsupportedCompressionType, 9, true, false, refused},
	} {
		a := kmsg.NewProduceResponseTopicPartition()
		a.ErrorCode, a.ErrorMessage = test.code.Code, kmsg.StringPtr("why")
		if test.named {
			a.ErrorRecords = named
		}
		v := verdictOf(&a, &batch{records: test.records, whole: test.whole})
		if v.action != test.want || v.kind != test.code.Message || !strings.Contains(v.err.Error(), "why") {
			t.Errorf("%s, %d records, whole %v: %+v", test.code.Message, test.records, test.whole, v)
		}
		if v.action == without {
			if len(v.records) != 2 || v.records[0].place != 2 || v.records[1].place != 7 || !strings.Contains(v.records[0].err.Error(), "no key") {
				t.Errorf("records: %+v", v.records)
			}
		}
	}
	a := kmsg.NewProduceResponseTopicPartition()
	if v := verdictOf(&a, &batch{}); v.action != acknowledged {
		t.Errorf("%+v", v)
	}
}

func TestConfigCheck(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Acks = 2 }, func(c *Config) { c.Acks = -2 },
		func(c *Config) { c.MaxBatchBytes = 0 }, func(c *Config) { c.MaxBatchBytes = 1 << 30 },
		func(c *Config) { c.MaxRequestBytes = 0 }, func(c *Config) { c.RequestsPerBroker = 0 },
		func(c *Config) { c.Timeout = 0 }, func(c *Config) { c.Codec = 9 },
		func(c *Config) { c.Codec, c.Level = recordbatch.Gzip, 10 },
	} {
		conf := Defaults()
		if change(&conf); conf.check() == nil {
			t.Errorf("%+v is accepted", conf)
		}
	}
	if err := Defaults().check(); err != nil {
		t.Error(err)
	}
}

func TestBuffers(t *testing.T) {
	var b buffers
	for _, size := range []int{0, 1, 4096, 4097, 1_000_000, 1 << 20, 1<<20 + 1, 1 << 27, 1<<27 + 1} {
		buf := b.get(size)
		if len(buf.bytes) != 0 || cap(buf.bytes) < size || cap(buf.bytes) > max(4096, 2*size) {
			t.Errorf("%d bytes: room for %d", size, cap(buf.bytes))
		}
		b.put(buf)
	}
	grown := make([]byte, 10, 5000)
	b.put(&buffer{bytes: grown})
	if buf := b.get(5000); cap(buf.bytes) < 5000 {
		t.Errorf("room for %d", cap(buf.bytes))
	}
}

// A call that leaves while a batch is divided is in none of its parts.
func TestWithdrawWhileDividing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := simulated(t, 1, nil)
		stays, leaves := p.Begin(), p.Begin()
		topic, err := stays.Topic(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		part := topic.partition(0)
		for i := range 4 {
			stays.Add(topic, 0, i, value("stays"))
			leaves.Add(topic, 0, i, value("leaves"))
		}
		b := part.sealOpen()
		b.halve = true
		tools := &tools{conf: &p.conf}
		if err := part.finish(tools, b); err != nil {
			t.Fatal(err)
		}
		d, err := part.divide(tools, b)
		if err != nil || len(d.parts) != 2 {
			t.Fatal(d, err)
		}
		if unsent, _ := part.withdraw(leaves); unsent != 4 {
			t.Errorf("%d records are withdrawn", unsent)
		}
		part.replace(b, d)
		for _, half := range d.parts {
			if half.complete() || !half.withdrawn || half.records != 4 {
				t.Errorf("a part is %+v", half)
			}
		}
		part.advance()
		if _, err := stays.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if got := s.stored("a", 0); !slices.Equal(got, []string{"stays", "stays", "stays", "stays"}) {
			t.Errorf("stored: %q", got)
		}
		p.end(leaves)
	})
}
