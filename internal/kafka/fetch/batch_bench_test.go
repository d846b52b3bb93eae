package fetch

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// BenchmarkScan is a response of 16 record batches of 1,000 records, from its scan to
// the acknowledgement.
func BenchmarkScan(b *testing.B) {
	const batches, perBatch = 16, 1000
	got := kmsg.NewFetchResponseTopicPartition()
	value := make([]byte, 116)
	for i := range int64(batches) {
		var records []recordbatch.Record
		for j := range int64(perBatch) {
			records = append(records, recordbatch.Record{Offset: i*perBatch + j, Timestamp: 1000, Value: value})
		}
		h := recordbatch.Header{BaseOffset: i * perBatch, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}
		var err error
		if got.RecordBatches, err = recordbatch.AppendBatch(got.RecordBatches, h, records...); err != nil {
			b.Fatal(err)
		}
	}
	got.HighWatermark, got.LastStableOffset = batches*perBatch, batches*perBatch
	b.SetBytes(int64(len(got.RecordBatches)))
	b.ReportAllocs()
	for b.Loop() {
		tracker := tracked(1, 0)
		f := alone(tracker, &enqueuer{})
		claims, _ := f.plan(time.Now())
		f.scanning.Add(1)
		f.responded(claims[0], &got)
		f.release(claims)
		n := 0
		for one := tracker.Next(); one != nil; one = tracker.Next() {
			tracker.Ack(one)
			n++
		}
		if n != batches {
			b.Fatalf("%d batches", n)
		}
	}
}
