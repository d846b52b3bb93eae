package kafkabatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// fetcher asks one broker for the batches of the partitions that it leads, or
// that it is the closest replica of, and takes in what it answers.
//
// Each broker has fetchersPerBroker of them, so that the broker fills the next
// response while the one before it is walked and decompressed. They ask for
// different partitions: where the next fetch of one begins is known only when
// its last response is walked.
type fetcher struct {
	*line
	session      *session
	broker       int32
	decompressor *recordbatch.Decompressor // with emit: records
}

const fetchersPerBroker = 2

// line is what the fetchers of a broker share.
type line struct {
	// asking is held by the one that plans and waits for its answer: a broker
	// answers the requests of a connection one after the other, so behind a
	// request that waits for new records another one would wait as long.
	asking   sync.Mutex
	failures int // in a row; asking guards it
	wake     chan struct{}
	walking  int // fetchers that take in an answer; session.mu guards it
}

// ensureFetcher starts the fetchers of a broker if there are none. mu is held.
func (s *session) ensureFetcher(broker int32) {
	if s.fetchers[broker] != nil || s.ctx.Err() != nil {
		return
	}
	shared := &line{wake: make(chan struct{}, 1)}
	for range fetchersPerBroker {
		f := &fetcher{
			line:         shared,
			session:      s,
			broker:       broker,
			decompressor: recordbatch.NewDecompressor(int(s.conf.maxBatchBytes)),
		}
		s.fetchers[broker] = f
		s.wait.Go(f.run)
	}
}

// wakeFetchers is called when there may be partitions to fetch. mu is held.
func (s *session) wakeFetchers() {
	for _, f := range s.fetchers {
		signal(f.wake)
	}
}

func (f *fetcher) run() {
	for {
		asked, resp, ok := f.next()
		if !ok {
			return
		}
		if resp != nil {
			f.takeAll(asked, resp)
		}
		f.free(asked)
	}
}

// next asks for what there is to ask for, as soon as there is, and gives the
// answer, which is nil after a failure. It is not ok when the session ends.
func (f *fetcher) next() (asked []ask, resp *kmsg.FetchResponse, ok bool) {
	s := f.session
	f.asking.Lock()
	defer f.asking.Unlock()
	for {
		if s.budget.Wait(s.ctx) != nil {
			return nil, nil, false
		}
		asked, idle := f.plan(time.Now())
		if len(asked) > 0 {
			resp := f.fetch(asked)
			s.mu.Lock()
			f.walking++ // before the other one plans
			s.mu.Unlock()
			return asked, resp, true
		}
		timer := time.NewTimer(idle)
		select {
		case <-s.ctx.Done():
			timer.Stop()
			return nil, nil, false
		case <-f.wake:
		case <-timer.C:
		}
		timer.Stop()
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
//
// Of the partitions that are known to have more, half are left for the next
// request, which goes out while these are walked. And while others are walked,
// nothing is asked for unless it is known to be there: a request that the broker
// lets wait for new records keeps those that are walked from being asked for.
func (f *fetcher) plan(now time.Time) (asked []ask, idle time.Duration) {
	s := f.session
	s.mu.Lock()
	defer s.mu.Unlock()
	idle = time.Minute
	var behind []ask
	for _, p := range s.partitions {
		if p.phase != phaseFetch || p.busy || p.source(now) != f.broker {
			continue
		}
		if wait := p.rest.Sub(now); wait > 0 {
			idle = min(idle, wait)
			continue
		}
		if s.full(p) {
			continue
		}
		a := ask{p, p.next, p.source(now) != p.leader}
		if p.endKnown && p.next.offset < p.end {
			behind = append(behind, a)
		} else {
			asked = append(asked, a)
		}
	}
	byTurn(behind)
	switch {
	case f.walking == 0 && len(behind) > 1:
		behind = behind[:(len(behind)+1)/2]
	case f.walking > 0 && len(behind) == 0:
		return nil, idle // until free
	}
	asked = append(asked, behind...)
	for _, a := range asked {
		a.partition.busy = true
	}
	byTurn(asked)
	return asked, idle
}

func byTurn(asked []ask) {
	slices.SortFunc(asked, func(a, b ask) int {
		return cmp.Or(cmp.Compare(a.partition.turn, b.partition.turn),
			cmp.Compare(a.partition.topic, b.partition.topic), cmp.Compare(a.partition.partition, b.partition.partition))
	})
}

// free ends what plan began.
func (f *fetcher) free(asked []ask) {
	s := f.session
	s.mu.Lock()
	defer s.mu.Unlock()
	f.walking--
	signal(f.wake)
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

// fetch asks once. It gives nil if there is nothing to take in.
func (f *fetcher) fetch(asked []ask) *kmsg.FetchResponse {
	s := f.session
	answer, err := s.client.Broker(int(f.broker)).Request(s.ctx, f.request(asked))
	if s.ctx.Err() != nil {
		return nil
	}
	var resp *kmsg.FetchResponse
	if err == nil {
		resp = answer.(*kmsg.FetchResponse)
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		f.failed(asked, fmt.Errorf("fetching from broker %d: %w", f.broker, s.conf.explained(err)))
		return nil
	}
	f.failures = 0
	return resp
}

// takeAll takes in what the broker answers.
func (f *fetcher) takeAll(asked []ask, resp *kmsg.FetchResponse) {
	s := f.session
	byName := make(map[topicPartition]ask, len(asked))
	names := map[[16]byte]string{}
	for _, a := range asked {
		byName[a.partition.topicPartition] = a
		names[a.partition.topicID] = a.partition.topic
	}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			s.metrics.fetched.Incr(int64(len(resp.Topics[i].Partitions[j].RecordBatches)))
		}
	}
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
				f.take(a, &t.Partitions[j])
			}
		}
	}
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
func (f *fetcher) take(a ask, got *kmsg.FetchResponseTopicPartition) {
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
	p.noteEnd(p.end)
	if p.unsure == unknown {
		p.unsure = got.HighWatermark
	}
	if len(got.RecordBatches) > 0 {
		s.turns++
		p.turn = s.turns
	}
	s.mu.Unlock()
	f.walk(a, got)
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
	s.trouble(p, kind, fmt.Errorf("fetching from offset %d: %w", p.next.offset, s.conf.explained(err)))
}
