//go:build mutant_partial_block

package kafkabatch

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// begun has the batches whose first half is stored.
var begun sync.Map

// hand breaks the rule that a point is written once and for all: it hands on the
// first half of a batch and, when that is stored, the whole, so that the counts
// under the batch's key grow with what was read so far. All is well as long as
// requests come in the order in which they were sent; one that comes late puts a
// count from before back. It exists to show that the fault laboratory notices,
// see tests/faultlab/mutants.
func (s *session) hand(b *batch) (service.MessageBatch, service.AckFunc, error) {
	whole := s.ackFunc(b)
	half, err := firstHalf(b)
	if _, again := begun.LoadAndDelete(b); again || half == nil || err != nil {
		messages, err := b.messages(s.conf.emit)
		return messages, whole, err
	}
	messages, err := half.messages(s.conf.emit)
	return messages, func(ctx context.Context, err error) error {
		if unstored(err) {
			return whole(ctx, err)
		}
		begun.Store(b, true)
		s.handOnAgain(b)
		return nil
	}, err
}

// firstHalf is a batch of the first half of the records of b, with the same base
// offset; nil if there are not enough.
func firstHalf(b *batch) (*batch, error) {
	reader, err := recordbatch.NewDecompressor(1 << 30).Reader(b.bytes)
	if err != nil || b.header.Records < 2 {
		return nil, err
	}
	records := make([]recordbatch.Record, b.header.Records/2)
	for i := range records {
		if !reader.Next(&records[i]) {
			return nil, reader.Err()
		}
	}
	half := *b
	half.header.LastOffsetDelta = int32(records[len(records)-1].Offset - b.header.BaseOffset)
	half.header.Attributes &^= recordbatch.AttrCodec
	if half.bytes, err = recordbatch.AppendBatch(nil, half.header, records...); err != nil {
		return nil, err
	}
	half.header, err = recordbatch.ParseHeader(half.bytes)
	return &half, err
}
