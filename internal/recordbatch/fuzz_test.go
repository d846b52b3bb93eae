package recordbatch

import (
	"encoding/binary"
	"testing"
)

// If FuzzWalk fails, bytes as a broker may send them are read otherwise than
// franz-go reads them, or end the process. With repair the bytes are given a
// magic, a length and a CRC that match, or the fuzzer would only ever see those
// three refused.
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

// repaired makes batches of b that pass the checks in front of the records.
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

// If FuzzRecords fails, records that no producer writes are read otherwise than
// franz-go reads them. The fuzzer writes them before they are compressed, which
// it could not get through.
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

// seedBatches has each codec and each kind of batch.
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
