package recordbatch

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// If this fails, a batch is changed by being built, compressed, walked, decompressed
// and read.
func TestRoundTrip(t *testing.T) {
	records := []Record{
		{Offset: 42, Timestamp: 1_700_000_000_000, Key: []byte("k"), Value: []byte("v")},
		{Offset: 43, Timestamp: 1_700_000_000_005, Value: []byte{}},
		{Offset: 47, Timestamp: 1_699_999_999_999, Headers: RecordHeaders(nil).Append("a", nil).Append("", []byte("x"))},
	}
	plain, err := AppendBatch(nil, Header{BaseOffset: 42, LastOffsetDelta: 9, ProducerID: -1}, records...)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecompressor(1 << 20)
	for codec := None; codec <= Zstd; codec++ {
		wire := compressed(t, plain, codec)
		h, batch, rest, err := Next(append(wire, wire[:70]...))
		if err != nil || h.Codec() != codec || h.LastOffset() != 51 || len(batch) != len(wire) {
			t.Fatalf("%s: header %+v, %d bytes, error %v", codec, h, len(batch), err)
		}
		if _, _, _, err := Next(rest); !errors.Is(err, ErrPartial) {
			t.Fatalf("%s: a batch that is cut off gave the error %v", codec, err)
		}
		got, err := d.AppendUncompressed(nil, batch)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, plain) {
			t.Errorf("%s: not the batch that was compressed", codec)
		}
	}
	if _, _, _, err := Next(nil); !errors.Is(err, io.EOF) {
		t.Errorf("nothing gave the error %v", err)
	}
	if got := readAll(t, plain); !equalRecords(got, records) {
		t.Errorf("read %v instead of %v", got, records)
	}
}

// tester is the part of testing.TB and rapid.T that the helpers need.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// compressors are franz-go's own.
var compressors = map[Codec]kgo.Compressor{
	Gzip:   compressor(kgo.GzipCompression()),
	Snappy: compressor(kgo.SnappyCompression()),
	LZ4:    compressor(kgo.Lz4Compression()),
	Zstd:   compressor(kgo.ZstdCompression()),
}

func compressor(codec kgo.CompressionCodec) kgo.Compressor {
	c, err := kgo.DefaultCompressor(codec)
	if err != nil {
		panic(err)
	}
	return c
}

// compressed returns the uncompressed batch with its records compressed by franz-go.
func compressed(tb tester, batch []byte, codec Codec) []byte {
	tb.Helper()
	if codec == None {
		return bytes.Clone(batch)
	}
	payload, used := compressors[codec].Compress(new(bytes.Buffer), batch[HeaderSize:])
	if Codec(used) != codec {
		tb.Fatalf("compressed with %d", used)
	}
	return withPayload(batch, codec, payload)
}

// withPayload returns the batch with other bytes for its records, in another codec.
func withPayload(batch []byte, codec Codec, payload []byte) []byte {
	out := append(bytes.Clone(batch[:HeaderSize]), payload...)
	out[atAttributes+1] = out[atAttributes+1]&^AttrCodec | byte(codec)
	seal(out)
	return out
}

func readAll(tb tester, batch []byte) []Record {
	tb.Helper()
	r, err := NewReader(batch)
	if err != nil {
		tb.Fatal(err)
	}
	var out []Record
	var rec Record
	for r.Next(&rec) {
		out = append(out, rec)
	}
	if err := r.Err(); err != nil {
		tb.Fatal(err)
	}
	return out
}

func equalRecords(a, b []Record) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.Offset != y.Offset || x.Timestamp != y.Timestamp || !equalNullable(x.Key, y.Key) ||
			!equalNullable(x.Value, y.Value) || !equalNullable(x.Headers, y.Headers) {
			return false
		}
	}
	return true
}

// equalNullable distinguishes null from empty.
func equalNullable(a, b []byte) bool {
	return (a == nil) == (b == nil) && bytes.Equal(a, b)
}
