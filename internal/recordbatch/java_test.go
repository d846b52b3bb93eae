package recordbatch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// As in testdata/java/Batches.java, which wrote the batches with Kafka's classes.
const (
	javaRecords = 2000
	javaBase    = 1000
	javaTime    = 1_700_000_000_000
)

func javaRecord(i int) Record {
	rec := Record{Offset: javaBase + int64(i), Timestamp: javaTime + int64(i)*7919%1000}
	if i%3 != 0 {
		rec.Key = fmt.Appendf(nil, "k%d", i)
	}
	if i%10 != 9 {
		rec.Value = append([]byte{}, strings.Repeat(fmt.Sprintf("value %d ", i), i%7)...)
	}
	if i%4 == 0 {
		rec.Headers = rec.Headers.Append("h", fmt.Appendf(nil, "x%d", i)).Append("n", nil)
	}
	return rec
}

// If this fails, batches of Java's producer, broker or log cleaner cannot be read.
func TestKafkasOwnBatches(t *testing.T) {
	header := Header{
		BaseOffset: javaBase, LeaderEpoch: 9, Magic: 2, LastOffsetDelta: javaRecords - 1,
		FirstTimestamp: javaTime, MaxTimestamp: javaTime + 999, ProducerID: 77, ProducerEpoch: 3, BaseSequence: 5,
		Records: javaRecords,
	}
	short := header
	short.LastOffsetDelta, short.Records, short.MaxTimestamp = 19, 20, javaTime+947
	with := func(h Header, edit func(*Header)) Header {
		edit(&h)
		return h
	}
	codec := func(c Codec, flags int16) Header {
		return with(header, func(h *Header) { h.Attributes = int16(c) | flags })
	}
	const dayMillis = 86_400_000
	for _, c := range []struct {
		file string
		want Header
		keep func(*Record) bool
	}{
		{"none", short, nil},
		{"log_append_time", with(short, func(h *Header) {
			h.Attributes, h.MaxTimestamp = AttrLogAppendTime, javaTime+5000
		}), func(rec *Record) bool { rec.Timestamp = javaTime + 5000; return true }},
		{"gzip", codec(Gzip, AttrTransactional), nil},
		{"snappy", codec(Snappy, 0), nil},
		{"lz4", codec(LZ4, 0), nil},
		{"zstd", codec(Zstd, 0), nil},
		{"zstd_22", codec(Zstd, 0), nil},
		{"compacted", with(codec(Gzip, AttrTransactional|AttrDeleteHorizon), func(h *Header) {
			h.Records, h.FirstTimestamp, h.MaxTimestamp = 666, javaTime+1+dayMillis, javaTime+996
		}), func(rec *Record) bool { return rec.Offset%3 == 0 }},
		{"emptied", with(codec(None, AttrTransactional), func(h *Header) {
			h.Records, h.FirstTimestamp = 0, -1
		}), func(*Record) bool { return false }},
	} {
		t.Run(c.file, func(t *testing.T) {
			wire := javaBatch(t, c.file)
			h, batch, rest, err := Next(wire)
			if err != nil || len(rest) > 0 {
				t.Fatalf("%d bytes left, error %v", len(rest), err)
			}
			got := h
			got.Length, got.CRC = 0, 0
			if got != c.want {
				t.Errorf("header\n%+v instead of\n%+v", got, c.want)
			}
			plain, err := NewDecompressor(1<<20).AppendUncompressed(nil, batch)
			if err != nil {
				t.Fatal(err)
			}
			var want []Record
			for i := 0; i <= int(h.LastOffsetDelta); i++ {
				if rec := javaRecord(i); c.keep == nil || c.keep(&rec) {
					want = append(want, rec)
				}
			}
			if got := readAll(t, plain); !equalRecords(got, want) {
				t.Errorf("%d records that are not the %d that were written", len(got), len(want))
			}
		})
	}
}

// If this fails, AppendBatch and Kafka's classes write different bytes.
func TestAppendBatchAsJava(t *testing.T) {
	want := javaBatch(t, "none")
	h, err := ParseHeader(want)
	if err != nil {
		t.Fatal(err)
	}
	records := make([]Record, h.Records)
	for i := range records {
		records[i] = javaRecord(i)
	}
	got, err := AppendBatch(nil, h, records...)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%x\ninstead of\n%x", got, want)
	}
}

func TestKafkasOwnMarkers(t *testing.T) {
	for file, want := range map[string]ControlType{"commit": ControlCommit, "abort": ControlAbort} {
		h, batch, _, err := Next(javaBatch(t, file))
		if err != nil || !h.Control() || !h.Transactional() || h.ProducerID != 77 {
			t.Fatalf("%s: %+v, %v", file, h, err)
		}
		if got, err := ControlTypeOf(batch); got != want || err != nil {
			t.Errorf("%s: %d, %v", file, got, err)
		}
	}
}

func javaBatch(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "java", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
