package deadview

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// maxBytes limits the records of one pass. Letters have up to a megabyte each.
	maxBytes = 16 << 20
	// maxBatchBytes limits a record batch once it is decompressed.
	maxBatchBytes = 16 << 20
	// maxPartitions limits how many partitions are read.
	maxPartitions = 128
	// quiet ends a pass that has brought records: a compacted topic may not have those
	// that its end offsets suggest.
	quiet = time.Second
	// deeper is by which factor a pass that exceeds maxBytes reads less far back.
	deeper = 4
)

var (
	// errTooMuch ends a pass that exceeds maxBytes.
	errTooMuch = errors.New("the dead letters are too large")
	// errQuiet ends a pass whose remaining records do not exist.
	errQuiet = errors.New("no further records")
)

// letters reads the newest n letters. If they are too large, it reads fewer, so
// that the newest are always among them. With errQuiet, some may be missing.
func (v *View) letters(ctx context.Context, starts, ends map[int32]int64, n int) ([]Letter, string, error) {
	for depth := n; ; depth /= deeper {
		letters, note, err := v.pass(ctx, starts, ends, max(depth, 1), n)
		if errors.Is(err, errTooMuch) && depth > 1 {
			continue
		}
		if errors.Is(err, errTooMuch) {
			err = nil
		}
		if depth < n && note == "" {
			note = fmt.Sprintf("Only the newest %d of each partition are shown: more would exceed %d MiB.", max(depth, 1), maxBytes>>20)
		}
		return letters, note, err
	}
}

// pass is one reading of the newest records of each partition.
type pass struct {
	topic   string
	client  *kgo.Client
	waiting map[int32]int64 // by partition: the offset before which its records are wanted
	letters []Letter
	n       int // letters wanted
	bytes   int
	read    bool // some record has arrived
	note    string
}

// pass reads the newest depth records of each partition, and keeps n letters.
func (v *View) pass(ctx context.Context, starts, ends map[int32]int64, depth, n int) ([]Letter, string, error) {
	p := &pass{topic: v.source.Topic, waiting: map[int32]int64{}, n: n}
	from := map[int32]kgo.Offset{}
	for _, partition := range slices.Sorted(maps.Keys(ends)) {
		end := ends[partition]
		start := max(starts[partition], end-int64(depth))
		if start >= end {
			continue
		}
		if len(from) == maxPartitions {
			p.note = fmt.Sprintf("Only %d of the topic's %d partitions are read.", maxPartitions, len(ends))
			break
		}
		from[partition], p.waiting[partition] = kgo.NewOffset().At(start), end
	}
	if len(from) == 0 {
		return []Letter{}, p.note, nil
	}
	client, err := kgo.NewClient(append(v.options(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: from}),
		kgo.FetchMaxBytes(2<<20), kgo.FetchMaxPartitionBytes(1<<20), kgo.MaxConcurrentFetches(1), kgo.FetchMaxWait(quiet/4),
		kgo.MaxDecompressBatchBytes(maxBatchBytes), kgo.KeepControlRecords(), kgo.DisableFetchSessions(),
	)...)
	if err != nil {
		return nil, "", fmt.Errorf("creating the Kafka client for dead letters: %w", err)
	}
	defer client.Close()
	p.client = client
	for err == nil && len(p.waiting) > 0 {
		err = p.poll(ctx)
	}
	return newest(p.letters, n), p.note, err
}

func (p *pass) poll(ctx context.Context) error {
	limit, cancel := ctx, context.CancelFunc(func() {})
	if p.read {
		limit, cancel = context.WithTimeout(ctx, quiet)
	}
	defer cancel()
	fetches := p.client.PollRecords(limit, 1000)
	if p.read && fetches.NumRecords() == 0 && limit.Err() != nil && ctx.Err() == nil {
		return errQuiet
	}
	for _, failed := range fetches.Errors() {
		tooLarge, ok := errors.AsType[*kgo.ErrDecompressTooLarge](failed.Err)
		if !ok {
			return fmt.Errorf("reading the topic %s: %w", p.topic, failed.Err)
		}
		p.skip(tooLarge)
	}
	for record := range fetches.RecordsAll() {
		if err := p.take(record); err != nil {
			return err
		}
	}
	return nil
}

// skip continues after a record batch that may be a bomb.
func (p *pass) skip(batch *kgo.ErrDecompressTooLarge) {
	p.note = fmt.Sprintf("The record batch at offset %d of partition %d is not shown: it decompresses to more than %d MiB.", batch.Offset, batch.Partition, maxBatchBytes>>20)
	if batch.NextOffset >= p.waiting[batch.Partition] {
		delete(p.waiting, batch.Partition)
		return
	}
	p.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{p.topic: {batch.Partition: {Epoch: batch.Epoch, Offset: batch.NextOffset}}})
}

func (p *pass) take(record *kgo.Record) error {
	p.read = true
	end, wanted := p.waiting[record.Partition]
	if !wanted || record.Offset >= end {
		delete(p.waiting, record.Partition)
		return nil
	}
	if record.Offset == end-1 {
		delete(p.waiting, record.Partition)
	}
	if record.Attrs.IsControl() {
		return nil
	}
	if p.letters = append(p.letters, letterOf(record)); len(p.letters) >= 4*MaxLetters {
		p.letters = newest(p.letters, p.n)
	}
	if p.bytes += sizeOf(record); p.bytes > maxBytes {
		return errTooMuch
	}
	return nil
}

// newest orders letters by time, and keeps n of them.
func newest(letters []Letter, n int) []Letter {
	slices.SortFunc(letters, func(a, b Letter) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Offset, a.Offset), cmp.Compare(a.Partition, b.Partition))
	})
	return append([]Letter{}, letters[:min(n, len(letters))]...)
}

func sizeOf(r *kgo.Record) int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}
