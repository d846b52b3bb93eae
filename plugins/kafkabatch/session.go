package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/fetch"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// session is the membership in the group, from Connect to Close.
//
// franz-go does what has to do with the group: it joins, assigns partitions
// and commits. It never fetches, because it has no offset to fetch from (see
// fetchNothing). The fetchers do, with requests of their own, so that they get
// batches as they are in the log. The parts, all of which share the tracker:
//
//   - fetch.Fetchers request batches and enqueue them;
//   - the housekeeper does what a partition needs before and between fetches: its
//     first offset, its leader, what happened to records that are lost;
//   - the committer commits what is acknowledged;
//   - ends asks where the logs end.
type session struct {
	conf    *config
	report  *report
	budget  *delivery.Budget
	topics  track.Topics // only their names and ids: the tracker has the rest
	tracker *track.Tracker

	client    *kgo.Client
	leave     context.CancelFunc // cuts off what the client is waiting for
	committer *committer
	keeper    *housekeeper
	fetchers  *fetch.Fetchers
	complete  chan struct{} // closed when all above is set

	ctx  context.Context // of the goroutines
	stop context.CancelFunc
	wait sync.WaitGroup
}

// open joins the group, unless the preflight fails.
func open(ctx context.Context, conf *config, log *service.Logger, m *metrics) (*session, error) {
	topics, err := preflight(ctx, conf, log)
	if err != nil {
		return nil, err
	}
	s := &session{
		conf:     conf,
		report:   newReport(log, m),
		budget:   delivery.NewBudget(conf.maxInFlightBytes),
		topics:   topics,
		complete: make(chan struct{}),
	}
	s.tracker = track.New(track.Config{
		Topics:            topics,
		Fingerprint:       conf.fingerprint,
		Budget:            s.budget,
		Limit:             conf.maxInFlightBytes,
		PartitionMaxBytes: conf.partitionMaxBytes,
	})
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
	s.client, s.leave = client, leave
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.committer = &committer{conf: conf, report: s.report, client: client, tracker: s.tracker}
	s.keeper = newHousekeeper(s)
	s.fetchers = fetch.New(s.ctx, s.fetchConfig(), s.tracker, &fetchOwner{conf: conf, report: s.report, stale: s.keeper.staleMetadata})
	s.keeper.fetchers = s.fetchers
	close(s.complete)
	s.wait.Go(s.keeper.run)
	s.wait.Go(func() { s.committer.run(s.ctx) })
	s.wait.Go((&endsWatcher{s.ctx, conf, s.report, client, s.tracker, s.keeper.staleMetadata}).run)
	s.wait.Go(s.watchGroup)
	return s, nil
}

// fetchNothing leaves franz-go without an offset to fetch from.
func fetchNothing(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	return nil, nil
}

// assign adds the partitions that the group assigns to this member, with their
// commits. franz-go calls it when they are this member's and
// before it would fetch, and not at the same time as revoke.
func (s *session) assign(_ context.Context, _ *kgo.Client, fetched *kmsg.OffsetFetchResponse) error {
	<-s.complete
	var assigned []track.Assigned
	for _, g := range fetched.Groups {
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = s.topics.Named(t.TopicID)
			}
			if s.topics[name] == nil {
				s.report.log.Errorf("The group %s assigned partitions of the topic %q with the id %x, which is not configured: they are not read", s.conf.group, name, t.TopicID)
				continue
			}
			for _, c := range t.Partitions {
				if c.ErrorCode != 0 {
					continue // watchGroup gets the error
				}
				a := track.Assigned{
					ID:     track.ID{Topic: name, Partition: c.Partition},
					Commit: track.FetchedCommit{Offset: max(-1, c.Offset), Epoch: c.LeaderEpoch},
				}
				if c.Metadata != nil {
					a.Commit.Metadata = *c.Metadata
				}
				assigned = append(assigned, a)
			}
		}
	}
	s.tracker.Assign(assigned, time.Now())
	s.keeper.staleMetadata() // who leads the new ones
	return nil
}

// revoke gives partitions back. What is acknowledged by now is committed if they
// are still this member's to commit; what is acknowledged later is not.
func (s *session) revoke(taken map[string][]int32, commit bool) {
	<-s.complete
	var ids []track.ID
	for topic, partitions := range taken {
		for _, p := range partitions {
			ids = append(ids, track.ID{Topic: topic, Partition: p})
		}
	}
	for _, id := range s.committer.revoke(ids, commit) {
		s.report.forget(id)
	}
}

// watchGroup polls the client, which has no records to return, for errors of the
// group.
func (s *session) watchGroup() {
	for s.ctx.Err() == nil {
		fetches := s.client.PollFetches(s.ctx)
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if s.ctx.Err() != nil || errors.Is(err, context.Canceled) {
				return
			}
			s.report.metrics.errors.Incr(1, "group")
			err = s.conf.explained(err)
			text := fmt.Sprintf("The group %s: %v", s.conf.group, err)
			if topic != "" {
				text = fmt.Sprintf("The group %s, partition %d of %s: %v", s.conf.group, partition, topic, err)
			}
			if s.report.group.Due(text, time.Now()) {
				s.report.log.Error(text)
			}
		})
	}
}

// close leaves the group. It returns ctx.Err() if the brokers do not respond in time.
func (s *session) close(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.wait.Wait()
		s.fetchers.Wait()
		s.client.Close() // revokes, and so commits
	}()
	defer s.leave()
	select {
	case <-done:
	case <-ctx.Done():
		s.leave()
		<-done
	}
	s.tracker.Close()
	return ctx.Err()
}
