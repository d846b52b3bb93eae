package recordbatch

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// If FuzzBuilder fails, a batch that is built in place is not the one of franz-go's
// encoder, or, compressed, its decoder reads other records from it.
func FuzzBuilder(f *testing.F) {
	for _, seed := range recipes() {
		for codec := None; codec <= Zstd; codec++ {
			f.Add([]byte(seed), uint8(codec), uint8(0), true)
		}
		f.Add([]byte(seed), uint8(LZ4), uint8(9), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, codec, level uint8, inPlace bool) {
		records := recipe(data).records(0, false)
		var b Builder
		b.Begin([]byte("dst"))
		for i := range records {
			rec, before := &records[i], b.Size()
			if inPlace && rec.Value != nil {
				b.Close(append(b.Open(rec.Timestamp, rec.Key, rec.Headers, len(rec.Value)), rec.Value...))
			} else {
				b.Append(rec)
			}
			if n, most := b.Size()-before, MaxRecordSize(len(rec.Key), len(rec.Value), len(rec.Headers)); n > most {
				t.Fatalf("record %d takes %d bytes of at most %d", i, n, most)
			}
		}
		plain, err := b.Finish()
		if plain = bytes.TrimPrefix(plain, []byte("dst")); len(records) == 0 {
			if err == nil || len(plain) > 0 {
				t.Fatalf("no records make %d bytes", len(plain))
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := encoded(sent, records); !bytes.Equal(plain, want) {
			t.Fatalf("%x\ninstead of\n%x", plain, want)
		}
		batch, err := fuzzedCompressor(t, codec, level).AppendCompressed(nil, plain)
		if err != nil {
			t.Fatal(err)
		}
		compareFranz(t, batch, records)
	})
}

// If FuzzCompressor fails, franz-go reads other bytes than were compressed, whatever they
// are and however many.
func FuzzCompressor(f *testing.F) {
	for _, seed := range [][]byte{{}, {0}, []byte("abcabcabcabc"), bytes.Repeat([]byte("tweet "), 100), seedBatches(f)[3]} {
		for codec := None; codec <= Zstd; codec++ {
			f.Add(seed, uint16(1), uint8(codec), uint8(0))
			f.Add(seed, uint16(700), uint8(codec), uint8(9))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte, times uint16, codec, level uint8) {
		payload = bytes.Repeat(payload, 1+min(int(times), (5<<20)/(1+len(payload)))) // beyond a block of lz4
		h := sent
		h.Length = int32(HeaderSize - lengthEnd + len(payload))
		h.Records = 1
		plain := append(h.append(nil), payload...)
		seal(plain)
		c := fuzzedCompressor(t, codec, level)
		got, err := c.AppendCompressed([]byte("dst"), plain)
		if err != nil {
			t.Fatal(err)
		}
		got = bytes.TrimPrefix(got, []byte("dst"))
		out, err := Check(got)
		if err != nil {
			t.Fatal(err)
		}
		h.Attributes, h.Length, h.CRC = out.Attributes, out.Length, out.CRC
		if out != h {
			t.Fatalf("the header is %+v, want %+v", out, h)
		}
		back := got[HeaderSize:]
		if codec := out.Codec(); codec != None {
			back, err = kgo.DefaultDecompressor().Decompress(back, kgo.CompressionCodecType(codec))
		}
		if err != nil || !bytes.Equal(back, payload) {
			t.Fatalf("%s: franz-go reads %d bytes of %d: %v", out.Codec(), len(back), len(payload), err)
		}
	})
}

// If FuzzProducible fails, a broker refuses the copy of a batch that franz-go has encoded
// and compressed, or its records are others.
func FuzzProducible(f *testing.F) {
	for _, seed := range recipes() {
		for codec := None; codec <= Zstd; codec++ {
			for _, attributes := range []int16{0, AttrTransactional, AttrLogAppendTime, AttrDeleteHorizon | AttrTransactional} {
				f.Add([]byte(seed), attributes|int16(codec), int64(1<<40), int32(9), int64(77), codec&1 == 0)
			}
		}
	}
	p := NewProducible(64 << 20)
	f.Fuzz(func(t *testing.T, data []byte, attributes int16, base int64, delta int32, number int64, gaps bool) {
		h := Header{
			BaseOffset: base & (1<<50 - 1), LeaderEpoch: int32(number), Attributes: attributes &^ (AttrCodec | AttrControl),
			LastOffsetDelta: delta & (1<<20 - 1), FirstTimestamp: number, MaxTimestamp: number >> 1,
			ProducerID: number, ProducerEpoch: int16(number), BaseSequence: int32(number >> 8),
		}
		if !gaps {
			h.LastOffsetDelta = 0
		}
		records := recipe(data).records(h.BaseOffset, gaps)
		if len(records) == 0 {
			return
		}
		source := compressed(t, encoded(h, records), Codec(attributes&AttrCodec)%(Zstd+1))
		kept := bytes.Clone(source)
		got, err := p.Append([]byte("dst"), source)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(source, kept) {
			t.Fatal("the bytes of the source are changed")
		}
		for i := range records {
			records[i].Offset = int64(i)
			if h.LogAppendTime() {
				records[i].Timestamp = h.MaxTimestamp
			}
		}
		got = bytes.TrimPrefix(got, []byte("dst"))
		was, err := ParseHeader(source)
		if err != nil {
			t.Fatal(err)
		}
		out := compareFranz(t, got, records)
		if out.Codec() != was.Codec() {
			t.Fatalf("compressed with %s, the source with %s", out.Codec(), was.Codec())
		}
		if same := !h.LogAppendTime() && int(was.LastOffsetDelta)+1 == len(records); same && !bytes.Equal(got[HeaderSize:], source[HeaderSize:]) {
			t.Fatal("the records were compressed again without need")
		}
	})
}

// sent is the header of a batch that a producer without an id sends.
var sent = Header{LeaderEpoch: -1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}

// compareFranz checks what a broker checks of a batch, and that franz-go reads these
// records from it.
func compareFranz(t *testing.T, batch []byte, records []Record) Header {
	t.Helper()
	h, err := Check(batch)
	if err != nil {
		t.Fatal(err)
	}
	want := sent
	want.Attributes = h.Attributes & AttrCodec
	want.Length, want.CRC, want.FirstTimestamp, want.MaxTimestamp = h.Length, h.CRC, h.FirstTimestamp, h.MaxTimestamp
	want.LastOffsetDelta, want.Records = int32(len(records)-1), int32(len(records))
	if h != want {
		t.Fatalf("the header is %+v, want %+v", h, want)
	}
	got, err := franz(batch)
	if err != nil || len(got) != len(records) {
		t.Fatalf("%s: franz-go reads %d of %d records: %v", h.Codec(), len(got), len(records), err)
	}
	for i := range records {
		compareRecord(t, h, &records[i], got[i])
	}
	return h
}

func fuzzedCompressor(t *testing.T, codec, level uint8) *Compressor {
	t.Helper()
	c := Codec(codec % uint8(Zstd+1))
	l := DefaultLevel
	if most := map[Codec]uint8{Gzip: 9, LZ4: 17, Zstd: 22}[c]; level > 0 && most > 0 {
		l = 1 + int(level-1)%int(most)
	}
	compressor, err := NewCompressor(c, l)
	if err != nil {
		t.Fatal(err)
	}
	return compressor
}

// recipe is bytes of a fuzzer that any records can be made of. One that ends early goes on
// with zeros.
type recipe []byte

// Sizes of a field, as its first byte.
const (
	fieldNull  = 0xff
	fieldLarge = 0xfe // two bytes of size follow, and a byte that is repeated
)

func recipes() []recipe {
	return []recipe{
		{},
		{0, fieldNull, fieldNull, 0},
		{1, 0x80, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0x7b, 1, 'k', 3, 'v', 'w', 'x', 0},
		{0, 0, 0, 2, 1, 'a', fieldNull, 0, 0, 0, fieldNull, fieldLarge, 0xff, 0xff, 'x', 1, 1, 'h', 1, 'v'},
		append(bytes.Repeat([]byte{0, 1, 'k', 8, 'a', ' ', 't', 'w', 'e', 'e', 't', '.', 0}, 50),
			1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, fieldNull, 0, 0, 2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, fieldNull, 0, 0),
	}
}

// records makes records at ascending offsets, of at most 8 MiB.
func (r recipe) records(base int64, gaps bool) (records []Record) {
	const most = 8 << 20
	offset, size := base, 0
	for len(r) > 0 && size < most {
		rec := Record{Offset: offset}
		kind := r.byte()
		if offset++; gaps {
			offset += int64(kind >> 2)
		}
		switch kind & 3 {
		case 0: // like most of a topic
			rec.Timestamp = 1_700_000_000_000 + int64(len(records))
		default:
			rec.Timestamp = r.int64()
		}
		rec.Key, rec.Value = r.field(), r.field()
		for range r.byte() & 7 {
			name := r.field()
			rec.Headers = rec.Headers.Append(string(name), r.field())
		}
		size += len(rec.Key) + len(rec.Value) + len(rec.Headers)
		records = append(records, rec)
	}
	return records
}

func (r *recipe) byte() byte {
	if len(*r) == 0 {
		return 0
	}
	b := (*r)[0]
	*r = (*r)[1:]
	return b
}

func (r *recipe) int64() int64 {
	var b [8]byte
	*r = (*r)[copy(b[:], *r):]
	return int64(binary.BigEndian.Uint64(b[:]))
}

func (r *recipe) field() []byte {
	switch size := r.byte(); size {
	case fieldNull:
		return nil
	case fieldLarge:
		high, low := r.byte(), r.byte()
		return bytes.Repeat([]byte{r.byte()}, int(high)<<8|int(low))
	default:
		n := min(int(size), len(*r))
		field := bytes.Clone((*r)[:n:n])
		*r = (*r)[n:]
		if field == nil {
			field = []byte{}
		}
		return field
	}
}
