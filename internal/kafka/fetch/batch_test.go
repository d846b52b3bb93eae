package fetch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// scanAlone scans a response without a broker.
func scanAlone(got *kmsg.FetchResponseTopicPartition, from int64) (next int64, queue []*track.Batch, owner *enqueuer) {
	tracker := tracked(1, from)
	owner = &enqueuer{}
	f := alone(tracker, owner)
	claims, _ := f.plan(time.Now())
	f.scan(claims[0], got)
	next = claims[0].Next()
	for b := tracker.Next(); b != nil; b = tracker.Next() {
		queue = append(queue, b)
	}
	return next, queue, owner
}

// compareScan compares the records of the batches that a scan queues with those
// that franz-go reads from the same answer.
func compareScan(t interface {
	Helper()
	Fatalf(string, ...any)
}, got *kmsg.FetchResponseTopicPartition, from int64) {
	t.Helper()
	franz, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: from, IsolationLevel: kgo.ReadCommitted()}, got, kgo.DefaultDecompressor(), nil)
	var want []string
	for _, r := range franz.Records {
		want = append(want, fmt.Sprintf("%d %q", r.Offset, r.Value))
	}
	at, queue, owner := scanAlone(got, from)
	var have []string
	for _, b := range queue {
		reader, err := recordbatch.NewReader(b.Bytes)
		if err != nil {
			t.Fatalf("a batch is queued that cannot be read: %v", err)
		}
		var r recordbatch.Record
		for reader.Next(&r) {
			if r.Offset >= from { // the first batch comes whole
				have = append(have, fmt.Sprintf("%d %q", r.Offset, r.Value))
			}
		}
		if reader.Err() != nil {
			return // nobody counts a part of such a batch
		}
	}
	if franz.Err == nil && owner.stopped == nil && owner.corrupt == nil {
		if at != next {
			t.Fatalf("the next offset is %d, that of franz-go %d", at, next)
		}
		if !slices.Equal(have, want) {
			t.Fatalf("the scan gives %q, franz-go %q", have, want)
		}
	}
	if len(have) > len(want) && franz.Err == nil {
		t.Fatalf("the scan gives %q, franz-go only %q", have, want)
	}
}

func drawResponse(t *rapid.T) (*kmsg.FetchResponseTopicPartition, int64) {
	got := kmsg.NewFetchResponseTopicPartition()
	open := map[int64]int64{} // producer to first offset
	var offset int64
	for range rapid.IntRange(0, 20).Draw(t, "batches") {
		h := recordbatch.Header{BaseOffset: offset, LeaderEpoch: 1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}
		var records []recordbatch.Record
		producer := rapid.Int64Range(0, 3).Draw(t, "producer")
		switch what := rapid.IntRange(0, 4).Draw(t, "what"); {
		case what < 3:
			for i := range rapid.Int64Range(1, 4).Draw(t, "records") {
				records = append(records, recordbatch.Record{Offset: offset + i, Timestamp: 1000, Value: fmt.Appendf(nil, "%d", offset+i)})
			}
			if what < 2 {
				h.Attributes, h.ProducerID, h.ProducerEpoch, h.BaseSequence = recordbatch.AttrTransactional, producer, 0, 0
				if _, ok := open[producer]; !ok {
					open[producer] = offset
				}
			}
		default:
			first, ok := open[producer]
			if !ok {
				continue
			}
			delete(open, producer)
			marker := byte(recordbatch.ControlCommit)
			if rapid.Bool().Draw(t, "aborts") {
				marker = byte(recordbatch.ControlAbort)
				a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
				a.ProducerID, a.FirstOffset = producer, first
				got.AbortedTransactions = append(got.AbortedTransactions, a)
			}
			h.Attributes, h.ProducerID, h.ProducerEpoch = recordbatch.AttrTransactional|recordbatch.AttrControl, producer, 0
			records = []recordbatch.Record{{Offset: offset, Timestamp: 1000, Key: []byte{0, 0, 0, marker}, Value: []byte{0, 0, 0, 0, 0, 0}}}
		}
		offset = records[len(records)-1].Offset + 1
		var err error
		if got.RecordBatches, err = recordbatch.AppendBatch(got.RecordBatches, h, records...); err != nil {
			t.Fatal(err)
		}
	}
	got.HighWatermark, got.LastStableOffset = offset, offset
	cut := rapid.IntRange(0, len(got.RecordBatches)).Draw(t, "cut off")
	got.RecordBatches = got.RecordBatches[:len(got.RecordBatches)-min(cut, len(got.RecordBatches))]
	from := rapid.Int64Range(0, max(0, offset)).Draw(t, "from")
	forgetEnded(&got, from)
	return &got, from
}

