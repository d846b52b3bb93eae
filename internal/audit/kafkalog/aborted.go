package kafkalog

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// aborted has the first offsets of aborted transactions by producer, ascending, as a
// broker lists them for the batches of a response. A transaction that has ended is
// removed at its marker.
type aborted map[int64][]int64

func newAborted(list []kmsg.FetchResponseTopicPartitionAbortedTransaction) aborted {
	a := aborted{}
	for _, t := range list {
		a[t.ProducerID] = append(a[t.ProducerID], t.FirstOffset)
	}
	for _, offsets := range a {
		slices.Sort(offsets)
	}
	return a
}

// kind returns the kind of a batch. The batches of a response must be passed in order.
func (a aborted) kind(b *kmsg.RecordBatch) (Kind, error) {
	first := a[b.ProducerID]
	open := len(first) > 0 && first[0] <= b.FirstOffset
	switch {
	case b.Attributes&attributeControl != 0:
		aborts, err := abortMarker(b)
		if err != nil {
			return Control, err
		}
		if aborts && open {
			a[b.ProducerID] = first[1:]
		}
		return Control, nil
	case b.Attributes&attributeTransactional != 0 && open:
		return Aborted, nil
	}
	return Data, nil
}

// controlAbort is the type of an abort marker, in the two bytes after the version in
// its key.
const controlAbort = 0

func abortMarker(b *kmsg.RecordBatch) (bool, error) {
	if b.NumRecords == 0 {
		return false, nil // a marker that was compacted away
	}
	if b.Attributes&attributeCodec != 0 {
		return false, errors.New("it is a transaction marker, but it is compressed")
	}
	length, n := binary.Varint(b.Records)
	if n <= 0 || length < 0 || length > int64(len(b.Records)-n) {
		return false, errors.New("the transaction marker is truncated")
	}
	var r kmsg.Record
	if err := r.ReadFrom(b.Records[:n+int(length)]); err != nil {
		return false, err
	}
	if len(r.Key) < 4 {
		return false, errors.New("the transaction marker has no type")
	}
	return binary.BigEndian.Uint16(r.Key[2:]) == controlAbort, nil
}
