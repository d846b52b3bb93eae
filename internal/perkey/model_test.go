package perkey

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/hold"
)

// plan is a run of the scheduler: its settings, and what the child, the pipeline and the
// output do.
type plan struct {
	conf  Config
	steps []step
}

type step struct {
	what op
	a, b int
}

type op int

const (
	opAdd op = iota
	opNext
	opAck
	opNack
	opRefuse
	opBury
	opTime
	opRevoke
	opStop
	ops
)

const modelSources = 3

var plans = rapid.Custom(func(t *rapid.T) plan {
	p := plan{conf: Config{
		Limits:      hold.Limits{Messages: rapid.IntRange(1, 30).Draw(t, "max_messages"), Bytes: int64(rapid.IntRange(1, 60).Draw(t, "max_bytes"))},
		Concurrency: rapid.IntRange(1, 6).Draw(t, "max_concurrency"),
		BatchSize:   rapid.IntRange(1, 4).Draw(t, "batch_size"),
		MaxAttempts: rapid.IntRange(1, 3).Draw(t, "max_attempts"),
		Block:       rapid.Bool().Draw(t, "block"),
		MaxPerKey:   rapid.IntRange(1, 5).Draw(t, "max_messages_per_key"),
		MaxAhead:    int64(rapid.IntRange(0, 12).Draw(t, "max_ahead")),
		Backoff:     func(failures int) time.Duration { return time.Duration(failures) * time.Second },
	}}
	// Most of it is delivering; a stop ends the run, and is rare.
	weights := []op{opAdd, opAdd, opAdd, opNext, opNext, opNext, opNext, opAck, opAck, opAck, opNack, opNack, opRefuse, opBury, opTime, opTime, opRevoke, opStop}
	n := rapid.IntRange(1, 120).Draw(t, "steps")
	for range n {
		what := rapid.SampledFrom(weights).Draw(t, "step")
		if what == opStop && rapid.IntRange(0, 4).Draw(t, "stop") > 0 {
			what = opNext
		}
		p.steps = append(p.steps, step{what, rapid.IntRange(0, 99).Draw(t, "a"), rapid.IntRange(0, 99).Draw(t, "b")})
	}
	return p
})

// scheduler is what the model drives: the Scheduler, or one that breaks a rule.
type scheduler interface {
	Add(source *hold.Source, messages []*Message[int], ack func(error)) (exhausted []*Message[int], settled []hold.Settlement)
	Next(now time.Time) (batch []*Message[int], wait time.Duration)
	Acked(batch []*Message[int]) []hold.Settlement
	Nacked(batch []*Message[int], now time.Time, err error) (exhausted []*Message[int], settled []hold.Settlement)
	Refused(m *Message[int], now time.Time, err error) []hold.Settlement
	Done(m *Message[int]) []hold.Settlement
	Revoke(source *hold.Source) []hold.Settlement
	Stop() []hold.Settlement
	Room() (Shortage, string)
	State() State
	Idle() bool
}

// record is what the model knows of a message. It does not look into the scheduler.
type record struct {
	key        string // "" for none
	source     *modelSource
	position   int
	batch      *modelBatch
	inFlight   bool
	done       bool
	deliveries int
	failed     int // alone
	exhausted  bool
}

type modelBatch struct {
	records []*record
	settled int
	err     error
}

type modelSource struct {
	id      *hold.Source
	next    int
	batches []*modelBatch
	revoked bool
}

type model struct {
	conf    Config
	sched   scheduler
	now     time.Time
	records []*record
	byKey   map[string][]*record
	sources []*modelSource
	flight  [][]*Message[int]
	buried  []*Message[int]
	stopped bool
	wrong   error
}

var errModel = errors.New("the output says no")

// run returns the rule that the scheduler breaks, or nil.
func run(p plan, build func(Config) scheduler) error {
	m := &model{conf: p.conf, sched: build(p.conf), now: time.Unix(0, 0), byKey: map[string][]*record{}}
	for range modelSources {
		m.sources = append(m.sources, &modelSource{id: &hold.Source{}})
	}
	for i, s := range p.steps {
		m.step(s)
		m.check()
		if m.wrong != nil {
			return fmt.Errorf("step %d: %w", i, m.wrong)
		}
	}
	m.drain()
	return m.wrong
}

