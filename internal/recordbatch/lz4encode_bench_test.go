package recordbatch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// BenchmarkLZ4 compares our encoder of lz4's first level with the library's, in blocks of
// the same and of the largest size, on kinds of records that differ in how they repeat.
func BenchmarkLZ4(b *testing.B) {
	library := new(lz4.Compressor)
	block := func(dst, src []byte) (int, error) { return library.CompressBlock(src, dst) }
	ours := newLZ4Encoder(1)
	encoders := []struct {
		name string
		*lz4Encoder
	}{
		{"ours", ours},
		{"library", &lz4Encoder{header: ours.header, blockSize: ours.blockSize, block: block}},
		{"library, 4 MiB", &lz4Encoder{header: newLZ4Encoder(2).header, blockSize: 4 << 20, block: block}},
	}
	for _, kind := range lz4Kinds(b) {
		for _, size := range []int{64 << 10, 1 << 20} {
			batches, bytes := batchesOf(b, size, kind.value)
			for _, e := range encoders {
				b.Run(fmt.Sprintf("%s/%d KiB/%s", kind.name, size>>10, e.name), func(b *testing.B) {
					var dst []byte
					var sent int
					b.SetBytes(int64(bytes))
					for b.Loop() {
						sent = 0
						for _, records := range batches {
							var err error
							if dst, err = e.append(dst[:0], records); err != nil {
								b.Fatal(err)
							}
							sent += len(dst)
						}
					}
					b.ReportMetric(float64(bytes)/float64(sent), "ratio")
				})
			}
		}
	}
}

// batchesOf returns the records of batches of this size: 4 MiB, so that one batch does not
// teach the processor the next.
func batchesOf(b *testing.B, size int, value func() []byte) (batches [][]byte, bytes int) {
	b.Helper()
	for bytes < 4<<20 {
		var builder Builder
		builder.Begin(nil)
		for {
			v := value()
			if builder.Size()+MaxRecordSize(0, len(v), 0) > size {
				break
			}
			builder.Append(&Record{Value: v})
		}
		batch, err := builder.Finish()
		if err != nil {
			b.Fatal(err)
		}
		batches = append(batches, batch[HeaderSize:])
		bytes += len(batch) - HeaderSize
	}
	return batches, bytes
}

type lz4Kind struct {
	name  string
	value func() []byte
}

func lz4Kinds(b *testing.B) []lz4Kind {
	b.Helper()
	random := rand.New(rand.NewPCG(5, 6))
	docs := projectDocs(b)
	text := func(size int) string {
		at := random.IntN(len(docs) - size)
		return docs[at : at+size]
	}
	tweet := func(text string) []byte {
		return fmt.Appendf(nil, "H%08x-%04x-4%03x-a%03x-%012x%s\x16SuperCoffee\x02\x8a\xd3\xe6\xd7\xf4\x62", random.Uint32(), random.Uint32N(1<<16),
			random.Uint32N(1<<12), random.Uint32N(1<<12), random.Uint64N(1<<48), text)
	}
	bytes := func(size int) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	words := make([]string, 3000)
	for i := range words {
		for range 2 + random.IntN(3) {
			words[i] += string("bcdfglmnprst"[random.IntN(12)]) + string("aeiou"[random.IntN(5)])
		}
	}
	zipf := rand.NewZipf(random, 1.1, 4, uint64(len(words)-1))
	return []lz4Kind{
		{"generated tweets", func() []byte { return tweet(benchTexts[random.IntN(len(benchTexts))]) }},
		{"tweets", func() []byte { return tweet(text(40 + random.IntN(200))) }},
		{"log lines", func() []byte {
			return fmt.Appendf(nil, `{"time":"2026-11-27T04:%02d:%02d.%06dZ","level":"info","logger":"http","msg":"request served","method":"GET","path":"/api/v1/brands/%d","status":%d,"bytes":%d,"duration_ms":%.2f,"trace_id":"%016x%016x"}`,
				random.IntN(60), random.IntN(60), random.IntN(1e6), random.IntN(50), 200+100*random.IntN(4), random.IntN(1e5), 100*random.Float64(), random.Uint64(), random.Uint64())
		}},
		{"1 KB of docs", func() []byte { return []byte(text(1024)) }},
		{"1 KB of words", func() []byte {
			var b []byte
			for len(b) < 1024 {
				b = append(append(b, words[zipf.Uint64()]...), ' ')
			}
			return b
		}},
		{"half random", func() []byte { return append(tweet(text(100)), bytes(150)...) }},
		{"random", func() []byte { return bytes(300) }},
	}
}

// projectDocs is a text in English, without code.
func projectDocs(b *testing.B) string {
	b.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		b.Fatalf("%d pages, %v", len(files), err)
	}
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}
