package sentimentwindow

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// compressedMessage is a record batch as its producer compressed it, and as
// kafka_batches passes it on.
func compressedMessage(t failer, m *service.Message, codec recordbatch.Codec) *service.Message {
	plain, err := m.AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	records := plain[recordbatch.HeaderSize:]
	var out bytes.Buffer
	switch codec {
	case recordbatch.None:
		return m
	case recordbatch.Gzip:
		w := gzip.NewWriter(&out)
		_, err = w.Write(records)
		_ = w.Close()
	case recordbatch.Snappy:
		_, err = out.Write(s2.EncodeSnappy(nil, records))
	case recordbatch.LZ4:
		w := lz4.NewWriter(&out)
		_, err = w.Write(records)
		_ = w.Close()
	case recordbatch.Zstd:
		var w *zstd.Encoder
		if w, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true)); err == nil {
			_, err = out.Write(w.EncodeAll(records, nil))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	b := append(bytes.Clone(plain[:recordbatch.HeaderSize]), out.Bytes()...)
	b[22] |= byte(codec)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	m = m.Copy()
	m.SetBytes(resealed(b))
	return m
}

// What would break: counts, dead letters or coverage would depend on how a producer
// compresses, or be made of what the next batch has put into the same memory.
func TestCompressedBatchesBecomeTheSame(t *testing.T) {
	for _, yaml := range []string{
		"", "emit: tweets", "output: points\nemit: tweets",
		"encoding: json", "encoding: json\nmapping: root = content().parse_json()", "encoding: avro_single_object",
	} {
		p, other := testProcessor(t, batches+yaml), testProcessor(t, batches+yaml)
		rapid.Check(t, func(t *rapid.T) {
			var log, compressed service.MessageBatch
			for _, b := range drawRecordBatches(t, drawLog(t)) {
				log = append(log, b.message(t))
				compressed = append(compressed, compressedMessage(t, log[len(log)-1], recordbatch.Codec(rapid.IntRange(0, 4).Draw(t, "codec"))))
			}
			want, got := outcomes(t, p, log), outcomes(t, other, compressed)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: compressed batches become\n%q, uncompressed\n%q", yaml, got, want)
			}
		})
	}
}

// outcomes is what becomes of batches, read when all of them have been counted.
func outcomes(t *rapid.T, p *processor, batches service.MessageBatch) (all []string) {
	var out service.MessageBatch
	for _, m := range batches {
		made, err := p.ProcessBatch(t.Context(), service.MessageBatch{m})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range made {
			out = append(out, b...)
		}
	}
	for _, m := range out {
		b, err := m.AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		meta := map[string]any{}
		_ = m.MetaWalkMut(func(name string, value any) error {
			meta[name] = value
			return nil
		})
		for _, name := range slices.Sorted(maps.Keys(meta)) {
			s, _ := m.MetaGet(name)
			text += " " + name + "=" + s
		}
		all = append(all, text)
	}
	return all
}

// What would break: one small batch of a hostile producer would take all memory,
// or one that is larger than the limit would be lost or committed, when a restart
// with another limit could count it.
func TestABatchThatDecompressesToTooMuchIsRedelivered(t *testing.T) {
	const now = 1_700_000_000_000
	large := compressedMessage(t, batchMessage(t, "tweets", 2, recordbatch.Header{BaseOffset: 6, ProducerID: -1}, recordAt(6, make([]byte, 2<<20), now)), recordbatch.Zstd)
	good := batchMessage(t, "tweets", 2, recordbatch.Header{BaseOffset: 7, ProducerID: -1}, recordAt(7, datum("SuperCoffee", tweet.Positive, now), now))
	p := testProcessor(t, batches+"max_batch_bytes: 1MiB")
	waiting := new(delivery.Delivery)
	points, refused := process(t, p, large.WithContext(waiting.In(large.Context())), good)
	if len(points) != 1 || len(refused) != 0 {
		t.Errorf("%d messages of points and %d dead letters, want those of the other batch alone", len(points), len(refused))
	}
	if err := waiting.Settle(); err == nil {
		t.Error("it would be committed")
	}
	// Nobody would redeliver one of another input.
	if _, refused := process(t, p, large.Copy()); len(refused) != 1 {
		t.Errorf("%d dead letters, want the batch", len(refused))
	}
	if points, _ := process(t, testProcessor(t, batches+"max_batch_bytes: 3MiB"), large, good); len(points) != 2 {
		t.Error("with a higher limit it is not counted")
	}
}
