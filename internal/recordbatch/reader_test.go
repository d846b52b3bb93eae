package recordbatch

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

// body returns a batch of this many records, with these bytes for them.
func body(count, lastDelta int32, records ...byte) []byte {
	h := Header{Magic: 2, BaseOffset: 100, LastOffsetDelta: lastDelta, Records: count, FirstTimestamp: 1000, MaxTimestamp: 5000}
	b := append(h.append(nil), records...)
	seal(b)
	return b
}

// If this fails, records are counted that the log does not have, or a batch that lacks
// a part counts as whole.
func TestReaderRefuses(t *testing.T) {
	// One record: length, attributes, timestamp, offset, key, value, headers.
	good := []byte{12, 0, 0, 0, 1, 1, 0}
	at := func(i int, v ...byte) []byte { return append(append(bytes.Clone(good[:i]), v...), good[i+1:]...) }
	second := func(delta byte) []byte { return append(bytes.Clone(good), 12, 0, 0, delta, 1, 1, 0) }
	// The same with a value that is long enough to be read with one load.
	long := func(delta byte) []byte { return []byte{20, 0, 0, delta, 1, 8, 'a', 'b', 'c', 'd', 0} }
	longs := func(deltas ...byte) (b []byte) {
		for _, d := range deltas {
			b = append(b, long(d)...)
		}
		return b
	}
	for _, c := range []struct {
		name    string
		batch   []byte
		records int
		want    error
	}{
		{"one record", body(1, 0, good...), 1, nil},
		{"no record", body(0, 0), 0, nil},
		{"two records", body(2, 1, second(2)...), 2, nil},
		{"a gap in front of the second", body(2, 3, second(6)...), 2, nil},
		{"a key of length -2", body(1, 0, at(4, 3)...), 1, nil},

		{"three long records", body(3, 4, longs(0, 4, 8)...), 3, nil},

		{"a negative offset in a long record", body(1, 0, long(1)...), 0, errOffset},
		{"an offset beyond the last in a long record", body(1, 0, long(2)...), 0, errOffset},
		{"the same offset twice in long records", body(3, 2, longs(2, 2, 4)...), 1, errOffset},
		{"offsets that fall in long records", body(3, 2, longs(2, 0, 4)...), 1, errOffset},
		{"a long record too many", body(1, 1, longs(0, 2)...), 1, errBatchTail},
		{"a long record that is cut off", body(1, 0, long(0)[:10]...), 0, errEnd},

		{"a record too few", body(2, 1, good...), 1, errEnd},
		{"a record too many", body(1, 1, second(2)...), 1, errBatchTail},
		{"a record where none should be", body(0, 0, good...), 0, errBatchTail},
		{"a count of 2^31-1 without bytes", body(math.MaxInt32, math.MaxInt32), 0, errEnd},
		{"a record of no bytes", body(1, 0, 0), 0, errEnd},
		{"a record of one byte", body(1, 0, 2, 0), 0, errEnd},
		{"a negative length", body(1, 0, at(0, 1)...), 0, errLength},
		{"a length beyond the batch", body(1, 0, at(0, 14)...), 0, errEnd},
		{"a length of 2^31-1", body(1, 0, at(0, 0xfe, 0xff, 0xff, 0xff, 0x0f)...), 0, errEnd},
		{"a length without its end", body(1, 0, 0x8c, 0x80), 0, errEnd},
		{"an over-long length", body(1, 0, at(0, 0x8c, 0x80, 0x80, 0x80, 0x80, 0)...), 0, errVarint},
		{"a length of 33 bits", body(1, 0, at(0, 0x8c, 0x80, 0x80, 0x80, 0x10)...), 0, errVarint},
		{"an over-long timestamp", body(1, 0, 32, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02, 0, 1, 1, 0, 0, 0), 0, errVarint},
		{"a negative offset", body(1, 0, at(3, 1)...), 0, errOffset},
		{"an offset beyond the last", body(1, 0, at(3, 2)...), 0, errOffset},
		{"the same offset twice", body(2, 1, second(0)...), 1, errOffset},
		{"a key beyond the record", body(1, 0, at(4, 6)...), 0, errEnd},
		{"a value beyond the record", body(1, 0, at(5, 4)...), 0, errEnd},
		{"a negative count of headers", body(1, 0, at(6, 1)...), 0, errHeaders},
		{"2^31-1 headers", body(1, 0, 20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f), 0, errEnd},
		{"a header with a null key", body(1, 0, 16, 0, 0, 0, 1, 1, 2, 1, 1), 0, errHeaderKey},
		{"bytes after the headers", body(1, 0, 14, 0, 0, 0, 1, 1, 0, 0), 0, errRecordTail},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(c.batch)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			var rec Record
			for r.Next(&rec) {
				n++
			}
			if n != c.records || !errors.Is(r.Err(), c.want) {
				t.Errorf("%d records and the error %v", n, r.Err())
			}
			if r.Next(&rec) {
				t.Error("a record after the last")
			}
			if c.want != nil && !errors.Is(r.Err(), ErrCorrupt) {
				t.Errorf("%v is not an ErrCorrupt", r.Err())
			}
		})
	}
}

func TestNewReaderRefuses(t *testing.T) {
	seeds := seedBatches(t)
	good := seeds[0]
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"compressed", seeds[1], ErrCompressed},
		{"cut off", good[:len(good)-1], ErrPartial},
		{"followed by another", append(bytes.Clone(good), good...), ErrCorrupt},
		{"magic 1", append(append(bytes.Clone(good[:atMagic]), 1), good[atMagic+1:]...), ErrMagic},
	} {
		if _, err := NewReader(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// If this fails, records have another timestamp than for Kafka's consumers.
func TestTimestamps(t *testing.T) {
	records := []Record{{Offset: 1, Timestamp: 2000}, {Offset: 2, Timestamp: 1500}, {Offset: 3, Timestamp: math.MaxInt64}}
	for _, c := range []struct {
		name  string
		h     Header
		first int64
		want  []int64
	}{
		{"of the producer", Header{}, 2000, []int64{2000, 1500, math.MaxInt64}},
		{"of the broker", Header{Attributes: AttrLogAppendTime, MaxTimestamp: 9000}, 2000, []int64{9000, 9000, 9000}},
		{"with a delete horizon", Header{Attributes: AttrDeleteHorizon, FirstTimestamp: 70_000}, 70_000, []int64{2000, 1500, math.MaxInt64}},
	} {
		c.h.BaseOffset = 1
		b, err := AppendBatch(nil, c.h, records...)
		if err != nil {
			t.Fatal(err)
		}
		for i, rec := range readAll(t, b) {
			if rec.Timestamp != c.want[i] {
				t.Errorf("%s: record %d has %d", c.name, i, rec.Timestamp)
			}
		}
		if h, _ := ParseHeader(b); h.FirstTimestamp != c.first || h.MaxTimestamp != max(c.h.MaxTimestamp, records[2].Timestamp) && !h.LogAppendTime() {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
}