func (m *model) fail(format string, args ...any) {
	if m.wrong == nil {
		m.wrong = fmt.Errorf(format, args...)
	}
}

func (m *model) step(s step) {
	switch s.what {
	case opAdd:
		m.add(m.sources[s.a%modelSources], s.a, s.b)
	case opNext:
		m.next()
	case opAck, opNack, opRefuse:
		if len(m.flight) == 0 {
			return
		}
		i := s.a % len(m.flight)
		batch := m.flight[i]
		m.flight = append(m.flight[:i:i], m.flight[i+1:]...)
		m.answer(s.what, batch)
	case opBury:
		m.bury()
	case opTime:
		m.now = m.now.Add(time.Duration(s.a%4) * time.Second)
	case opRevoke:
		if s.b%3 == 0 {
			m.revoke(s.a % modelSources)
		}
	case opStop:
		m.stopped = true
		m.settle(m.sched.Stop())
	}
}

func (m *model) add(source *modelSource, a, b int) {
	if short, _ := m.sched.Room(); short != None {
		return
	}
	batch := &modelBatch{}
	var messages []*Message[int]
	for i := range b % 6 {
		r := &record{source: source, position: source.next, batch: batch}
		if k := (a*7 + b*3 + i*i) % 6; k > 0 {
			r.key = string(rune('a' + k))
			m.byKey[r.key] = append(m.byKey[r.key], r)
		}
		source.next++
		batch.records = append(batch.records, r)
		messages = append(messages, &Message[int]{Item: hold.Item{Bytes: int64(1 + i)}, Key: r.key, Keyed: r.key != "", Order: int64(r.position), Value: len(m.records)})
		m.records = append(m.records, r)
	}
	if !m.stopped && len(messages) > 0 {
		source.batches = append(source.batches, batch)
	}
	exhausted, settled := m.sched.Add(source.id, messages, func(err error) { m.settled(batch, err) })
	if len(exhausted) > 0 {
		m.fail("a message is exhausted before its delivery")
	}
	m.settle(settled)
}

// settled is the acknowledgement of the child.
func (m *model) settled(b *modelBatch, err error) {
	b.settled++
	b.err = err
	if b.settled > 1 {
		m.fail("a batch is answered twice")
	}
	for _, r := range b.records {
		switch {
		case err == nil && !r.done:
			m.fail("a batch is acknowledged before its last message is done")
		case err != nil && !m.stopped && !r.source.revoked:
			m.fail("the child is nacked while the input runs")
		}
	}
}

func (m *model) settle(all []hold.Settlement) {
	for _, s := range all {
		s.Settle()
	}
}

func (m *model) next() {
	batch, wait := m.sched.Next(m.now)
	if len(batch) == 0 {
		if wait < 0 {
			m.fail("a wait of %s", wait)
		}
		return
	}
	if m.stopped {
		m.fail("a message is delivered after the stop")
	}
	if len(batch) > m.conf.BatchSize {
		m.fail("a batch has %d messages, of %d", len(batch), m.conf.BatchSize)
	}
	for _, one := range batch {
		r := m.records[one.Value]
		if r.source.revoked {
			m.fail("a message of a lost partition is delivered")
		}
		if r.inFlight || r.done || r.exhausted {
			m.fail("a message is delivered while it is in flight, or done")
		}
		if r.deliveries > 0 && len(batch) > 1 {
			m.fail("a message that failed is not retried alone")
		}
		for _, before := range m.byKey[r.key] {
			if before == r {
				break
			}
			if !before.done && !before.source.revoked {
				m.fail("message %d of the key %s is delivered while an earlier one is not done", one.Value, r.key)
			}
		}
		for _, other := range m.byKey[r.key] {
			if other.inFlight {
				m.fail("two messages of the key %s are in flight", r.key)
			}
		}
		if m.tooFar(r) {
			m.fail("a message is delivered %d beyond the front of its partition, of %d", r.ahead(), m.conf.MaxAhead)
		}
		r.inFlight = true
		r.deliveries++
	}
	m.flight = append(m.flight, batch)
	if n := m.inFlight(); n > m.conf.Concurrency {
		m.fail("%d messages are in flight, of %d", n, m.conf.Concurrency)
	}
}

