package kafkalog

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batchAt returns a batch of n records from an offset.
func batchAt(base int64, records int) []byte {
	return sealed(newBatch(base, records))
}

func newBatch(base int64, records int) kmsg.RecordBatch {
	b := kmsg.RecordBatch{FirstOffset: base, Magic: 2, LastOffsetDelta: int32(records - 1), NumRecords: int32(records), ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1}
	for i := range records {
		b.Records = appendRecord(b.Records, kmsg.Record{OffsetDelta: int32(i), Value: []byte("v")})
	}
	return b
}

func appendRecord(b []byte, r kmsg.Record) []byte {
	r.Length = int32(len(r.AppendTo(nil)) - 1) // the length 0 takes one byte
	return r.AppendTo(b)
}

// sealed encodes a batch with its length and CRC.
func sealed(b kmsg.RecordBatch) []byte {
	b.Length = int32(batchBytes - headBytes + len(b.Records))
	encoded := b.AppendTo(nil)
	binary.BigEndian.PutUint32(encoded[17:], crc32.Checksum(encoded[21:], castagnoli))
	return encoded
}

func marker(base int64, producer int64, kind byte) []byte {
	b := newBatch(base, 0)
	b.LastOffsetDelta, b.NumRecords, b.ProducerID, b.Attributes = 0, 1, producer, attributeControl|attributeTransactional
	b.Records = appendRecord(nil, kmsg.Record{Key: []byte{0, 0, 0, kind}, Value: make([]byte, 6)})
	return sealed(b)
}

func transactional(base int64, records int, producer int64) []byte {
	b := newBatch(base, records)
	b.ProducerID, b.Attributes = producer, attributeTransactional
	return sealed(b)
}

var client = func() *kgo.Client {
	c, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(maxBatchBytes))
	if err != nil {
		panic(err)
	}
	return c
}()

type taken struct {
	base, last int64
	kind       Kind
	records    int
}

// takeAll returns the batches that take delivers from a response to a fetch of a range.
func takeAll(batches []byte, aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction, stable int64, within Range) (all []taken, next int64, err error) {
	r := reader{log: &Log{topic: "tweets", client: client}, next: within.Start, end: within.End, records: true, decoder: new(decoder), do: func(b Batch) error {
		all = append(all, taken{b.Base, b.Last, b.Kind, len(b.Records)})
		return nil
	}}
	err = r.take(&kmsg.FetchResponseTopicPartition{RecordBatches: batches, AbortedTransactions: aborted, LastStableOffset: stable})
	return all, r.next, err
}

