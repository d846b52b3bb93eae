package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// session is the membership in the group, from Connect to Close.
//
// franz-go does what has to do with the group: it joins, shares out partitions
// and commits. It never fetches, because it is told no offset to fetch from
// (see assign). The session does that with requests of its own, so that it gets
// batches as they lie in the log:
//
//   - one fetcher for each broker asks it for batches of the partitions that it
//     leads, and puts them into the queue;
//   - the keeper looks after what a partition needs before and between fetches:
//     its first offset, its leader, what happened to records that are gone;
//   - the committer commits what is acknowledged;
//   - watchEnds asks where the logs end.
type session struct {
	conf    *config
	log     *service.Logger
	metrics *metrics
	budget  *delivery.Budget

	client *kgo.Client
	admin  *kadm.Client
	leave  context.CancelFunc // cuts off what the client is waiting for

	ctx  context.Context // of the goroutines below
	stop context.CancelFunc
	wait sync.WaitGroup

	attention chan struct{} // wakes the keeper
	ready     chan struct{} // wakes ReadBatch

	// commitMu keeps what was read of a partition to commit from being committed
	// after something newer. It is taken before mu.
	commitMu sync.Mutex

	mu         sync.Mutex
	topics     topics
	partitions map[topicPartition]*partition
	fetchers   map[int32]*fetcher
	queue      []*batch // fetched
	again      []*batch // refused, and rested
	stale      bool     // something in an answer says that the metadata is old
	turns      int64
	closed     bool

	commitGrumble, metadataGrumble, fetchGrumble grumble
}

// topics are those of the configuration, by name.
type topics map[string]*topic

// named returns the name of the topic with an id, or nothing.
func (t topics) named(id [16]byte) string {
	for name, one := range t {
		if one.id == id && id != [16]byte{} {
			return name
		}
	}
	return ""
}

// topic is what is known of a topic since Connect.
type topic struct {
	id        [16]byte
	committed bool // the group has a commit of one of its partitions
	// former is the id of another topic that had this name, if a commit of one
	// of the partitions is of it.
	former string
}

// note takes in what the group has committed of one of its partitions.
func (t *topic) note(offset int64, metadata string) {
	if offset < 0 {
		return
	}
	t.committed = true
	if m, ok := parseMark(metadata); ok && !m.of(topicIDText(t.id)) {
		t.former = m.topic
	}
}

// How long a refused batch rests before it is handed on again; doubled each time.
const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// open joins the group, unless something says that it must not.
func open(ctx context.Context, conf *config, log *service.Logger, m *metrics) (*session, error) {
	found, err := preflight(ctx, conf, log)
	if err != nil {
		return nil, err
	}
	s := &session{
		conf:       conf,
		log:        log,
		metrics:    m,
		budget:     delivery.NewBudget(conf.maxInFlightBytes),
		attention:  make(chan struct{}, 1),
		ready:      make(chan struct{}, 1),
		topics:     found,
		partitions: map[topicPartition]*partition{},
		fetchers:   map[int32]*fetcher{},
	}
	// The callbacks of the group wait until the session is complete.
	s.mu.Lock()
	defer s.mu.Unlock()
	clientCtx, leave := context.WithCancel(context.Background())
	client, err := kgo.NewClient(append(conf.memberOptions(log),
		kgo.WithContext(clientCtx),
		kgo.OnOffsetsFetched(s.assign),
		kgo.AdjustFetchOffsetsFn(fetchNothing),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, taken map[string][]int32) { s.revoke(taken, true) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, taken map[string][]int32) { s.revoke(taken, false) }),
	)...)
	if err != nil {
		leave()
		return nil, service.NewErrBackOff(fmt.Errorf("setting up the client: %w", err), time.Minute)
	}
	s.client, s.admin, s.leave = client, kadm.NewClient(client), leave
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.wait.Go(s.keep)
	s.wait.Go(s.commitLoop)
	s.wait.Go(s.watchEnds)
	s.wait.Go(s.watchGroup)
	return s, nil
}

// fetchNothing leaves franz-go without an offset to fetch from.
func fetchNothing(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	return nil, nil
}