// front returns the first batch of a source that is not answered.
func (s *modelSource) front() *modelBatch {
	for _, b := range s.batches {
		if b.settled == 0 {
			return b
		}
	}
	return nil
}

func (r *record) ahead() int {
	if front := r.source.front(); front != nil {
		return r.position - front.records[0].position
	}
	return 0
}

func (m *model) tooFar(r *record) bool {
	if m.conf.MaxAhead == 0 || int64(r.ahead()) < m.conf.MaxAhead || r.batch == r.source.front() {
		return false
	}
	for _, other := range m.byKey[r.key] {
		if !other.done && other.batch == other.source.front() {
			return false
		}
	}
	return true
}

func (m *model) inFlight() (n int) {
	for _, batch := range m.flight {
		n += len(batch)
	}
	return n
}

func (m *model) answer(what op, batch []*Message[int]) {
	for _, one := range batch {
		m.records[one.Value].inFlight = false
	}
	switch what {
	case opAck:
		for _, one := range batch {
			m.records[one.Value].done = true
		}
		m.settle(m.sched.Acked(batch))
	case opNack:
		if len(batch) == 1 {
			m.records[batch[0].Value].failed++
		}
		exhausted, settled := m.sched.Nacked(batch, m.now, errModel)
		for _, one := range exhausted {
			r := m.records[one.Value]
			if r.failed != m.conf.MaxAttempts || one.Attempts != r.failed || m.conf.Block {
				m.fail("a message is exhausted after %d failures of its own, of %d", r.failed, m.conf.MaxAttempts)
			}
			r.exhausted = true
		}
		m.buried = append(m.buried, exhausted...)
		m.settle(settled)
	case opRefuse:
		m.settle(m.sched.Refused(batch[0], m.now, errModel))
		if rest := batch[1:]; len(rest) > 0 {
			for _, one := range rest {
				m.records[one.Value].done = true
			}
			m.settle(m.sched.Acked(rest))
		}
	}
}

func (m *model) bury() {
	if len(m.buried) == 0 {
		return
	}
	one := m.buried[0]
	m.buried = m.buried[1:]
	m.records[one.Value].done = true
	m.settle(m.sched.Done(one))
}

// revoke takes a partition away, and gives it back as a new source that begins again where
// nothing was acknowledged.
func (m *model) revoke(i int) {
	s := m.sources[i]
	s.revoked = true
	m.settle(m.sched.Revoke(s.id))
	m.sources[i] = &modelSource{id: &hold.Source{}}
}

// check compares what the scheduler says of itself.
func (m *model) check() {
	st := m.sched.State()
	held := 0
	for _, r := range m.records {
		if r.batch.settled == 0 && !r.done || r.inFlight || r.exhausted && !r.done {
			held++
		}
	}
	if !m.stopped && st.Messages != held {
		m.fail("%d messages are held, the scheduler counts %d", held, st.Messages)
	}
	if st.InFlight != m.inFlight() {
		m.fail("%d messages are in flight, the scheduler counts %d", m.inFlight(), st.InFlight)
	}
	if most := m.conf.Limits.Messages + 5; st.Messages > most {
		m.fail("%d messages are held, at most %d may be", st.Messages, most)
	}
}

// drain lets everything succeed: nothing may be left, or the scheduler has forgotten it.
func (m *model) drain() {
	for range 10_000 {
		for len(m.flight) > 0 && m.wrong == nil {
			batch := m.flight[0]
			m.flight = m.flight[1:]
			m.answer(opAck, batch)
		}
		for len(m.buried) > 0 && m.wrong == nil {
			m.bury()
		}
		m.now = m.now.Add(time.Minute)
		m.next()
		if m.wrong != nil || len(m.flight) == 0 {
			break
		}
	}
	if m.wrong != nil {
		return
	}
	for i, r := range m.records {
		switch {
		case r.batch.settled == 0:
			m.fail("message %d is in a batch that is never answered", i)
		case !m.stopped && !r.source.revoked && !r.done:
			m.fail("message %d is neither delivered nor a dead letter", i)
		}
	}
	if st := m.sched.State(); !m.stopped && (!m.sched.Idle() || st.Bytes != 0 || st.Keys != 0 || st.Blocked != 0 || st.Behind != 0 || st.Resting != 0) {
		m.fail("in the end the scheduler still has %+v", st)
	}
}