func TestTake(t *testing.T) {
	list := func(pairs ...int64) (all []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: pairs[i], FirstOffset: pairs[i+1]})
		}
		return all
	}
	join := func(batches ...[]byte) (all []byte) {
		for _, b := range batches {
			all = append(all, b...)
		}
		return all
	}
	three := join(batchAt(0, 10), batchAt(10, 10), batchAt(20, 10))
	compacted := newBatch(0, 3)
	compacted.LastOffsetDelta = 9
	empty := newBatch(0, 0)
	empty.LastOffsetDelta = 4
	for name, tc := range map[string]struct {
		batches []byte
		aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction
		stable  int64
		within  Range
		want    []taken
		next    int64
	}{
		"all":                     {three, nil, 30, Range{0, 30}, []taken{{0, 9, Data, 10}, {10, 19, Data, 10}, {20, 29, Data, 10}}, 30},
		"from inside to inside":   {three, nil, 30, Range{15, 25}, []taken{{10, 19, Data, 5}, {20, 29, Data, 5}}, 30},
		"one offset":              {three, nil, 30, Range{19, 20}, []taken{{10, 19, Data, 1}}, 20},
		"a cut end":               {three[:len(three)-1], nil, 30, Range{0, 30}, []taken{{0, 9, Data, 10}, {10, 19, Data, 10}}, 20},
		"a cut head":              {join(batchAt(0, 1), []byte{0, 0, 0}), nil, 30, Range{0, 30}, []taken{{0, 0, Data, 1}}, 1},
		"beyond what is stable":   {three, nil, 20, Range{0, 30}, []taken{{0, 9, Data, 10}, {10, 19, Data, 10}}, 20},
		"a broker without stable": {three, nil, -1, Range{0, 30}, []taken{{0, 9, Data, 10}, {10, 19, Data, 10}, {20, 29, Data, 10}}, 30},
		"compacted":               {sealed(compacted), nil, 30, Range{0, 10}, []taken{{0, 9, Data, 3}}, 10},
		"compacted to nothing":    {sealed(empty), nil, 30, Range{0, 5}, []taken{{0, 4, Data, 0}}, 5},
		"a gap to the end":        {batchAt(20, 1), nil, 30, Range{5, 10}, nil, 10},
		"an aborted transaction and a committed one of the same producer": {
			join(transactional(0, 2, 7), marker(2, 7, 0), transactional(3, 2, 7), marker(5, 7, 1)), list(7, 0), 30, Range{0, 6},
			[]taken{{0, 1, Aborted, 0}, {2, 2, Control, 0}, {3, 4, Data, 2}, {5, 5, Control, 0}}, 6},
		"a committed one before an aborted one": {
			join(transactional(0, 2, 7), marker(2, 7, 1), transactional(3, 2, 7), marker(5, 7, 0)), list(7, 3), 30, Range{0, 6},
			[]taken{{0, 1, Data, 2}, {2, 2, Control, 0}, {3, 4, Aborted, 0}, {5, 5, Control, 0}}, 6},
		"two aborted ones, listed the newest first": {
			join(transactional(0, 1, 7), marker(1, 7, 0), transactional(2, 1, 7), marker(3, 7, 0), transactional(4, 1, 7)), list(7, 2, 7, 0), 30, Range{0, 5},
			[]taken{{0, 0, Aborted, 0}, {1, 1, Control, 0}, {2, 2, Aborted, 0}, {3, 3, Control, 0}, {4, 4, Data, 1}}, 5},
		"one of another producer, and none, in between": {
			join(transactional(0, 1, 7), transactional(1, 1, 8), batchAt(2, 1), marker(3, 8, 1), marker(4, 7, 0)), list(7, 0), 30, Range{0, 5},
			[]taken{{0, 0, Aborted, 0}, {1, 1, Data, 1}, {2, 2, Data, 1}, {3, 3, Control, 0}, {4, 4, Control, 0}}, 5},
		"one that began before the response": {join(transactional(10, 1, 7), marker(11, 7, 0)), list(7, 3), 30, Range{10, 12}, []taken{{10, 10, Aborted, 0}, {11, 11, Control, 0}}, 12},
	} {
		got, next, err := takeAll(tc.batches, tc.aborted, tc.stable, tc.within)
		if err != nil || next != tc.next || len(got) != len(tc.want) {
			t.Errorf("%s: got %v, next %d, %v; want %v, next %d", name, got, next, err, tc.want, tc.next)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%s: got %v, want %v", name, got, tc.want)
			}
		}
	}
}

