package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Read reads ranges of partitions and passes each batch of them to do: the batches of a
// partition in the order of the log, up to four partitions concurrently. Calls of do
// never overlap. An error of do ends Read, which returns it. Each range must be in the
// log, within Bounds; empty ranges are skipped.
//
// Memory is bounded, whatever the topic contains: for each of four partitions a
// response of 4 MiB, or one batch if that is larger, and one decompressed batch of at
// most 64 MiB.
func (l *Log) Read(ctx context.Context, ranges map[int32]Range, do func(Batch) error) error {
	return l.read(ctx, ranges, true, do)
}

// Headers is Read without the records of batches, which are not decompressed.
func (l *Log) Headers(ctx context.Context, ranges map[int32]Range, do func(Batch) error) error {
	return l.read(ctx, ranges, false, do)
}

func (l *Log) read(ctx context.Context, ranges map[int32]Range, records bool, do func(Batch) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	partitions := make(chan int32, len(ranges))
	for _, partition := range slices.Sorted(maps.Keys(ranges)) {
		if r := ranges[partition]; r.Start < r.End {
			partitions <- partition
		}
	}
	close(partitions)

	var one sync.Mutex // one call of do at a time
	inTurn := func(b Batch) error {
		one.Lock()
		defer one.Unlock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return do(b)
	}
	var readers sync.WaitGroup
	for range min(maxReaders, len(partitions)) {
		readers.Go(func() {
			var buffer decoder
			for partition := range partitions {
				r := reader{log: l, partition: partition, next: ranges[partition].Start, end: ranges[partition].End,
					records: records, decoder: &buffer, do: inTurn}
				if err := r.run(ctx); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	readers.Wait()
	return context.Cause(ctx)
}

// reader reads one range.
type reader struct {
	log       *Log
	partition int32
	next      int64 // the next offset
	end       int64
	records   bool
	decoder   *decoder
	do        func(Batch) error
}

func (r *reader) run(ctx context.Context) error {
	f := fetcher{log: r.log, partition: r.partition}
	for r.next < r.end {
		before := r.next
		got, err := f.fetch(ctx, r.next, r.end)
		if err == nil {
			if err := r.take(got); err != nil {
				return err
			}
			if r.next > before {
				f.advanced()
				continue
			}
			err = f.failed(ctx, r.next, errNothing)
		}
		if err != nil {
			return fmt.Errorf("reading partition %d of %s: %w", r.partition, r.log.topic, err)
		}
	}
	return nil
}

var errNothing = errors.New("the broker's response has no batch of it")
