package recordbatch

import (
	"encoding/binary"
	"testing"
)

// If FuzzWalk fails, this package and franz-go read different records from the same
// bytes, or the process crashes. With repair the bytes get a matching magic, length and
// CRC; otherwise the fuzzer would only test the checks of these three.
func FuzzWalk(f *testing.F) {
	var all []byte
	for _, seed := range seedBatches(f) {
		f.Add(seed, false)
		f.Add(seed, true)
		all = append(all, seed...)
	}
	f.Add(all, false)
	f.Add(all[:len(all)-1], false)
	f.Fuzz(func(t *testing.T, b []byte, repair bool) {
		if repair {
			b = repaired(b)
		}
		compareWalk(t, b)
	})
}

// repaired returns batches made of b that pass the checks before the records.
func repaired(b []byte) []byte {
	b = append([]byte(nil), b...)
	for rest := b; len(rest) >= HeaderSize; {
		size := int64(int32(binary.BigEndian.Uint32(rest[atLength:]))) + lengthEnd
		if size < HeaderSize || size > int64(len(rest)) {
			size = int64(len(rest))
		}
		rest[atMagic] = 2
		seal(rest[:size])
		rest = rest[size:]
	}
	return b
}

// If FuzzRecords fails, this package and franz-go read different records from bytes
// that no producer writes. The fuzzer generates them before they are compressed, since
// it cannot generate valid compressed bytes.
func FuzzRecords(f *testing.F) {
	for _, seed := range seedBatches(f) {
		h, err := ParseHeader(seed)
		if err != nil {
			f.Fatal(err)
		}
		plain, err := NewDecompressor(oracleLimit).AppendUncompressed(nil, seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain[HeaderSize:], h.Attributes, h.Records, h.LastOffsetDelta, h.FirstTimestamp, h.MaxTimestamp)
	}
	f.Fuzz(func(t *testing.T, records []byte, attributes int16, count, delta int32, first, last int64) {
		h := Header{
			BaseOffset: 1 << 40, Magic: 2, Attributes: attributes &^ AttrCodec, Records: count,
			LastOffsetDelta: delta, FirstTimestamp: first, MaxTimestamp: last,
		}
		batch := append(h.append(nil), records...)
		seal(batch)
		if codec := Codec(attributes & AttrCodec); codec <= Zstd {
			batch = compressed(t, batch, codec)
		}
		compareWalk(t, batch)
	})
}

// seedBatches returns batches of each codec and each kind.
func seedBatches(tb tester) [][]byte {
	tb.Helper()
	records := []Record{
		{Offset: 10, Timestamp: 1_700_000_000_000, Key: []byte("key"), Value: []byte("a value and a value and a value")},
		{Offset: 11, Timestamp: 1_700_000_000_300, Value: []byte{}},
		{Offset: 14, Timestamp: 1_699_999_000_000, Key: []byte{}, Headers: RecordHeaders(nil).Append("h", nil).Append("h", []byte("x"))},
	}
	marker := []Record{{Offset: 10, Timestamp: 1_700_000_000_000, Key: []byte{0, 0, 0, 1}, Value: []byte{0, 0, 0, 0, 0, 7}}}
	var out [][]byte
	add := func(h Header, records []Record) {
		h.BaseOffset, h.LeaderEpoch, h.ProducerID = 10, 3, 77
		b, err := AppendBatch(nil, h, records...)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, b)
	}
	add(Header{}, records)
	for codec := Gzip; codec <= Zstd; codec++ {
		out = append(out, compressed(tb, out[0], codec))
	}
	out = append(out,
		withPayload(out[0], Snappy, xerial(out[0][HeaderSize:], 20)),
		withPayload(out[0], Zstd, zstdStream(tb, out[0][HeaderSize:])))
	add(Header{LastOffsetDelta: 9}, records)
	add(Header{LastOffsetDelta: 9}, nil)
	add(Header{Attributes: AttrLogAppendTime, MaxTimestamp: 1_800_000_000_000}, records)
	add(Header{Attributes: AttrDeleteHorizon | AttrTransactional, FirstTimestamp: 1_650_000_000_000}, records)
	add(Header{Attributes: AttrControl | AttrTransactional}, marker)
	return out
}
