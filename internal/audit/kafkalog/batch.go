package kafkalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Attributes of a record batch.
const (
	attributeCodec         = 0x07
	attributeAppendTime    = 0x08
	attributeTransactional = 0x10
	attributeControl       = 0x20
)

// headBytes is the size of the part of a batch before the bytes that its length counts.
const headBytes = 12

// batchBytes is the size of a batch without records.
const batchBytes = 61

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errPartial means that bytes end inside a batch, as those of a response may.
var errPartial = errors.New("the bytes end inside a batch")

// next splits the first batch off b and checks it. The batch is nil after the last one.
func next(b []byte) (batch *kmsg.RecordBatch, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	if len(b) < headBytes {
		return nil, nil, errPartial
	}
	size := int64(int32(binary.BigEndian.Uint32(b[8:]))) + headBytes
	if size <= int64(len(b)) && size > 16 && b[16] != 2 {
		return nil, nil, fmt.Errorf("it has message format %d, but only format 2, of Kafka 0.11 and later, has record batches", b[16])
	}
	switch {
	case size < batchBytes:
		return nil, nil, fmt.Errorf("its declared size is %d bytes", size)
	case size > int64(len(b)):
		return nil, nil, errPartial
	}
	batch = new(kmsg.RecordBatch)
	if err := batch.ReadFrom(b[:size]); err != nil {
		return nil, nil, err
	}
	if sum := crc32.Checksum(b[21:size], castagnoli); sum != uint32(batch.CRC) {
		return nil, nil, fmt.Errorf("the CRC of its bytes is %08x, not %08x", sum, uint32(batch.CRC))
	}
	if batch.FirstOffset < 0 || batch.LastOffsetDelta < 0 || batch.NumRecords < 0 || batch.NumRecords > batch.LastOffsetDelta+1 {
		return nil, nil, fmt.Errorf("it declares %d records, from offset %d to %d after it", batch.NumRecords, batch.FirstOffset, batch.LastOffsetDelta)
	}
	return batch, b[size:], nil
}

// take delivers the batches of a response.
func (r *reader) take(got *kmsg.FetchResponseTopicPartition) error {
	aborted := newAborted(got.AbortedTransactions)
	rest := got.RecordBatches
	fail := func(err error) error {
		return fmt.Errorf("reading partition %d of %s: the batch at offset %d: %w", r.partition, r.log.topic, r.next, err)
	}
	handed := false
	for whole := 0; r.next < r.end; whole++ {
		var b *kmsg.RecordBatch
		var err error
		if b, rest, err = next(rest); errors.Is(err, errPartial) && whole > 0 {
			return nil
		}
		if err != nil {
			return fail(err)
		}
		if b == nil || got.LastStableOffset >= 0 && b.FirstOffset >= got.LastStableOffset {
			return nil
		}
		last := b.FirstOffset + int64(b.LastOffsetDelta)
		kind, err := aborted.kind(b)
		if err != nil {
			return fail(err)
		}
		if last < r.next {
			continue
		}
		// Only the first batch may begin before the requested offset.
		if handed && b.FirstOffset < r.next {
			return fail(fmt.Errorf("a batch begins at offset %d, inside the batch before it", b.FirstOffset))
		}
		if b.FirstOffset >= r.end {
			r.next = r.end // no record is left before it: the topic is compacted
			return nil
		}
		if err := r.hand(b, kind, last); err != nil {
			return err
		}
		r.next, handed = last+1, true
	}
	return nil
}

func (r *reader) hand(b *kmsg.RecordBatch, kind Kind, last int64) error {
	batch := Batch{
		Topic: r.log.topic, TopicID: r.log.id, Partition: r.partition,
		Base: b.FirstOffset, Last: last, Count: int(b.NumRecords), MaxTimestamp: b.MaxTimestamp, Kind: kind,
	}
	if kind == Data && r.records {
		records, err := r.decoder.records(r.log.client, b, Range{r.next, r.end})
		if err != nil {
			return fmt.Errorf("reading partition %d of %s: the records of the batch from offset %d to %d: %w", r.partition, r.log.topic, batch.Base, last, err)
		}
		batch.Records = records
	}
	return r.do(batch)
}

// decoder reads the records of batches, one batch at a time.
type decoder struct {
	list    []Record
	headers []Header // headers of all records in list
	record  kmsg.Record
}

// records reads the batch to its last byte and returns its records in the range.
func (d *decoder) records(client *kgo.Client, b *kmsg.RecordBatch, within Range) ([]Record, error) {
	raw := b.Records
	if codec := kgo.CompressionCodecType(b.Attributes & attributeCodec); codec != kgo.CodecNone {
		decompressor := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
		var err error
		if raw, err = decompressor.Decompress(raw, codec); err != nil {
			return nil, fmt.Errorf("decompressing: %w", err)
		}
	}
	if len(raw) > maxBatchBytes {
		return nil, fmt.Errorf("they have %d bytes, more than the limit of %d", len(raw), maxBatchBytes)
	}
	d.list, d.headers = d.list[:0], d.headers[:0]
	offset := b.FirstOffset - 1
	for range b.NumRecords {
		length, n := binary.Varint(raw)
		if n <= 0 || length < 0 || length > int64(len(raw)-n) {
			return nil, fmt.Errorf("the bytes end after offset %d, with %d records of %d", offset, len(d.list), b.NumRecords)
		}
		size := n + int(length)
		if err := d.record.UnsafeReadFrom(raw[:size:size]); err != nil {
			return nil, fmt.Errorf("the record after offset %d: %w", offset, err)
		}
		raw = raw[size:]
		at := b.FirstOffset + int64(d.record.OffsetDelta)
		if at <= offset || d.record.OffsetDelta > b.LastOffsetDelta {
			return nil, fmt.Errorf("offset %[2]d follows offset %[1]d", offset, at)
		}
		offset = at
		if at < within.Start || at >= within.End {
			continue
		}
		timestamp := b.FirstTimestamp + d.record.TimestampDelta64
		if b.Attributes&attributeAppendTime != 0 {
			timestamp = b.MaxTimestamp
		}
		first := len(d.headers)
		for _, h := range d.record.Headers {
			d.headers = append(d.headers, Header{h.Key, h.Value})
		}
		d.list = append(d.list, Record{at, timestamp, d.record.Key, d.record.Value, d.headers[first:len(d.headers):len(d.headers)]})
	}
	if len(raw) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last record", len(raw))
	}
	return d.list, nil
}
