package recordbatch

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

var compressions = []struct {
	codec  Codec
	levels []int
}{
	{None, []int{DefaultLevel}},
	{Gzip, []int{DefaultLevel, 1, 9}},
	{Snappy, []int{DefaultLevel}},
	{LZ4, []int{DefaultLevel, 1, 2, 9, 17}},
	{Zstd, []int{DefaultLevel, 1, 22}},
}

// If this fails, a compressed batch has other records than it was given, or franz-go,
// whose decoders are those of other clients, cannot read it.
func TestCompressedBatchesAreReadByOthers(t *testing.T) {
	theirs := kgo.DefaultDecompressor()
	for _, c := range compressions {
		for _, level := range c.levels {
			compressor, err := NewCompressor(c.codec, level)
			if err != nil {
				t.Fatal(err)
			}
			d := NewDecompressor(64 << 20)
			rapid.Check(t, func(t *rapid.T) {
				h, records := batchGen(t)
				if n := rapid.SampledFrom([]int{0, 0, 0, 1 << 10, 9 << 20}).Draw(t, "a large value"); n > 0 && len(records) > 0 {
					records[0].Value = bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "repeated"), n/100)
				}
				plain, err := AppendBatch(nil, h, records...)
				if err != nil {
					t.Fatal(err)
				}
				got, err := compressor.AppendCompressed([]byte("dst"), plain)
				if err != nil {
					t.Fatal(err)
				}
				got = bytes.TrimPrefix(got, []byte("dst"))
				if _, err := Check(got); err != nil {
					t.Fatal(err)
				}
				back, err := d.AppendUncompressed(nil, got)
				if err != nil || !bytes.Equal(back, plain) {
					t.Fatalf("%s level %d: %v, %d bytes instead of %d", c.codec, level, err, len(back), len(plain))
				}
				if c.codec == None || len(records) == 0 {
					return
				}
				other, err := theirs.Decompress(got[HeaderSize:], kgo.CompressionCodecType(c.codec))
				if err != nil || !bytes.Equal(other, plain[HeaderSize:]) {
					t.Fatalf("%s level %d, read by franz-go: %v, %d bytes instead of %d", c.codec, level, err, len(other), len(plain)-HeaderSize)
				}
			})
		}
	}
}

// If this fails, the frame has a header that strict readers of lz4 refuse: both
// decoders above ignore its checksum.
func TestLZ4FrameHasASoundHeader(t *testing.T) {
	c, err := NewCompressor(LZ4, DefaultLevel)
	if err != nil {
		t.Fatal(err)
	}
	plain := tweetBatch(t)
	got, err := c.AppendCompressed(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	back, err := io.ReadAll(lz4.NewReader(bytes.NewReader(got[HeaderSize:])))
	if err != nil || !bytes.Equal(back, plain[HeaderSize:]) {
		t.Fatalf("%v, %d bytes instead of %d", err, len(back), len(plain)-HeaderSize)
	}
}

func TestNewCompressorRefuses(t *testing.T) {
	for _, c := range []struct {
		codec Codec
		level int
	}{{None, 1}, {Snappy, 1}, {Gzip, 0}, {Gzip, 10}, {LZ4, 0}, {LZ4, 18}, {Zstd, 0}, {Zstd, 23}, {5, DefaultLevel}, {-1, DefaultLevel}} {
		if _, err := NewCompressor(c.codec, c.level); err == nil {
			t.Errorf("%s with level %d passes", c.codec, c.level)
		}
	}
}

func TestAppendCompressedRefuses(t *testing.T) {
	c, err := NewCompressor(Snappy, DefaultLevel)
	if err != nil {
		t.Fatal(err)
	}
	plain := tweetBatch(t)
	compressed, err := c.AppendCompressed(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, given := range map[string]struct {
		batch []byte
		want  error
	}{
		"a compressed batch": {compressed, ErrCompressed},
		"half a batch":       {plain[:len(plain)/2], ErrPartial},
		"two batches":        {append(bytes.Clone(plain), plain...), ErrCorrupt},
	} {
		if got, err := c.AppendCompressed([]byte("dst"), given.batch); !errors.Is(err, given.want) || string(got) != "dst" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If this fails, compressing makes garbage. Gzip and zstd keep their state too, and
// the race detector makes pools lose some of it.
func TestCompressorReusesItsState(t *testing.T) {
	plain := tweetBatch(t)
	for _, c := range compressions {
		compressor, err := NewCompressor(c.codec, DefaultLevel)
		if err != nil {
			t.Fatal(err)
		}
		var dst []byte
		n := testing.AllocsPerRun(20, func() {
			if dst, err = compressor.AppendCompressed(dst[:0], plain); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations per batch", c.codec, n)
		}
	}
}

func BenchmarkCompress(b *testing.B) {
	plain := tweetBatch(b)
	for _, c := range compressions {
		compressor, err := NewCompressor(c.codec, DefaultLevel)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.codec.String(), func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = compressor.AppendCompressed(dst[:0], plain); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(plain))/float64(len(dst)), "ratio")
			reportRecords(b)
		})
	}
}
