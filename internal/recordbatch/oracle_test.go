package recordbatch

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const oracleLimit = 1 << 20

// oracle keeps what is reused between fuzzed batches, so that a decoder that an invalid
// batch has left in a bad state is noticed.
var oracle = NewDecompressor(oracleLimit)

// franz returns the records of b as franz-go's consumer reads them.
func franz(b []byte) ([]*kgo.Record, error) {
	fp, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true,
		Offset:             math.MinInt64,
	}, &kmsg.FetchResponseTopicPartition{RecordBatches: b}, kgo.DefaultDecompressor(), nil)
	return fp.Records, fp.Err
}

// compareWalk walks b and compares each batch with franz-go's result.
func compareWalk(t *testing.T, b []byte) {
	t.Helper()
	for {
		h, batch, rest, err := Next(b)
		if err != nil {
			if !bytes.Equal(rest, b) || batch != nil {
				t.Fatalf("%d of %d bytes left after %v", len(rest), len(b), err)
			}
			if errors.Is(err, ErrPartial) || errors.Is(err, ErrCRC) {
				if got, _ := franz(b); len(got) > 0 {
					t.Fatalf("franz-go reads %d records after %v", len(got), err)
				}
			}
			return
		}
		if len(batch) != h.Size() || len(batch)+len(rest) != len(b) {
			t.Fatalf("%d bytes taken and %d left of %d, the header says %d", len(batch), len(rest), len(b), h.Size())
		}
		if whole, err := Check(batch); err != nil || whole != h {
			t.Fatalf("Check gave %+v and %v for a batch that Next gave", whole, err)
		}
		compareBatch(t, h, batch)
		b = rest
	}
}

// compareReaders compares all ways to read a batch with decompressing it first, whose
// result is plain or the error err.
func compareReaders(t *testing.T, batch, plain []byte, err error) {
	t.Helper()
	want := outcomeOf(Reader{}, err)
	if err == nil {
		want = outcomeOf(NewReader(plain))
	}
	for name, open := range map[string]func([]byte) (Reader, error){"Reader": oracle.Reader, "CheckingReader": oracle.CheckingReader} {
		if got := outcomeOf(open(batch)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s gives %+v, decompressed first it is %+v", name, got, want)
		}
	}
}

func compareBatch(t *testing.T, h Header, batch []byte) {
	t.Helper()
	prefix := []byte("prefix")
	out, err := oracle.AppendUncompressed(prefix, batch)
	compareReaders(t, batch, out[len(prefix):], err)
	if len(out) > oracleLimit+len(prefix) || !bytes.HasPrefix(out, prefix) {
		t.Fatalf("%d bytes with a limit of %d", len(out), oracleLimit)
	}
	if errors.Is(err, ErrTooLarge) {
		return // franz-go would allocate the memory
	}
	want, wantErr := franz(batch)
	if err != nil {
		if len(out) != len(prefix) {
			t.Fatalf("%d bytes were left behind by %v", len(out)-len(prefix), err)
		}
		if wantErr == nil && len(want) > 0 && !errors.Is(err, errLZ4Frame) {
			t.Fatalf("franz-go reads %d records after %v", len(want), err)
		}
		return
	}
	plain := out[len(prefix):]
	compareHeaders(t, h, plain)
	if h.Codec() == LZ4 && isLZ4Checksum(wantErr) {
		return // see Decompressor.lz4
	}

	r, err := NewReader(plain)
	if err != nil {
		t.Fatalf("reading what AppendUncompressed gave: %v", err)
	}
	var rec Record
	n := 0
	for ; r.Next(&rec); n++ {
		if n >= len(want) {
			t.Fatalf("record %d, franz-go reads %d and the error %v", n, len(want), wantErr)
		}
		compareRecord(t, h, &rec, want[n])
	}
	switch err := r.Err(); {
	case err == nil && h.Records == 0:
		// An empty batch. franz-go still runs its codec.
		if n != 0 || len(want) != 0 {
			t.Fatalf("%d records of none", n)
		}
	case err == nil && (wantErr != nil || n != len(want) || n != int(h.Records)):
		t.Fatalf("%d records, the header says %d, franz-go reads %d and gives %v", n, h.Records, len(want), wantErr)
	case err != nil && wantErr == nil && len(want) == int(h.Records) && !stricter(err):
		t.Fatalf("franz-go reads all %d records, here record %d gives %v", len(want), n, err)
	case err != nil && !errors.Is(err, ErrCorrupt):
		t.Fatalf("not an ErrCorrupt: %v", err)
	}
}

// stricter reports whether err is about something that franz-go accepts. Kafka's own
// reader rejects all of it except the order of offsets, which the broker checks when it
// accepts a batch.
func stricter(err error) bool {
	for _, e := range []error{errOffset, errHeaders, errHeaderKey, errRecordTail, errBatchTail} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// compareHeaders reports whether only the fields differ that must.
func compareHeaders(t *testing.T, h Header, plain []byte) {
	t.Helper()
	got, err := Check(plain)
	if err != nil {
		t.Fatalf("checking what AppendUncompressed gave: %v", err)
	}
	if got.Codec() != None {
		t.Fatalf("the codec is still %s", got.Codec())
	}
	h.Attributes &^= AttrCodec
	h.Length, h.CRC = got.Length, got.CRC
	if got != h {
		t.Fatalf("the header became %+v from %+v", got, h)
	}
}

func compareRecord(t *testing.T, h Header, got *Record, want *kgo.Record) {
	t.Helper()
	// franz-go marks the records of old messages with a bit that Kafka has not
	// assigned, and so reads a batch with that bit as such messages.
	sameTime := h.Attributes&0x80 != 0 || time.Unix(0, got.Timestamp*1e6).Equal(want.Timestamp)
	if got.Offset != want.Offset || !equalNullable(got.Key, want.Key) || !equalNullable(got.Value, want.Value) || !sameTime {
		t.Fatalf("record %+v, franz-go reads %+v", got, want)
	}
	if got.Headers.Len() != len(want.Headers) {
		t.Fatalf("%d headers, franz-go reads %d", got.Headers.Len(), len(want.Headers))
	}
	i := 0
	for key, value := range got.Headers.All() {
		if string(key) != want.Headers[i].Key || !equalNullable(value, want.Headers[i].Value) {
			t.Fatalf("header %q=%q, franz-go reads %q=%q", key, value, want.Headers[i].Key, want.Headers[i].Value)
		}
		i++
	}
}
