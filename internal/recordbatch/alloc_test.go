//go:build !race

// Under the race detector, sync.Pool, where lz4 and zstd keep their state, drops some
// of it on purpose.

package recordbatch

import "testing"

// If this fails, reading or decompressing a batch allocates.
func TestNoAllocation(t *testing.T) {
	plain := tweetBatch(t)
	if n := testing.AllocsPerRun(10, func() { countRecords(t, plain) }); n != 0 {
		t.Errorf("Reader allocates %v times a batch", n)
	}
	for _, p := range append([]payload{{"none", None, nil}}, payloads...) {
		wire := plain
		if p.make != nil {
			wire = withPayload(plain, p.codec, p.make(t, plain[HeaderSize:]))
		}
		d := NewDecompressor(1 << 20)
		var dst []byte
		n := testing.AllocsPerRun(50, func() {
			_, batch, _, err := Next(wire)
			if err != nil {
				t.Fatal(err)
			}
			if dst, err = d.AppendUncompressed(dst[:0], batch); err != nil {
				t.Fatal(err)
			}
			r, err := d.CheckingReader(batch)
			if err != nil {
				t.Fatal(err)
			}
			readBenchRecords(t, &r)
		})
		if n != 0 {
			t.Errorf("%s allocates %v times a batch", p.name, n)
		}
	}
}

// If this fails, a message takes more memory than its bytes, or more than one
// allocation.
func TestFreshMessage(t *testing.T) {
	plain := tweetBatch(t)
	for _, p := range payloads {
		wire := withPayload(plain, p.codec, p.make(t, plain[HeaderSize:]))
		d := NewDecompressor(1 << 20)
		var got []byte
		n := testing.AllocsPerRun(50, func() {
			var err error
			if got, err = d.AppendUncompressed(nil, wire); err != nil {
				t.Fatal(err)
			}
		})
		if len(got) != len(plain) || cap(got) > len(plain)+len(plain)/8 {
			t.Errorf("%s: a message of %d bytes has a capacity of %d", p.name, len(got), cap(got))
		}
		if n > 1 {
			t.Errorf("%s: %v allocations for one message", p.name, n)
		}
	}
}