// forgetEnded removes from the list of aborted transactions those whose markers
// lie before from: a broker lists transactions that end at or after the offset
// that it was asked for, and franz-go relies on it.
func forgetEnded(got *kmsg.FetchResponseTopicPartition, from int64) {
	ended := map[int]bool{}
	for rest := got.RecordBatches; ; {
		h, b, after, err := recordbatch.Next(rest)
		if err != nil || h.LastOffset() >= from {
			break
		}
		rest = after
		if marker, err := recordbatch.ControlTypeOf(b); !h.Control() || err != nil || marker != recordbatch.ControlAbort {
			continue
		}
		for i, a := range got.AbortedTransactions {
			if a.ProducerID == h.ProducerID && a.FirstOffset <= h.LastOffset() {
				ended[i] = true
			}
		}
	}
	var listed []kmsg.FetchResponseTopicPartitionAbortedTransaction
	for i, a := range got.AbortedTransactions {
		if !ended[i] {
			listed = append(listed, a)
		}
	}
	got.AbortedTransactions = listed
}

// A scan must deliver the records that franz-go's own consumer reads, wherever it
// begins and wherever the response is cut off.
func TestScanGivesWhatFranzGoReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got, from := drawResponse(t)
		compareScan(t, got, from)
	})
}

// What lies behind the last stable offset may be of a transaction that is still
// open, even if a broker sends it.
func TestScanEndsAtTheLastStableOffset(t *testing.T) {
	got := kmsg.NewFetchResponseTopicPartition()
	for i := range int64(3) {
		h := recordbatch.Header{BaseOffset: 2 * i, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}
		var err error
		if got.RecordBatches, err = recordbatch.AppendBatch(got.RecordBatches, h, recordbatch.Record{Offset: 2 * i}, recordbatch.Record{Offset: 2*i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	got.HighWatermark, got.LastStableOffset = 6, 4
	at, queue, _ := scanAlone(&got, 0)
	if len(queue) != 2 || at != 4 {
		t.Errorf("%d batches are queued and %d is next, want 2 and 4", len(queue), at)
	}
}

// A broker may list a transaction that was aborted before the offset that it was
// asked for, as long as it sends the marker: the next transaction of the same
// producer is a committed one.
func TestScanSeesMarkersBeforeWhereItBegins(t *testing.T) {
	got := kmsg.NewFetchResponseTopicPartition()
	data := recordbatch.Header{ProducerID: 7, Attributes: recordbatch.AttrTransactional}
	marker := recordbatch.Header{ProducerID: 7, Attributes: recordbatch.AttrTransactional | recordbatch.AttrControl}
	for offset, b := range []struct {
		h recordbatch.Header
		r recordbatch.Record
	}{
		{data, recordbatch.Record{Value: []byte("aborted")}},
		{marker, recordbatch.Record{Key: []byte{0, 0, 0, byte(recordbatch.ControlAbort)}, Value: make([]byte, 6)}},
		{data, recordbatch.Record{Value: []byte("committed")}},
		{marker, recordbatch.Record{Key: []byte{0, 0, 0, byte(recordbatch.ControlCommit)}, Value: make([]byte, 6)}},
	} {
		b.h.BaseOffset, b.r.Offset = int64(offset), int64(offset)
		var err error
		if got.RecordBatches, err = recordbatch.AppendBatch(got.RecordBatches, b.h, b.r); err != nil {
			t.Fatal(err)
		}
	}
	got.HighWatermark, got.LastStableOffset = 4, 4
	a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
	a.ProducerID, a.FirstOffset = 7, 0
	got.AbortedTransactions = append(got.AbortedTransactions, a)
	for from := range int64(3) {
		if at, queue, _ := scanAlone(&got, from); len(queue) != 1 || queue[0].Header.BaseOffset != 2 || at != 4 {
			t.Errorf("from %d: %d batches are queued and %d is next, want the one at 2, and 4", from, len(queue), at)
		}
	}
}

// Whatever comes, a scan gives what franz-go reads of it, or stops.
func FuzzScan(f *testing.F) {
	for i := range 20 {
		r, _ := rapid.Custom(func(t *rapid.T) *kmsg.FetchResponseTopicPartition {
			got, _ := drawResponse(t)
			return got
		}).Example(i), 0
		var aborted int64 = -1
		if len(r.AbortedTransactions) > 0 {
			aborted = r.AbortedTransactions[0].FirstOffset
		}
		f.Add(r.RecordBatches, int64(i), aborted, int64(i%3))
	}
	f.Fuzz(func(t *testing.T, b []byte, from, aborted, producer int64) {
		got := kmsg.NewFetchResponseTopicPartition()
		got.RecordBatches = b
		got.LastStableOffset = -1
		if aborted >= 0 {
			a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
			a.ProducerID, a.FirstOffset = producer, aborted
			got.AbortedTransactions = append(got.AbortedTransactions, a)
		}
		if from < 0 {
			return
		}
		forgetEnded(&got, from)
		compareScan(t, &got, from)
	})
}
