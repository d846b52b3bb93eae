package hostile_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// bomb is a record batch of n records of one byte that are not tweets, compressed to
// almost nothing.
func bomb(t *testing.T, n int) []byte {
	t.Helper()
	records := make([]recordbatch.Record, n)
	for i := range records {
		records[i] = recordbatch.Record{Offset: int64(i), Timestamp: 1_700_000_000_000, Value: []byte{'x'}}
	}
	b, err := recordbatch.AppendBatch(nil, recordbatch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}, records...)
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	out := append(bytes.Clone(b[:recordbatch.HeaderSize]), w.EncodeAll(b[recordbatch.HeaderSize:], nil)...)
	binary.BigEndian.PutUint16(out[21:], uint16(recordbatch.Zstd))
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-12))
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli)))
	return out
}

// If this fails, a few hundred kilobytes from a hostile producer become millions of
// dead letters, and the process is killed for its memory, again after each restart.
func TestBatchesFullOfTinyRecordsDoNotTakeAllMemory(t *testing.T) {
	for _, test := range []struct {
		name    string
		records int // of each batch
		letters int64
	}{
		{"a letter for each record", 8_000, 8_000},
		{"a letter for each batch", 1_000_000, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			const bombs = 40
			c := testenv.FakeKafka(t)
			topic, dead := c.Topic(t, 1), c.Topic(t, 1)
			client := c.Client(t)
			b := bomb(t, test.records)
			for range bombs {
				send(t, client, topic, b)
			}
			t.Logf("%d batches of %d bytes, %d records each", bombs, len(b), test.records)
			program, _ := run(t, c, "config/exact.yaml", topic, dead, nil)
			began := time.Now()
			testenv.Eventually(t, 2*time.Minute, "the whole topic is committed", func() error {
				at, err := committed(t.Context(), client, topic)
				if err == nil && at < int64(bombs*test.records) {
					err = fmt.Errorf("up to offset %d", at)
				}
				return err
			})
			letters, err := c.Records(t.Context(), dead)
			if err != nil || letters < bombs*test.letters {
				t.Errorf("%d dead letters, want %d at least; %v", letters, bombs*test.letters, err)
			}
			peak := program.PeakRSS(t) >> 20
			t.Logf("%d dead letters in %s, at most %d MB", letters, time.Since(began).Round(time.Second/10), peak)
			if peak > 400 {
				t.Errorf("up to %d MB were in use", peak)
			}
		})
	}
}
