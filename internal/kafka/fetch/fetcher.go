// Package fetch requests record batches from brokers, as they are in the log, for the
// partitions of a track.Tracker. It knows no group and no settings of a component: what
// it fetches, and what it cannot fetch, it passes to an Owner.
package fetch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// Config is how to fetch.
type Config struct {
	// Request sends a request to a broker.
	Request func(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error)
	// Room returns when there is room in memory for another response or batch.
	Room func(ctx context.Context) error

	MaxWait            time.Duration // for new records, at the broker
	MinBytes, MaxBytes int32         // of a response
	PartitionMaxBytes  int32         // of one partition in it
	MaxBatchBytes      int32         // the largest batch accepted, as it is in the log
	Rack               string
}

// Owner is whom the fetchers work for. Its methods are called from many goroutines.
type Owner interface {
	// Deliver takes a batch that has records to deliver, and enqueues it with the claim.
	// Its bytes are those of the response: valid during the call. It returns
	// ErrNotFetched if the claim is void, or an error of recordbatch if the batch
	// cannot be delivered.
	Deliver(c *track.Claim, b Batch) error
	// Aborted counts records of an aborted transaction, which are not delivered.
	Aborted(records int)
	// Responded counts bytes of batches in the responses.
	Responded(bytes int)

	// Stop stops a partition at an offset, where what is fetched cannot be used.
	Stop(c *track.Claim, at Fault)
	// Corrupt says that what came for an offset is fetched again.
	Corrupt(c *track.Claim, at Fault)
	// Paused says that the fetches of a partition have failed so many times in a row.
	Paused(c *track.Claim, failures int, err error)
	// BrokerFailed says that the requests to a broker have failed so many times in a
	// row, and that so many partitions wait.
	BrokerFailed(broker int32, partitions, failures int, err error)
	// StaleMetadata says that somebody else may lead a partition by now.
	StaleMetadata()
}

// Batch is a record batch in a response.
type Batch struct {
	Header recordbatch.Header
	Bytes  []byte
	End    track.Position
}

// Fault is why a batch cannot be used: Err wraps an error of recordbatch.
type Fault struct {
	Offset int64
	Header recordbatch.Header // as far as it could be read
	Err    error
}

// Fetchers are the fetchers of all brokers.
type Fetchers struct {
	conf    Config
	tracker *track.Tracker
	owner   Owner
	ctx     context.Context // until which they run
	wait    sync.WaitGroup

	mu      sync.Mutex
	brokers map[int32]*brokerShared
}

// New returns Fetchers that run until ctx ends, at none of the brokers yet.
func New(ctx context.Context, conf Config, tracker *track.Tracker, owner Owner) *Fetchers {
	return &Fetchers{conf: conf, tracker: tracker, owner: owner, ctx: ctx, brokers: map[int32]*brokerShared{}}
}

// Wait returns when the fetchers have ended.
func (f *Fetchers) Wait() { f.wait.Wait() }

// perBroker is how many fetchers a broker has, so that it fills the next response
// while the one before it is scanned and decompressed. They request different
// partitions: where the next fetch of one begins is known only when its last response
// is scanned.
const perBroker = 2

// brokerShared is what the fetchers of a broker share.
type brokerShared struct {
	// asking is held by the one that plans and waits for its response: a broker
	// responds to the requests of a connection one after the other, so behind a
	// request that waits for new records another one would wait as long.
	asking   sync.Mutex
	failures int // in a row; asking guards it
	// wake is signalled when there may be partitions to fetch.
	wake     chan struct{}
	scanning atomic.Int32 // fetchers that scan a response
}

// Ensure starts the fetchers of a broker, unless they run.
func (f *Fetchers) Ensure(broker int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.brokers[broker] != nil || f.ctx.Err() != nil {
		return
	}
	shared := &brokerShared{wake: make(chan struct{}, 1)}
	f.brokers[broker] = shared
	f.tracker.Watch(broker, shared.wake)
	for range perBroker {
		one := &fetcher{brokerShared: shared, all: f, broker: broker}
		f.wait.Go(one.run)
	}
}

// fetcher requests from one broker the batches of the partitions that it leads, or
// that it is the closest replica of.
type fetcher struct {
	*brokerShared
	all    *Fetchers
	broker int32
}

func (f *fetcher) run() {
	for {
		claims, resp, ok := f.next()
		if !ok {
			return
		}
		if resp != nil {
			f.scanAll(claims, resp)
		}
		f.release(claims)
	}
}

// next requests what there is to request, as soon as there is, and returns the
// response, which is nil after a failure. It is not ok when the fetchers end.
func (f *fetcher) next() (claims []*track.Claim, resp *kmsg.FetchResponse, ok bool) {
	ctx := f.all.ctx
	f.asking.Lock()
	defer f.asking.Unlock()
	for {
		if f.all.conf.Room(ctx) != nil {
			return nil, nil, false
		}
		claims, idle := f.plan(time.Now())
		if len(claims) > 0 {
			resp := f.request(claims)
			f.scanning.Add(1) // before the other one plans
			return claims, resp, true
		}
		timer := time.NewTimer(idle)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, false
		case <-f.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// plan claims the partitions to request.
//
// Of the partitions that are known to have more, half are left for the next
// request, which is sent while these are scanned. And while others are scanned,
// request only partitions known to have data: a request that the broker lets wait
// for new records would block those that are scanned.
func (f *fetcher) plan(now time.Time) (claims []*track.Claim, idle time.Duration) {
	// It must be read first: then what was released by those that are not counted any
	// more is among the due ones, and those that are counted wake this one.
	scanning := f.scanning.Load() > 0
	due, idle := f.all.tracker.Due(track.Fetch, f.broker, now)
	behind := 0
	for _, c := range due {
		if c.Behind {
			behind++
		}
	}
	switch {
	case !scanning && behind > 1:
		behind = (behind + 1) / 2
	case scanning && behind == 0:
		return nil, idle // until release
	}
	chosen := due[:0]
	for _, c := range due { // those that waited longest first
		if c.Behind {
			if behind == 0 {
				continue
			}
			behind--
		}
		chosen = append(chosen, c)
	}
	return f.all.tracker.Claim(chosen, now), idle
}

// release ends what plan began. The claims are released before the other fetcher of
// the broker sees that nothing is scanned: it would request those that have nothing,
// and wait.
func (f *fetcher) release(claims []*track.Claim) {
	sources := f.all.tracker.Release(claims)
	f.scanning.Add(-1)
	track.Signal(f.wake)
	for source := range sources {
		f.all.Ensure(source)
	}
}
