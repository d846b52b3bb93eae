package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Waits between attempts.
const (
	firstWait = 50 * time.Millisecond
	maxWait   = time.Second
	// fetchWait is how long a broker waits for records before it responds that there
	// are none.
	fetchWait = 500 * time.Millisecond
)

// fetcher fetches from the leader of one partition.
type fetcher struct {
	log       *Log
	partition int32
	leader    int32
	epoch     int32
	known     bool // the leader
	since     time.Time
	wait      time.Duration
}

// fetch returns the leader's records from an offset, at least one batch. It retries
// temporary errors until the log's patience has passed since the last progress.
func (f *fetcher) fetch(ctx context.Context, offset, end int64) (*kmsg.FetchResponseTopicPartition, error) {
	for {
		got, err := f.try(ctx, offset, end)
		if err == nil {
			return got, nil
		}
		if err := f.failed(ctx, offset, err); err != nil {
			return nil, err
		}
	}
}

// advanced records that the last fetch made progress.
func (f *fetcher) advanced() { f.since, f.wait = time.Time{}, 0 }

// failed waits before the next attempt, or returns the error that ends them.
func (f *fetcher) failed(ctx context.Context, offset int64, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var final errFinal
	if errors.As(err, &final) {
		return final.error
	}
	f.known = false
	if f.since.IsZero() {
		f.since = time.Now()
	}
	if time.Since(f.since) >= f.log.patience {
		return fmt.Errorf("offset %d cannot be read for %s: %w", offset, f.log.patience, err)
	}
	f.wait = min(max(firstWait, 2*f.wait), maxWait)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(f.wait):
		return nil
	}
}

// errFinal is an error that is not retried.
type errFinal struct{ error }

func (e errFinal) Unwrap() error { return e.error }

// try makes one attempt.
func (f *fetcher) try(ctx context.Context, offset, end int64) (*kmsg.FetchResponseTopicPartition, error) {
	if !f.known {
		if err := f.findLeader(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := f.log.client.Broker(int(f.leader)).Request(ctx, f.request(offset))
	if err != nil {
		return nil, fmt.Errorf("fetching from broker %d: %w", f.leader, err)
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, f.judge(ctx, offset, end, err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].Partition != f.partition {
		return nil, fmt.Errorf("broker %d does not respond for it", f.leader)
	}
	got := &resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		return nil, f.judge(ctx, offset, end, err)
	}
	if len(got.RecordBatches) == 0 {
		if stable := got.LastStableOffset; stable >= 0 && stable < end {
			return nil, fmt.Errorf("its committed records end at offset %d, not at %d: the log was truncated, as after an unclean leader election, or a transaction is open", stable, end)
		}
		return nil, fmt.Errorf("broker %d has no records from there, although the log ends at %d", f.leader, end)
	}
	return got, nil
}

func (f *fetcher) request(offset int64) *kmsg.FetchRequest {
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition = f.partition
	rp.CurrentLeaderEpoch = f.epoch
	rp.FetchOffset = offset
	rp.PartitionMaxBytes = fetchBytes
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = f.log.topic, f.log.id
	rt.Partitions = append(rt.Partitions, rp)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(fetchWait.Milliseconds())
	req.MinBytes = 1
	req.MaxBytes = fetchBytes
	req.IsolationLevel = 1 // read committed
	req.SessionEpoch = -1  // no session
	req.Topics = append(req.Topics, rt)
	return req
}

func (f *fetcher) findLeader(ctx context.Context) error {
	m, err := f.log.metadata(ctx)
	var anew errCreatedAnew
	if errors.As(err, &anew) || errors.Is(err, kerr.TopicAuthorizationFailed) {
		return errFinal{err}
	}
	if err != nil {
		return fmt.Errorf("requesting its leader: %w", err)
	}
	for i := range m.Partitions {
		p := &m.Partitions[i]
		if p.Partition != f.partition {
			continue
		}
		if p.Leader < 0 {
			return fmt.Errorf("it has no leader: %w", kerr.LeaderNotAvailable)
		}
		f.leader, f.epoch, f.known = p.Leader, p.LeaderEpoch, true
		return nil
	}
	return errFinal{fmt.Errorf("the topic has no partition %d", f.partition)}
}

// judge returns the meaning of a broker's error.
func (f *fetcher) judge(ctx context.Context, offset, end int64, err error) error {
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		bounds, boundsErr := f.log.bounds(ctx)
		if boundsErr != nil {
			return boundsErr
		}
		if at := bounds[f.partition]; at.Start > offset {
			return errFinal{fmt.Errorf("retention has removed offsets %d to %d: the log now begins at %d. Run it again",
				offset, min(at.Start, end)-1, at.Start)}
		}
	case kerr.IsRetriable(err), errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID):
	default:
		return errFinal{err}
	}
	return err
}
