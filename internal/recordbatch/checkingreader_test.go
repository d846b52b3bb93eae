package recordbatch

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// outcome is the result of a reader for a batch.
type outcome struct {
	records []Record
	err     string
	crc     bool
}

func outcomeOf(r Reader, err error) outcome {
	var o outcome
	var rec Record
	for err == nil && r.Next(&rec) {
		o.records = append(o.records, rec)
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		o = outcome{err: err.Error(), crc: errors.Is(err, ErrCRC)} // a batch counts only as a whole
	}
	return o
}

// If this fails, a batch whose bytes have changed is counted, or a valid one is
// rejected.
func TestCheckingReaderIsCheckAndReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, records := batchGen(t)
		// Some records cross the boundary between two parts of the checksum, and some
		// batches end there.
		if size := rapid.SampledFrom([]int{0, 0, 100, 16 << 10, 50_000}).Draw(t, "size of one more value"); size > 0 {
			last := Record{Offset: h.BaseOffset + int64(len(records)), Timestamp: h.FirstTimestamp, Value: make([]byte, size)}
			if n := len(records); n > 0 {
				last.Offset, last.Timestamp = records[n-1].Offset+1, records[n-1].Timestamp
			}
			records = append(records, last)
			h.LastOffsetDelta = 0
		}
		b, err := AppendBatch(nil, h, records...)
		if err != nil {
			t.Skip(err)
		}
		if rapid.Bool().Draw(t, "damaged") {
			b = bytes.Clone(b)
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		var want outcome
		if _, err := Check(b); err != nil {
			want = outcomeOf(Reader{}, err)
		} else {
			want = outcomeOf(NewReader(b))
		}
		if got := outcomeOf(NewCheckingReader(b)); got.crc != want.crc || !got.crc && got.err != want.err || !reflect.DeepEqual(got.records, want.records) {
			t.Fatalf("%d records, error %q; checked first it is %d records, error %q", len(got.records), got.err, len(want.records), want.err)
		}
	})
}
