package tweetgen

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
)

// BenchmarkGenerate is the core alone, on one core: no Benthos message, the
// buffer used again.
func BenchmarkGenerate(b *testing.B) {
	several := []brand{{"SuperCoffee", 5}, {"MegaTea", 3}, {"Water", 1}}
	for name, bc := range map[string]struct {
		encoding string
		brands   []brand
	}{
		"avro":               {encodingAvro, several[:1]},
		"avro/three_brands":  {encodingAvro, several},
		"avro_single_object": {encodingSingleObject, several[:1]},
		"json":               {encodingJSON, several[:1]},
	} {
		b.Run(name, func(b *testing.B) {
			g := plainGenerator(1, bc.encoding, builtin, bc.brands)
			mix := fixedMix{shares: shares{50 * shareUnit, 30 * shareUnit, 20 * shareUnit}}
			const size = 8000
			p := wholeBatch(0, mix.next(size))
			made := &batch{plan: p, data: make([]byte, 0, g.sizeHint(p)), ends: make([]uint32, 0, size)}
			b.ReportAllocs()
			for b.Loop() {
				made.plan.k++
				made.plan.counts = mix.next(size)
				made.data, made.ends = made.data[:0], made.ends[:0]
				g.fillBatch(made, 1767225600000)
			}
			b.SetBytes(int64(len(made.data)))
			b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds(), "tweets/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/tweet")
		})
	}
}

// BenchmarkPack is `message: record_batch` on one core, with the memory that a batch
// keeps until it is acknowledged.
func BenchmarkPack(b *testing.B) {
	for _, codec := range compression.Names {
		b.Run(codec, func(b *testing.B) {
			c := testConfig(b, "message: record_batch\ncompression: "+codec)
			packer, err := newPacker(newGenerator(1, &c.content), &c)
			if err != nil {
				b.Fatal(err)
			}
			const size = 8000
			mix := fixedMix{shares: c.sentiment}
			p := wholeBatch(0, mix.next(size))
			var bytes int
			b.ReportAllocs()
			for b.Loop() {
				p.k++
				p.counts = mix.next(size)
				bytes = len(packer.pack(p, 1767225600000).data)
			}
			b.SetBytes(int64(bytes))
			b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds(), "tweets/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/tweet")
		})
	}
}
