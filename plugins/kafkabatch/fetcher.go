package kafkabatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// fetcher asks one broker for the batches of the partitions that it leads, or
// that it is the closest replica of. There is one request at a time: a broker
// answers those of a connection one after the other.
type fetcher struct {
	session      *session
	broker       int32
	wake         chan struct{}
	decompressor *recordbatch.Decompressor
	failures     int
}

// ensureFetcher starts the fetcher of a broker if there is none. mu is held.
func (s *session) ensureFetcher(broker int32) {
	if s.fetchers[broker] != nil || s.ctx.Err() != nil {
		return
	}
	f := &fetcher{
		session:      s,
		broker:       broker,
		wake:         make(chan struct{}, 1),
		decompressor: recordbatch.NewDecompressor(int(s.conf.maxBatchBytes)),
	}
	s.fetchers[broker] = f
	s.wait.Go(f.run)
}

// wakeFetchers is called when there may be partitions to fetch. mu is held.
func (s *session) wakeFetchers() {
	for _, f := range s.fetchers {
		signal(f.wake)
	}
}

func (f *fetcher) run() {
	s := f.session
	for {
		if s.budget.wait(s.ctx) != nil {
			return
		}
		asked, idle := f.plan(time.Now())
		if len(asked) == 0 {
			timer := time.NewTimer(idle)
			select {
			case <-s.ctx.Done():
				timer.Stop()
				return
			case <-f.wake:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		f.fetch(asked)
		f.free(asked)
	}
}

// ask is a partition in a request, with what it was asked for.
type ask struct {
	partition *partition
	position  position
	replica   bool
}

// plan chooses what to ask for: the partitions that waited longest first, since
// a broker fills a response from the front. With none it says how long to wait.
func (f *fetcher) plan(now time.Time) (asked []ask, idle time.Duration) {
	s := f.session
	s.mu.Lock()
	defer s.mu.Unlock()
	idle = time.Minute
	for _, p := range s.partitions {
		if p.phase != phaseFetch || p.busy || p.source(now) != f.broker {
			continue
		}
		if wait := p.rest.Sub(now); wait > 0 {
			idle = min(idle, wait)
			continue
		}
		asked = append(asked, ask{p, p.next, p.source(now) != p.leader})
	}
	for _, a := range asked {
		a.partition.busy = true
	}
	slices.SortFunc(asked, func(a, b ask) int {
		return cmp.Or(cmp.Compare(a.partition.turn, b.partition.turn),
			cmp.Compare(a.partition.topic, b.partition.topic), cmp.Compare(a.partition.partition, b.partition.partition))
	})
	return asked, idle
}

// free ends what plan began.
func (f *fetcher) free(asked []ask) {
	s := f.session
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range asked {
		p := a.partition
		p.busy = false
		if p.recheck && p.phase == phaseFetch && p.next.epoch >= 0 {
			p.phase = phaseEpoch
		}
		p.recheck = false
		if p.phase == phaseEpoch || p.phase == phaseRange {
			signal(s.attention)
		}
		if p.phase == phaseFetch && p.source(time.Now()) != f.broker {
			s.ensureFetcher(p.source(time.Now()))
			s.wakeFetchers()
		}
	}
	if s.stale {
		signal(s.attention)
	}
}

func (f *fetcher) request(asked []ask) *kmsg.FetchRequest {
	conf := f.session.conf
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(conf.fetchMaxWait.Milliseconds())
	req.MinBytes = conf.fetchMinBytes
	req.MaxBytes = conf.fetchMaxBytes
	req.IsolationLevel = 1 // committed records only
	req.SessionEpoch = -1  // no session: each request says all
	req.Rack = conf.rack
	f.session.mu.Lock()
	defer f.session.mu.Unlock()
	for _, a := range asked {
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition = a.partition.partition
		rp.CurrentLeaderEpoch = a.partition.leaderEpoch
		rp.FetchOffset = a.position.offset
		rp.PartitionMaxBytes = a.partition.maxBytes
		// A topic may come several times: in the order of the partitions.
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != a.partition.topic {
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = a.partition.topic, a.partition.topicID
			req.Topics = append(req.Topics, rt)
		}
		rt := &req.Topics[len(req.Topics)-1]
		rt.Partitions = append(rt.Partitions, rp)
	}
	return req
}

// fetch asks once, and takes in the answer.
func (f *fetcher) fetch(asked []ask) {
	s := f.session
	answer, err := s.client.Broker(int(f.broker)).Request(s.ctx, f.request(asked))
	if s.ctx.Err() != nil {
		return
	}
	var resp *kmsg.FetchResponse
	if err == nil {
		resp = answer.(*kmsg.FetchResponse)
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		f.failed(asked, fmt.Errorf("fetching from broker %d: %w", f.broker, err))
		return
	}
	f.failures = 0
	byName := make(map[topicPartition]ask, len(asked))
	names := map[[16]byte]string{}
	for _, a := range asked {
		byName[a.partition.topicPartition] = a
		names[a.partition.topicID] = a.partition.topic
	}
	var shared int64
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			shared += int64(len(resp.Topics[i].Partitions[j].RecordBatches))
		}
	}
	s.metrics.fetched.Incr(shared)
	memory := s.budget.hold(shared)
	for i := range resp.Topics {
		t := &resp.Topics[i]
		name := t.Topic
		if name == "" {
			name = names[t.TopicID]
		}
		for j := range t.Partitions {
			key := topicPartition{name, t.Partitions[j].Partition}
			if a, ok := byName[key]; ok {
				delete(byName, key)
				f.take(a, &t.Partitions[j], memory)
			}
		}
	}
	// What the response takes counts from now on for the batches in it. While
	// it is walked it must not: the walk may wait for room.
	memory.charge()
	memory.release()
	if len(byName) > 0 {
		missing := errors.New("the broker does not answer for it")
		s.mu.Lock()
		for _, a := range byName {
			s.trouble(a.partition, "fetch", missing)
		}
		s.mu.Unlock()
	}
}

