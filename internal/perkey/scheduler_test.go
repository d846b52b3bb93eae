package perkey

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/hold"
)

// If this fails, messages of a key overlap or pass each other, one is lost, the child is
// answered too early, twice or never, or a bound does not hold.
func TestTheRulesHoldWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := run(plans.Draw(t, "plan"), func(c Config) scheduler { return New[int](c) }); err != nil {
			t.Fatal(err)
		}
	})
}

// The model must find what is wrong with schedulers that break a rule each. If it does
// not, TestTheRulesHoldWhateverHappens shows nothing.
func TestBrokenSchedulersAreRefuted(t *testing.T) {
	for name, broken := range map[string]struct {
		build func(Config) scheduler
		says  string
	}{
		"keys overlap":               {func(c Config) scheduler { return &overlapping{Scheduler: New[int](c)} }, "the key"},
		"acknowledged at delivery":   {func(c Config) scheduler { return &early{Scheduler: New[int](c)} }, "before its last message is done"},
		"a nack is an ack":           {func(c Config) scheduler { return &losing{New[int](c)} }, "before its last message is done"},
		"the child is nacked":        {func(c Config) scheduler { return &nacking{Scheduler: New[int](c)} }, "nacked while the input runs"},
		"attempts of batch mates":    {func(c Config) scheduler { return &blaming{New[int](c)} }, "failures of its own"},
		"no limit ahead":             {func(c Config) scheduler { c.MaxAhead = 0; return New[int](c) }, "beyond the front"},
		"revoked messages delivered": {func(c Config) scheduler { return &keeping{New[int](c)} }, "lost partition"},
		"not returned at the stop":   {func(c Config) scheduler { return &silent{Scheduler: New[int](c)} }, "never answered"},
		"a letter is not awaited":    {func(c Config) scheduler { return &hasty{New[int](c)} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range 3000 {
				if err := run(plans.Example(seed), broken.build); err != nil && strings.Contains(err.Error(), broken.says) {
					t.Logf("refuted by plan %d: %v", seed, err)
					return
				}
			}
			t.Errorf("no plan refutes it with %q", broken.says)
		})
	}
}

// overlapping gives each message a key of its own.
type overlapping struct {
	*Scheduler[int]
	n int
}

func (o *overlapping) Add(source *hold.Source, messages []*Message[int], ack func(error)) ([]*Message[int], []hold.Settlement) {
	for _, m := range messages {
		o.n++
		m.Key = fmt.Sprint(m.Key, o.n)
	}
	return o.Scheduler.Add(source, messages, ack)
}

// early acknowledges a batch when its last message is delivered.
type early struct {
	*Scheduler[int]
	left map[*Message[int]]func()
}

func (e *early) Add(source *hold.Source, messages []*Message[int], ack func(error)) ([]*Message[int], []hold.Settlement) {
	if len(messages) == 0 {
		return e.Scheduler.Add(source, messages, ack)
	}
	if e.left == nil {
		e.left = map[*Message[int]]func(){}
	}
	n := len(messages)
	for _, m := range messages {
		e.left[m] = func() {
			if n--; n == 0 {
				ack(nil)
			}
		}
	}
	return e.Scheduler.Add(source, messages, func(error) {})
}

func (e *early) Next(now time.Time) ([]*Message[int], time.Duration) {
	batch, wait := e.Scheduler.Next(now)
	for _, m := range batch {
		if f := e.left[m]; f != nil {
			delete(e.left, m)
			f()
		}
	}
	return batch, wait
}

// losing takes a nack for an acknowledgement.
type losing struct{ *Scheduler[int] }

func (l *losing) Nacked(batch []*Message[int], _ time.Time, _ error) ([]*Message[int], []hold.Settlement) {
	return nil, l.Acked(batch)
}

// nacking passes nacks on to the child.
type nacking struct {
	*Scheduler[int]
	acks map[*Message[int]]func(error)
}

func (n *nacking) Add(source *hold.Source, messages []*Message[int], ack func(error)) ([]*Message[int], []hold.Settlement) {
	if n.acks == nil {
		n.acks = map[*Message[int]]func(error){}
	}
	for _, m := range messages {
		n.acks[m] = ack
	}
	return n.Scheduler.Add(source, messages, ack)
}

func (n *nacking) Nacked(batch []*Message[int], now time.Time, err error) ([]*Message[int], []hold.Settlement) {
	for _, m := range batch {
		n.acks[m](err)
	}
	return n.Scheduler.Nacked(batch, now, err)
}

// blaming counts the failure of a batch for each of its messages.
type blaming struct{ *Scheduler[int] }

func (b *blaming) Nacked(batch []*Message[int], now time.Time, err error) (exhausted []*Message[int], settled []hold.Settlement) {
	for _, m := range batch {
		out, more := b.Scheduler.Nacked([]*Message[int]{m}, now, err)
		exhausted, settled = append(exhausted, out...), append(settled, more...)
	}
	return exhausted, settled
}

// keeping does not notice that a partition is lost.
type keeping struct{ *Scheduler[int] }

func (*keeping) Revoke(*hold.Source) []hold.Settlement { return nil }

// silent keeps what is held at a stop.
type silent struct {
	*Scheduler[int]
	stopped bool
}

func (s *silent) Stop() []hold.Settlement { s.stopped = true; return nil }

func (s *silent) Next(now time.Time) ([]*Message[int], time.Duration) {
	if s.stopped {
		return nil, 0
	}
	return s.Scheduler.Next(now)
}

// hasty lets the next message of a key follow before the letter of the one before is
// accepted.
type hasty struct{ *Scheduler[int] }

