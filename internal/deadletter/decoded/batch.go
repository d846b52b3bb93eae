package decoded

import (
	"strconv"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// maxBatchBytes bounds a decompressed record batch.
const maxBatchBytes = 64 << 20

// recordBatch decodes the header of a record batch, and its records one by one.
func (r *Result) recordBatch(b []byte) {
	h, err := recordbatch.ParseHeader(b)
	if err != nil {
		r.stop(min(len(b), recordbatch.HeaderSize), "the header", err)
		return
	}
	r.add(0, "base offset", strconv.FormatInt(h.BaseOffset, 10))
	r.add(8, "bytes", strconv.Itoa(h.Size()))
	r.add(21, "compression", h.Codec().String())
	r.add(23, "last offset", strconv.FormatInt(h.LastOffset(), 10))
	r.add(27, "first timestamp", millis(h.FirstTimestamp))
	r.add(35, "max timestamp", millis(h.MaxTimestamp))
	r.add(57, "records", strconv.Itoa(int(h.Records)))
	if h.Size() != len(b) {
		r.stop(min(h.Size(), len(b)), "the batch", recordbatch.ErrPartial)
		if h.Size() < len(b) {
			r.In, r.Err = "", errTrailing
		}
		return
	}
	if _, err := recordbatch.Check(b); err != nil {
		r.stop(17, "CRC", err)
		return
	}
	records, err := recordbatch.NewDecompressor(maxBatchBytes).Reader(b)
	if err != nil {
		r.stop(recordbatch.HeaderSize, "the records", err)
		return
	}
	size := records.Len()
	var record recordbatch.Record
	for at := 0; records.Next(&record); at = size - records.Len() {
		from := -1 // in the decompressed bytes
		if h.Codec() == recordbatch.None {
			from = recordbatch.HeaderSize + at
		}
		r.add(from, "record "+strconv.FormatInt(record.Offset, 10), deadletter.Printable(string(record.Value), 60))
	}
	if err := records.Err(); err != nil {
		at := recordbatch.HeaderSize
		if h.Codec() == recordbatch.None {
			at = len(b) - records.Len()
		}
		r.stop(at, "the records", err)
	}
}

func millis(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