// failed is for a whole request: the broker is away, or does not want to.
func (f *fetcher) failed(asked []ask, err error) {
	s := f.session
	if errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
	s.metrics.errors.Incr(1, "broker")
	for _, a := range asked {
		a.partition.pause(time.Now())
		a.partition.replica = -1
	}
	f.failures++
	if text := fmt.Sprintf("%v; %d partitions wait", err, len(asked)); f.failures >= 3 && s.fetchGrumble.due(text, time.Now()) {
		s.log.Warn(text)
	}
}

// take takes in what the broker answers for one partition.
func (f *fetcher) take(a ask, got *kmsg.FetchResponseTopicPartition, memory *hold) {
	s, p := f.session, a.partition
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !p.lost && p.phase == phaseFetch {
			s.fetchError(a, err)
		}
		return
	}
	if got.PreferredReadReplica >= 0 && got.PreferredReadReplica != f.broker {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.replica, p.replicaUntil = got.PreferredReadReplica, time.Now().Add(replicaPeriod)
		return // the response has no records: they are over there
	}
	s.mu.Lock()
	p.failures = 0
	p.end, p.endKnown = got.HighWatermark, true
	if got.LastStableOffset >= 0 {
		p.end = min(p.end, got.LastStableOffset)
	}
	if p.unsure == unknown {
		p.unsure = got.HighWatermark
	}
	if len(got.RecordBatches) > 0 {
		s.turns++
		p.turn = s.turns
	}
	s.mu.Unlock()
	f.walk(a, got, memory)
}

// replicaPeriod is how long a replica is read from before the leader is asked
// again which one is closest.
const replicaPeriod = 5 * time.Minute

// fetchError decides what an error of one partition means. mu is held.
func (s *session) fetchError(a ask, err error) {
	p := a.partition
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		if a.replica { // it may be behind: the leader knows
			p.replica = -1
			s.trouble(p, "out_of_range", err)
			return
		}
		p.phase = phaseRange
		return
	case errors.Is(err, kerr.OffsetNotAvailable):
		// A new leader does not know yet how far its log is committed.
	default:
		p.replica = -1
		s.stale = true
	}
	kind := "fetch"
	var e *kerr.Error
	if errors.As(err, &e) {
		kind = e.Message // one of Kafka's names
	}
	s.trouble(p, kind, fmt.Errorf("fetching from offset %d: %w", p.next.offset, err))
}
