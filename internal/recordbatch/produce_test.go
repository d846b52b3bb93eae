package recordbatch

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// If this fails, a broker refuses a copied batch, or stores other records than the
// source has.
func TestProducible(t *testing.T) {
	p, d := NewProducible(1<<20), NewDecompressor(1<<20)
	var compressors [Zstd + 1]*Compressor
	for i := range compressors {
		var err error
		if compressors[i], err = NewCompressor(Codec(i), DefaultLevel); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		h, records := batchGen(t)
		if rapid.Bool().Draw(t, "without gaps") {
			for i := range records {
				records[i].Offset = h.BaseOffset + int64(i)
			}
			h.LastOffsetDelta = 0
		}
		plain, err := AppendBatch(nil, h, records...)
		if err != nil {
			t.Fatal(err)
		}
		codec := Codec(rapid.IntRange(0, int(Zstd)).Draw(t, "codec"))
		batch, err := compressors[codec].AppendCompressed(nil, plain)
		if err != nil {
			t.Fatal(err)
		}
		source := bytes.Clone(batch)
		_, ready := Ready(batch)
		got, err := p.Append([]byte("dst"), batch)
		if !bytes.Equal(batch, source) {
			t.Fatal("the bytes of the source are changed")
		}
		if h.Control() || len(records) == 0 {
			if !errors.Is(err, ErrRecords) || string(got) != "dst" || ready {
				t.Fatalf("%v, ready %v", err, ready)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got = bytes.TrimPrefix(got, []byte("dst"))
		if ready != bytes.Equal(got, batch) {
			t.Fatalf("ready is %v, and the copy is the same %v", ready, !ready)
		}
		if h, ready := Ready(got); !ready || h.Records != int32(len(records)) {
			t.Fatalf("a batch that was made to be sent is ready: %v, with %d records", ready, h.Records)
		}
		out, err := Check(got)
		if err != nil {
			t.Fatal(err)
		}
		want := Header{
			Length: out.Length, LeaderEpoch: -1, Magic: 2, CRC: out.CRC, Attributes: int16(codec),
			LastOffsetDelta: int32(len(records) - 1), Records: int32(len(records)),
			FirstTimestamp: out.FirstTimestamp, MaxTimestamp: out.MaxTimestamp,
			ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1,
		}
		if out != want {
			t.Fatalf("the header is %+v, want %+v", out, want)
		}
		for i := range records {
			records[i].Offset = int64(i)
			if h.LogAppendTime() {
				records[i].Timestamp = h.MaxTimestamp
			}
		}
		r, err := d.Reader(got)
		if err != nil {
			t.Fatal(err)
		}
		var rec Record
		for i := 0; r.Next(&rec); i++ {
			if !equalRecords([]Record{rec}, records[i:i+1]) {
				t.Fatalf("record %d is %v, want %v", i, rec, records[i])
			}
		}
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
	})
}

// If this fails, damage gets a CRC that hides it.
func TestProducibleRefusesDamage(t *testing.T) {
	batch := tweetBatch(t)
	batch[len(batch)/2] ^= 1
	if got, err := NewProducible(1<<20).Append([]byte("dst"), batch); !errors.Is(err, ErrCRC) || string(got) != "dst" {
		t.Errorf("%v", err)
	}
	if _, ready := Ready(batch); ready {
		t.Error("a damaged batch is sent as it is")
	}
}
