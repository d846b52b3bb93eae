package kafkalog

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkTake reads a response of batches of 8,000 tweets of 116 bytes.
func BenchmarkTake(b *testing.B) {
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "snappy": kgo.SnappyCompression(), "zstd": kgo.ZstdCompression()} {
		b.Run(name, func(b *testing.B) {
			const records, batches = 8000, 4
			var response []byte
			for i := range int64(batches) {
				batch := newBatch(i*records, 0)
				batch.NumRecords, batch.LastOffsetDelta = records, records-1
				for j := range int32(records) {
					value := fmt.Appendf(nil, "%036x%s", i*records+int64(j), bytes.Repeat([]byte("tweet "), 14)[:80])
					batch.Records = appendRecord(batch.Records, kmsg.Record{OffsetDelta: j, Value: value})
				}
				if compressor, _ := kgo.DefaultCompressor(codec); compressor != nil {
					packed, kind := compressor.Compress(new(bytes.Buffer), batch.Records)
					batch.Records, batch.Attributes = bytes.Clone(packed), int16(kind)
				}
				response = append(response, sealed(batch)...)
			}
			read, d := 0, new(decoder)
			b.ReportAllocs()
			for b.Loop() {
				r := reader{log: &Log{topic: "tweets", client: client}, end: batches * records, records: true, decoder: d, do: func(b Batch) error {
					read += len(b.Records)
					return nil
				}}
				if err := r.take(&kmsg.FetchResponseTopicPartition{RecordBatches: response, LastStableOffset: -1}); err != nil {
					b.Fatal(err)
				}
			}
			if read != b.N*records*batches {
				b.Fatalf("%d records were read", read)
			}
			b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "tweets/s")
		})
	}
}
