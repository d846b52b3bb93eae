package recordbatch

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

const (
	benchRecords    = 1000
	benchValueBytes = 116 // of a tweet
)

var benchTexts = []string{
	"I love the new blend of SuperCoffee, nothing else gets me up!",
	"SuperCoffee was cold again today, and nobody even said sorry...",
	"Had a SuperCoffee on my way to work. It was a coffee, I think.",
	"Best SuperCoffee I had in years, thank you, whoever made this.",
}

// tweetBatch has 1,000 records of 116 bytes that compress like tweets: a random id of
// 36 hexadecimal characters, and a repeated text.
func tweetBatch(tb testing.TB) []byte {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	records := make([]Record, benchRecords)
	for i := range records {
		value := fmt.Appendf(nil, "H%08x-%04x-4%03x-a%03x-%012x", rnd.Uint32(), rnd.Uint32N(1<<16),
			rnd.Uint32N(1<<12), rnd.Uint32N(1<<12), rnd.Uint64N(1<<48))
		value = append(value, benchTexts[rnd.IntN(len(benchTexts))]...)
		for len(value) < benchValueBytes {
			value = append(value, "\x16SuperCoffee\x02\x8a\xd3\xe6\xd7\xf4\x62"[len(value)%7])
		}
		records[i] = Record{Offset: int64(i), Timestamp: 1_700_000_000_000 + int64(i/100), Value: value[:benchValueBytes]}
	}
	b, err := AppendBatch(nil, Header{ProducerID: -1}, records...)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// BenchmarkReader measures the cost of each record of an uncompressed batch.
func BenchmarkReader(b *testing.B) {
	batch := tweetBatch(b)
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		countRecords(b, batch)
	}
	reportRecords(b)
}

// BenchmarkWalk measures a fetched batch from the walk with the CRC, through
// decompression, to reading all records.
func BenchmarkWalk(b *testing.B) {
	plain := tweetBatch(b)
	for _, p := range append([]payload{{"none", None, nil}}, payloads...) {
		switch p.name {
		case "none", "gzip", "snappy", "xerial of 32 KiB", "lz4", "lz4 in blocks of 64 KiB with checksums", "zstd", "zstd as a stream":
		default:
			continue // not used by producers
		}
		wire := plain
		if p.make != nil {
			wire = withPayload(plain, p.codec, p.make(b, plain[HeaderSize:]))
		}
		b.Run(p.name, func(b *testing.B) {
			d := NewDecompressor(1 << 20)
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				_, batch, _, err := Next(wire)
				if err != nil {
					b.Fatal(err)
				}
				r, err := d.Reader(batch)
				if err != nil {
					b.Fatal(err)
				}
				readBenchRecords(b, &r)
			}
			reportRecords(b)
			b.ReportMetric(float64(len(plain))/float64(len(wire)), "ratio")
		})
	}
}

func BenchmarkAppendBatch(b *testing.B) {
	batch := tweetBatch(b)
	h, err := ParseHeader(batch)
	if err != nil {
		b.Fatal(err)
	}
	records := readAll(b, batch)
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		if dst, err = AppendBatch(dst[:0], h, records...); err != nil {
			b.Fatal(err)
		}
	}
	reportRecords(b)
}

func countRecords(tb testing.TB, batch []byte) {
	r, err := NewReader(batch)
	if err != nil {
		tb.Fatal(err)
	}
	readBenchRecords(tb, &r)
}

func readBenchRecords(tb testing.TB, r *Reader) {
	var rec Record
	n := 0
	for r.Next(&rec) {
		n += len(rec.Value)
	}
	if r.Err() != nil || n != benchRecords*benchValueBytes {
		tb.Fatal(n, r.Err())
	}
}

func reportRecords(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
	b.ReportMetric(float64(b.N)*benchRecords/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkProducible copies a batch as a generator makes it, and one as an idempotent
// producer writes it, whose header must change. Both are of a megabyte.
func BenchmarkProducible(b *testing.B) {
	tweets := tweetBatch(b)
	var builder Builder
	builder.Begin(nil)
	for range 8 {
		r, err := NewReader(tweets)
		if err != nil {
			b.Fatal(err)
		}
		for rec := (Record{}); r.Next(&rec); {
			builder.Append(&rec)
		}
	}
	plain, err := builder.Finish()
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range []int64{-1, 7} {
		b.Run(fmt.Sprintf("producer id %d", id), func(b *testing.B) {
			h, err := ParseHeader(plain)
			if err != nil {
				b.Fatal(err)
			}
			h.ProducerID = id
			h.append(plain[:0])
			seal(plain)
			p := NewProducible(1 << 30)
			var dst []byte
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = p.Append(dst[:0], plain); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*8*benchRecords), "ns/record")
		})
	}
}
