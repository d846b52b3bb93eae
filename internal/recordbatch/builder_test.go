package recordbatch

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// If this fails, a batch that is built in place is another one than franz-go's of the
// same records.
func TestBuilderWritesWhatFranzGoWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, records := batchGen(t)
		h := Header{LeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}
		var b Builder
		b.Begin([]byte("dst"))
		for i := range records {
			rec := &records[i]
			rec.Offset = int64(i)
			before := b.Size()
			if rec.Value != nil && rapid.Bool().Draw(t, "in place") {
				b.Close(append(b.Open(rec.Timestamp, rec.Key, rec.Headers, len(rec.Value)), rec.Value...))
			} else {
				b.Append(rec)
			}
			if n := b.Size() - before; n > MaxRecordSize(len(rec.Key), len(rec.Value), len(rec.Headers)) {
				t.Fatalf("record %d takes %d bytes", i, n)
			}
		}
		if b.Records() != len(records) {
			t.Fatalf("%d records instead of %d", b.Records(), len(records))
		}
		got, err := b.Finish()
		if len(records) == 0 {
			if !errors.Is(err, ErrRecords) || string(got) != "dst" {
				t.Fatalf("a batch without records is %q, %v", got, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got = bytes.TrimPrefix(got, []byte("dst")); !bytes.Equal(got, encoded(h, records)) {
			t.Fatalf("%x\ninstead of\n%x", got, encoded(h, records))
		}
	})
}

// If this fails, a value of another size than announced makes a batch that nobody
// can read.
func TestBuilderPanicsAtAWrongSize(t *testing.T) {
	for _, size := range []int{2, 4} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("3 bytes pass for %d", size)
				}
			}()
			var b Builder
			b.Begin(nil)
			b.Close(append(b.Open(1, nil, nil, size), 1, 2, 3))
		}()
	}
}

// If this fails, a batch takes more memory than its buffer.
func TestBuilderReusesItsBuffer(t *testing.T) {
	value := bytes.Repeat([]byte("x"), 100)
	var b Builder
	var buf []byte
	build := func() {
		b.Begin(buf[:0])
		for range 1000 {
			b.Close(append(b.Open(1_700_000_000_000, nil, nil, len(value)), value...))
		}
		var err error
		if buf, err = b.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	build()
	if n := testing.AllocsPerRun(10, build); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

func BenchmarkBuilder(b *testing.B) {
	value := bytes.Repeat([]byte("x"), benchValueBytes)
	var builder Builder
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		builder.Begin(buf[:0])
		for range benchRecords {
			builder.Close(append(builder.Open(1_700_000_000_000, nil, nil, len(value)), value...))
		}
		var err error
		if buf, err = builder.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
	reportRecords(b)
}