func (h *hasty) Nacked(batch []*Message[int], now time.Time, err error) ([]*Message[int], []hold.Settlement) {
	exhausted, settled := h.Scheduler.Nacked(batch, now, err)
	for _, m := range exhausted {
		settled = append(settled, h.Scheduler.Done(m)...)
	}
	return nil, settled
}

// If this fails, one slow key holds up others, or a fast one is delivered twice as often.
func TestKeysDoNotWaitForEachOther(t *testing.T) {
	s := New[int](Config{Limits: hold.Limits{Messages: 100, Bytes: 1000}, Concurrency: 2, BatchSize: 1, MaxAttempts: 1, Backoff: func(int) time.Duration { return time.Second }})
	var messages []*Message[int]
	for i, key := range []string{"slow", "slow", "a", "a", "b"} {
		messages = append(messages, &Message[int]{Key: key, Keyed: true, Value: i, Order: int64(i)})
	}
	var answered error
	acks := 0
	s.Add(&hold.Source{}, messages, func(err error) { acks++; answered = err })
	now := time.Unix(0, 0)
	slow, _ := s.Next(now)
	var order []int
	for {
		batch, _ := s.Next(now)
		if len(batch) == 0 {
			break
		}
		order = append(order, batch[0].Value)
		for _, x := range s.Acked(batch) {
			x.Settle()
		}
	}
	if fmt.Sprint(order) != "[2 4 3]" || acks != 0 {
		t.Errorf("beside the slow key %v are delivered, with %d acknowledgements", order, acks)
	}
	s.Acked(slow)
	last, _ := s.Next(now)
	for _, x := range s.Acked(last) {
		x.Settle()
	}
	if len(last) != 1 || last[0].Value != 1 || acks != 1 || answered != nil || !s.Idle() {
		t.Errorf("in the end %d acknowledgements (%v), %+v", acks, answered, s.State())
	}
}

// A reader that flushes on two goroutines delivers two batches in the wrong order.
func TestWaitingMessagesArePutInOrder(t *testing.T) {
	s := New[int](Config{Limits: hold.Limits{Messages: 100, Bytes: 1000}, Concurrency: 1, BatchSize: 1, MaxAttempts: 1, Backoff: func(int) time.Duration { return time.Second }})
	source := &hold.Source{}
	add := func(offsets ...int) {
		var messages []*Message[int]
		for _, o := range offsets {
			messages = append(messages, &Message[int]{Key: "k", Keyed: true, Value: o, Order: int64(o)})
		}
		s.Add(source, messages, func(error) {})
	}
	add(10, 11)
	now := time.Unix(0, 0)
	first, _ := s.Next(now)
	add(30, 31)
	add(20, 21, 9)
	order := []int{first[0].Value}
	s.Acked(first)
	for {
		batch, _ := s.Next(now)
		if len(batch) == 0 {
			break
		}
		order = append(order, batch[0].Value)
		s.Acked(batch)
	}
	if fmt.Sprint(order) != "[10 9 11 20 21 30 31]" {
		t.Errorf("delivered in the order %v", order)
	}
	if n := s.State().Overtaken; n != 1 {
		t.Errorf("%d messages are counted as overtaken, want 1: offset 9 after 10", n)
	}
}

// If this fails, the log gets a line for each look at the room, since each is about another
// key.
func TestOneOfSeveralBlockedKeysIsNamed(t *testing.T) {
	s := New[int](Config{Limits: hold.Limits{Messages: 100, Bytes: 1000}, Concurrency: 9, BatchSize: 1, MaxAttempts: 1, Block: true, MaxPerKey: 1, Backoff: func(int) time.Duration { return time.Second }})
	now := time.Unix(0, 0)
	for i := range 9 {
		s.Add(&hold.Source{}, []*Message[int]{{Key: fmt.Sprint("k", i), Keyed: true}}, func(error) {})
		batch, _ := s.Next(now)
		s.Nacked(batch, now, errModel)
	}
	for range 100 {
		if short, key := s.Room(); short != BlockedKey || key != "k0" {
			t.Fatalf("Room() = %s, %q, want always the same blocked key", short, key)
		}
	}
}

// If this fails, a blocked key fills the memory, or reading does not stop.
func TestABlockedKeyStopsReading(t *testing.T) {
	s := New[int](Config{Limits: hold.Limits{Messages: 100, Bytes: 1000}, Concurrency: 9, BatchSize: 1, MaxAttempts: 2, Block: true, MaxPerKey: 3, Backoff: func(int) time.Duration { return time.Second }})
	source, now := &hold.Source{}, time.Unix(0, 0)
	add := func(i int) {
		s.Add(source, []*Message[int]{{Key: "k", Keyed: true, Value: i, Order: int64(i)}}, func(error) {})
	}
	for i := range 3 {
		add(i)
	}
	for attempt := range 2 {
		if short, _ := s.Room(); short != None {
			t.Fatalf("no room before the key is blocked: %s", short)
		}
		batch, _ := s.Next(now)
		if len(batch) != 1 || batch[0].Value != 0 {
			t.Fatalf("attempt %d delivers %v", attempt, batch)
		}
		s.Nacked(batch, now, errModel)
		now = now.Add(time.Second)
	}
	if short, key := s.Room(); short != BlockedKey || key != "k" {
		t.Fatalf("Room() = %s, %q, want the blocked key", short, key)
	}
	batch, _ := s.Next(now)
	s.Acked(batch)
	if short, _ := s.Room(); short != None {
		t.Errorf("no room after the blocked message was accepted: %s", short)
	}
}
