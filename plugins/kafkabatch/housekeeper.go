package kafkabatch

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/fetch"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

const (
	housekeepPeriod = time.Second
	minMetadataAge  = 250 * time.Millisecond // however often something asks for it
	policyPeriod    = time.Hour              // between looks at cleanup.policy
)

// housekeeper does the steps of partitions other than fetching: it finds their
// leaders and their first offsets, and what happened to records that are lost.
type housekeeper struct {
	ctx       context.Context // until which it runs
	conf      *config
	report    *report
	budget    *delivery.Budget
	client    *kgo.Client
	admin     *kadm.Client
	tracker   *track.Tracker
	committer *committer
	fetchers  *fetch.Fetchers

	wake  chan struct{}
	stale atomic.Bool // a response says that the metadata is old
}

// newHousekeeper returns that of a session, without the fetchers.
func newHousekeeper(s *session) *housekeeper {
	h := &housekeeper{
		ctx: s.ctx, conf: s.conf, report: s.report, budget: s.budget, client: s.client, admin: kadm.NewClient(s.client),
		tracker: s.tracker, committer: s.committer, wake: make(chan struct{}, 1),
	}
	s.tracker.Watch(track.AnyBroker, h.wake)
	return h
}

// staleMetadata has the metadata requested again, before long.
func (h *housekeeper) staleMetadata() {
	h.stale.Store(true)
	track.Signal(h.wake)
}

func (h *housekeeper) run() {
	lastPolicy := time.Now()
	var lastMetadata time.Time
	for {
		now := time.Now()
		if h.metadataDue(now, lastMetadata) {
			h.refreshMetadata()
			lastMetadata = time.Now()
		}
		if now.Sub(lastPolicy) > policyPeriod {
			h.refreshPolicy()
			lastPolicy = now
		}
		h.startPartitions()
		h.checkEpochs()
		h.checkRanges()
		h.report.show(h.tracker, now)
		h.report.metrics.inFlight.Set(h.budget.InUse())
		timer := time.NewTimer(h.untilNext(time.Now(), lastMetadata))
		select {
		case <-h.ctx.Done():
			timer.Stop()
			return
		case <-h.wake:
			timer.Stop()
			// A storm of failures must not become one of requests.
			if !sleep(h.ctx, 10*time.Millisecond) {
				return
			}
		case <-timer.C:
		}
	}
}

// untilNext is how long there is nothing to do, unless it is woken.
func (h *housekeeper) untilNext(now, lastMetadata time.Time) time.Duration {
	wait := housekeepPeriod
	if h.stale.Load() && len(h.tracker.Partitions()) > 0 {
		wait = min(wait, lastMetadata.Add(minMetadataAge).Sub(now))
	}
	for _, step := range []track.Step{track.Start, track.Epoch, track.Range} {
		due, until := h.tracker.Due(step, track.AnyBroker, now)
		if len(due) > 0 {
			until = 0
		}
		wait = min(wait, until)
	}
	return max(wait, 10*time.Millisecond)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (h *housekeeper) metadataDue(now, last time.Time) bool {
	if len(h.tracker.Partitions()) == 0 {
		return false
	}
	age := now.Sub(last)
	return age >= h.conf.MetadataMaxAge || h.stale.Load() && age >= minMetadataAge
}

// pause lets a partition rest, and has the metadata requested again: another broker may
// lead it.
func (h *housekeeper) pause(p *track.Partition, kind string, err error) {
	if h.report.pause(p, kind, err) {
		h.stale.Store(true)
	}
}

// claim claims the partitions with a step that is due. They must be released.
func (h *housekeeper) claim(step track.Step) []*track.Claim {
	now := time.Now()
	due, _ := h.tracker.Due(step, track.AnyBroker, now)
	return h.tracker.Claim(due, now)
}

func (h *housekeeper) release(claims []*track.Claim) {
	for broker := range h.tracker.Release(claims) {
		h.fetchers.Ensure(broker)
	}
}

// topicsOf returns the topics of partitions, each once.
func topicsOf(claims []*track.Claim) (topics []string) {
	seen := map[string]bool{}
	for _, c := range claims {
		if !seen[c.Topic] {
			seen[c.Topic] = true
			topics = append(topics, c.Topic)
		}
	}
	return topics
}
