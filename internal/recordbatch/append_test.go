package recordbatch

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// batchGen draws batches with gaps, nulls, headers and any times.
func batchGen(t *rapid.T) (Header, []Record) {
	h := Header{
		BaseOffset:    rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, math.MaxInt64-1<<32)).Draw(t, "base"),
		LeaderEpoch:   rapid.Int32().Draw(t, "leader epoch"),
		ProducerID:    rapid.Int64().Draw(t, "producer id"),
		ProducerEpoch: rapid.Int16().Draw(t, "producer epoch"),
		BaseSequence:  rapid.Int32().Draw(t, "sequence"),
		Attributes:    rapid.Int16().Draw(t, "attributes") &^ AttrCodec,
		// Used only if they do not follow from the records.
		FirstTimestamp: rapid.Int64().Draw(t, "first timestamp"),
		MaxTimestamp:   rapid.Int64().Draw(t, "max timestamp"),
	}
	field := rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOfN(rapid.Byte(), 0, 200))
	records := make([]Record, rapid.IntRange(0, 20).Draw(t, "records"))
	offset := h.BaseOffset - 1
	for i := range records {
		offset += rapid.Int64Range(1, 5000).Draw(t, "step")
		records[i] = Record{
			Offset:    offset,
			Timestamp: rapid.OneOf(rapid.Int64Range(1_700_000_000_000, 1_700_000_009_999), rapid.Int64()).Draw(t, "timestamp"),
			Key:       field.Draw(t, "key"),
			Value:     field.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			records[i].Headers = records[i].Headers.Append(rapid.StringN(0, 5, 20).Draw(t, "header"), field.Draw(t, "header value"))
		}
	}
	h.LastOffsetDelta = rapid.Int32Range(0, 200_000).Draw(t, "last offset delta")
	return h, records
}

// If this fails, AppendBatch and franz-go's encoder write different bytes for the same
// records.
func TestAppendBatchIsKafkas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, records := batchGen(t)
		got, err := AppendBatch([]byte("dst"), h, records...)
		if err != nil {
			t.Fatal(err)
		}
		got = bytes.TrimPrefix(got, []byte("dst"))
		if want := encoded(h, records); !bytes.Equal(got, want) {
			t.Fatalf("%x\ninstead of\n%x", got, want)
		}
	})
}

// encoded builds the batch by kmsg.
func encoded(h Header, records []Record) []byte {
	b := kmsg.RecordBatch{
		FirstOffset: h.BaseOffset, PartitionLeaderEpoch: h.LeaderEpoch, Magic: 2, Attributes: h.Attributes,
		LastOffsetDelta: h.LastOffsetDelta, FirstTimestamp: h.FirstTimestamp, MaxTimestamp: h.MaxTimestamp,
		ProducerID: h.ProducerID, ProducerEpoch: h.ProducerEpoch, FirstSequence: h.BaseSequence,
		NumRecords: int32(len(records)),
	}
	for i, rec := range records {
		if i == 0 && !h.DeleteHorizon() {
			b.FirstTimestamp = rec.Timestamp
		}
		if !h.LogAppendTime() && (i == 0 || rec.Timestamp > b.MaxTimestamp) {
			b.MaxTimestamp = rec.Timestamp
		}
		b.LastOffsetDelta = max(b.LastOffsetDelta, int32(rec.Offset-h.BaseOffset))
	}
	for _, rec := range records {
		r := kmsg.Record{
			TimestampDelta64: rec.Timestamp - b.FirstTimestamp, OffsetDelta: int32(rec.Offset - h.BaseOffset),
			Key: rec.Key, Value: rec.Value,
		}
		for key, value := range rec.Headers.All() {
			r.Headers = append(r.Headers, kmsg.Header{Key: string(key), Value: value})
		}
		body := r.AppendTo(nil)[1:] // after a length of 0
		b.Records = append(kbin.AppendVarint(b.Records, int32(len(body))), body...)
	}
	b.Length = int32(HeaderSize - lengthEnd + len(b.Records))
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[atAttributes:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}

// If this fails, records are lost or changed between the broker and the fold.
func TestWalkGivesWhatWasWritten(t *testing.T) {
	d := NewDecompressor(1 << 20)
	rapid.Check(t, func(t *rapid.T) {
		var log, dst, last []byte
		var want [][]Record
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			h, records := batchGen(t)
			plain, err := AppendBatch(nil, h, records...)
			if err != nil {
				t.Fatal(err)
			}
			if h.LogAppendTime() {
				for i := range records {
					records[i].Timestamp = h.MaxTimestamp
				}
			}
			if p := rapid.IntRange(-1, len(payloads)-1).Draw(t, "payload"); p >= 0 && len(records) > 0 {
				plain = withPayload(plain, payloads[p].codec, payloads[p].make(t, plain[HeaderSize:]))
			}
			log, want, last = append(log, plain...), append(want, records), plain
		}
		cut := rapid.IntRange(0, HeaderSize+10).Draw(t, "beginning of the next batch")
		log = append(log, last[:min(cut, len(last)-1)]...)
		for i := 0; i < len(want); i++ {
			h, batch, rest, err := Next(log)
			if err != nil {
				t.Fatal(err)
			}
			if dst, err = d.AppendUncompressed(dst[:0], batch); err != nil {
				t.Fatal(err)
			}
			if int(h.Records) != len(want[i]) {
				t.Fatalf("%d records instead of %d", h.Records, len(want[i]))
			}
			if got := readAll(t, dst); !equalRecords(got, want[i]) {
				t.Fatalf("batch %d is %v instead of %v", i, got, want[i])
			}
			log = rest
		}
		if _, _, _, err := Next(log); len(log) > 0 && !errors.Is(err, ErrPartial) {
			t.Fatalf("%d bytes of a batch gave %v", len(log), err)
		}
	})
}

// If this fails, a batch is written that no consumer can read, or the caller's bytes
// are overwritten.
func TestAppendBatchRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		h       Header
		records []Record
	}{
		{"a codec", Header{Attributes: int16(Zstd)}, nil},
		{"an offset below the base", Header{BaseOffset: 5}, []Record{{Offset: 4}}},
		{"the same offset twice", Header{}, []Record{{Offset: 1}, {Offset: 1}}},
		{"offsets that fall", Header{}, []Record{{Offset: 2}, {Offset: 1}}},
		{"an offset too far away", Header{}, []Record{{Offset: 1 << 31}}},
		{"more records than offsets", Header{}, []Record{{Offset: 0}, {Offset: 3}, {Offset: 1}}},
		{"a negative base", Header{BaseOffset: -1}, nil},
		{"a last offset that overflows", Header{BaseOffset: math.MaxInt64}, nil},
		{"a negative last offset delta", Header{LastOffsetDelta: -1}, nil},
	} {
		got, err := AppendBatch([]byte("dst"), c.h, c.records...)
		if !errors.Is(err, ErrRecords) || string(got) != "dst" {
			t.Errorf("%s: %q and %v", c.name, got, err)
		}
	}
}