// watchGroup polls the client, which has no records to give, for what goes wrong
// with the group.
func (s *session) watchGroup() {
	var g grumble
	for s.ctx.Err() == nil {
		fetches := s.client.PollFetches(s.ctx)
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if s.ctx.Err() != nil || errors.Is(err, context.Canceled) {
				return
			}
			s.metrics.errors.Incr(1, "group")
			err = s.conf.explained(err)
			text := fmt.Sprintf("The group %s: %v", s.conf.group, err)
			if topic != "" {
				text = fmt.Sprintf("The group %s, partition %d of %s: %v", s.conf.group, partition, topic, err)
			}
			if g.due(text, time.Now()) {
				s.log.Error(text)
			}
		})
	}
}

// nextBatch gives the batch to hand on next, refused ones first: else a full
// pipeline would never get them.
func (s *session) nextBatch() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b *batch
	switch {
	case len(s.again) > 0:
		b, s.again = s.again[0], s.again[1:]
	case len(s.queue) > 0:
		b, s.queue[0] = s.queue[0], nil
		s.queue = s.queue[1:]
		b.partition.handed = max(b.partition.handed, b.header.LastOffset()+1)
	default:
		return nil
	}
	if len(s.again)+len(s.queue) > 0 {
		signal(s.ready)
	}
	return b
}

func (s *session) ack(b *batch) {
	s.mu.Lock()
	if !b.partition.lost {
		b.partition.acked.ack(b.number)
		s.accepted(b)
	}
	s.mu.Unlock()
	s.release(b)
}

// release ends what the walk charged. It is called once of each batch.
func (s *session) release(b *batch) { s.budget.Charge(-b.size()) }

func (s *session) nack(b *batch, err error) {
	s.metrics.nacks.Incr(1)
	s.logAt(b.partition, b.header.BaseOffset).Debugf("Handing on again the batch at offset %d of partition %d of %s: %v",
		b.header.BaseOffset, b.partition.partition, b.partition.topic, err)
	rest := min(minBackoff<<min(b.nacks, 10), maxBackoff)
	s.mu.Lock()
	s.waits(b, err)
	s.mu.Unlock()
	time.AfterFunc(rest, func() { s.handOnAgain(b) })
}

func (s *session) handOnAgain(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || b.partition.lost {
		s.release(b)
		return
	}
	s.again = append(s.again, b)
	signal(s.ready)
}

// putBack takes back a batch of nextBatch, to be the next again.
func (s *session) putBack(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || b.partition.lost {
		s.release(b)
		return
	}
	s.again = slices.Insert(s.again, 0, b)
	signal(s.ready)
}

// Fields of a log line, beside those of Benthos.
const (
	logComponent = "component"
	logTopic     = "topic"
	logPartition = "partition"
	logOffset    = "offset"
)

// logAt logs of a place in a partition.
func (s *session) logAt(p *partition, offset int64) *service.Logger {
	return s.log.With(logTopic, p.topic, logPartition, p.partition, logOffset, offset)
}

// halt stops a partition until an operator has decided. mu is held.
func (s *session) halt(p *partition, kind string, err error) {
	p.phase, p.stopped = phaseStop, err
	s.metrics.errors.Incr(1, kind)
	s.complain(p)
}

// complain says why a partition stands still. mu is held.
func (s *session) complain(p *partition) {
	text := fmt.Sprintf("Partition %d of %s is stopped: %v", p.partition, p.topic, p.stopped)
	if p.grumble.due(text, time.Now()) {
		s.logAt(p, p.next.offset).Error(text)
	}
}

// trouble lets a partition rest after something that may pass. mu is held.
func (s *session) trouble(p *partition, kind string, err error) {
	now := time.Now()
	p.pause(now)
	s.metrics.errors.Incr(1, kind)
	if p.failures < 3 {
		return // leaders change
	}
	text := fmt.Sprintf("Partition %d of %s waits: %v", p.partition, p.topic, err)
	if p.grumble.due(text, now) {
		s.logAt(p, p.next.offset).Warn(text)
	}
}

// close leaves the group. It gives ctx.Err() if the brokers do not answer in time.
func (s *session) close(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.wait.Wait()
		s.client.Close() // revokes, and so commits
	}()
	defer s.leave()
	select {
	case <-done:
	case <-ctx.Done():
		s.leave()
		<-done
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, b := range append(s.queue, s.again...) {
		s.release(b)
	}
	s.queue, s.again = nil, nil
	return ctx.Err()
}

// signal wakes the one who waits, or who will.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