// A corrupt batch must never lose records without an error.
func TestTakeRefuses(t *testing.T) {
	change := func(f func(b *kmsg.RecordBatch)) []byte {
		b := newBatch(0, 3)
		f(&b)
		return sealed(b)
	}
	flipped := batchAt(0, 3)
	flipped[len(flipped)-1]++
	old := batchAt(0, 3)
	old[16] = 1
	unsound := newBatch(5, 0)
	unsound.LastOffsetDelta, unsound.NumRecords, unsound.Attributes, unsound.ProducerID = 0, 1, attributeControl|attributeTransactional, 7
	unsound.Records = appendRecord(nil, kmsg.Record{Key: []byte{0}})
	for name, tc := range map[string]struct {
		batches []byte
		says    string
	}{
		"a bit that was flipped":    {flipped, "CRC"},
		"an old format":             {old, "message format 1"},
		"a cut first one":           {batchAt(0, 3)[:40], "end inside a batch"},
		"a length of nothing":       {append(make([]byte, 11), 0, 0, 0, 0, 0, 2), "12 bytes"},
		"a negative length":         {append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 2), "11 bytes"},
		"a negative count":          {change(func(b *kmsg.RecordBatch) { b.NumRecords = -1 }), "-1 records"},
		"more records than offsets": {change(func(b *kmsg.RecordBatch) { b.LastOffsetDelta = 1 }), "3 records"},
		"fewer records than bytes":  {change(func(b *kmsg.RecordBatch) { b.NumRecords = 2 }), "follow the last record"},
		"more records than bytes":   {change(func(b *kmsg.RecordBatch) { b.NumRecords, b.LastOffsetDelta = 4, 3 }), "3 records of 4"},
		"a record that is cut":      {change(func(b *kmsg.RecordBatch) { b.Records = b.Records[:len(b.Records)-1] }), "2 records of 3"},
		"a record of no bytes":      {change(func(b *kmsg.RecordBatch) { b.Records = []byte{0, 0, 0} }), "after offset -1"},
		"an offset twice": {change(func(b *kmsg.RecordBatch) {
			one := appendRecord(nil, kmsg.Record{OffsetDelta: 1})
			b.Records = append(append(one, one...), one...)
		}), "offset 1 follows offset 1"},
		"an offset beyond the last": {change(func(b *kmsg.RecordBatch) {
			b.NumRecords, b.Records = 1, appendRecord(nil, kmsg.Record{OffsetDelta: 3})
		}), "offset 3 follows"},
		"a codec that does not exist":           {change(func(b *kmsg.RecordBatch) { b.Attributes = 7 }), "decompressing"},
		"a codec that does not match the bytes": {change(func(b *kmsg.RecordBatch) { b.Attributes = 1 }), "decompressing"},
		"one inside of the one before":          {append(batchAt(0, 3), batchAt(2, 3)...), "inside the batch before it"},
		"a marker without a type":               {append(batchAt(0, 5), sealed(unsound)...), "no type"},
	} {
		got, _, err := takeAll(tc.batches, nil, 100, Range{0, 100})
		if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "partition 0 of tweets") {
			t.Errorf("%s: got %v, %v, want an error that says %q", name, got, err, tc.says)
		}
	}
}

// If the broker set the time, it is in the batch's header.
func TestAppendTime(t *testing.T) {
	for attributes, want := range map[int16]int64{0: 1005, attributeAppendTime: 9000} {
		b := newBatch(0, 0)
		b.Attributes, b.FirstTimestamp, b.MaxTimestamp, b.NumRecords = attributes, 1000, 9000, 1
		b.LastOffsetDelta = 0
		b.Records = appendRecord(nil, kmsg.Record{TimestampDelta64: 5})
		records, err := new(decoder).records(client, &b, Range{0, 1})
		if err != nil || len(records) != 1 || records[0].Timestamp != want {
			t.Errorf("attributes %d: got %+v, %v, want %d", attributes, records, err, want)
		}
	}
}

// Whatever a broker responds, the result is records of ascending offsets in the range,
// or an error.
func FuzzTake(f *testing.F) {
	f.Add(batchAt(0, 3), int64(0), int64(10))
	f.Add(append(transactional(0, 2, 7), marker(2, 7, 0)...), int64(1), int64(3))
	f.Fuzz(func(t *testing.T, batches []byte, start, end int64) {
		// With a valid CRC, so that the code after its check is fuzzed too.
		for b := batches; len(b) >= batchBytes; {
			size := int64(int32(binary.BigEndian.Uint32(b[8:]))) + headBytes
			if size < batchBytes || size > int64(len(b)) {
				break
			}
			b[16] = 2
			binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:size], castagnoli))
			b = b[size:]
		}
		offset := start - 1
		r := reader{log: &Log{topic: "tweets", client: client}, next: start, end: end, records: true, decoder: new(decoder), do: func(b Batch) error {
			if b.Last < b.Base || b.Last < start || b.Base >= end {
				t.Fatalf("a batch %+v of a range from %d to %d", b, start, end)
			}
			for _, rec := range b.Records {
				if rec.Offset <= offset || rec.Offset < b.Base || rec.Offset > b.Last || rec.Offset >= end {
					t.Fatalf("offset %d follows %d, in a batch %d to %d of a range from %d to %d", rec.Offset, offset, b.Base, b.Last, start, end)
				}
				offset = rec.Offset
			}
			return nil
		}}
		_ = r.take(&kmsg.FetchResponseTopicPartition{RecordBatches: batches, LastStableOffset: -1})
	})
}
