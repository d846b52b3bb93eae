package kafkabatch

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Memory that two batches have at once would give wrong counts, and memory beyond
// what was ever in flight has no bound.
func TestSparesGiveMemoryToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &spares{limit: 1 << 20}
		var held [][]byte
		var heldSize, peak int64
		size := rapid.OneOf(rapid.IntRange(1, 200), rapid.IntRange(1, 300_000))
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				n := size.Draw(t, "n")
				b := s.take(n)
				if len(b) != 0 || cap(b) < n || cap(b) > max(2*n, 64<<10) {
					t.Fatalf("for %d bytes there are %d, with %d in them", n, cap(b), len(b))
				}
				held = append(held, b)
				heldSize += int64(cap(b))
				peak = max(peak, heldSize)
			},
			"give": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip("nothing is held")
				}
				i := rapid.IntRange(0, len(held)-1).Draw(t, "i")
				heldSize -= int64(cap(held[i]))
				s.give(held[i])
				held = append(held[:i], held[i+1:]...)
			},
			"": func(t *rapid.T) {
				owners := map[*byte]bool{}
				var free int64
				for _, b := range s.free {
					free += int64(cap(b))
				}
				for _, b := range append(append([][]byte{}, held...), s.free...) {
					if first := &b[:1][0]; owners[first] {
						t.Fatal("memory has two owners")
					} else {
						owners[first] = true
					}
				}
				// What does not fit is replaced, byte for byte at least.
				if s.size != free || free > s.limit || free+heldSize > peak {
					t.Fatalf("%d bytes are kept, %d by its own count, and %d are held; at most %d were", free, s.size, heldSize, peak)
				}
			},
		})
	})
}

// What would break: a batch that an output still needs, or is to get again, would
// be overwritten by another one.
func TestReusesTheMemoryOfAcknowledgedBatchesAlone(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	rng := rand.New(rand.NewPCG(7, 0))
	const batches = 60
	for partition := range int32(2) {
		var sizes []int
		for range batches {
			sizes = append(sizes, 500+rng.IntN(2000))
		}
		produceWith(t, c, topic, kgo.Lz4Compression(), partition, sizes...)
	}
	r := connected(t, c, topic, "reuse_memory: true\nmax_in_flight_bytes: 256KiB\nfetch_max_bytes: 64KiB\nfetch_max_partition_bytes: 16KiB")

	type held struct {
		read
		was     []byte
		checked *recordbatch.Checked
	}
	var open []held
	seen := map[*byte]bool{}
	for done := 0; done < 2*batches; {
		if b, ok := r.next(20 * time.Millisecond); ok {
			content := b.bytes()
			if _, err := recordbatch.Check(content); err != nil {
				t.Fatal(err)
			}
			seen[&content[0]] = true
			open = append(open, held{b, bytes.Clone(content), recordbatch.CheckedOf(b.messages[0].Context(), content)})
			if rng.IntN(3) > 0 {
				continue
			}
		}
		if len(open) == 0 {
			continue
		}
		i := rng.IntN(len(open))
		h := open[i]
		open = append(open[:i], open[i+1:]...)
		if h.checked.Over() || !bytes.Equal(h.bytes(), h.was) {
			t.Fatalf("the batch at %v of partition %v has other bytes before it is acknowledged", h.meta(metaOffset), h.meta(metaPartition))
		}
		if rng.IntN(10) == 0 {
			if err := h.ack(context.Background(), errors.New("refused")); err != nil {
				t.Fatal(err)
			}
			if h.checked.Over() {
				t.Fatal("a batch that is refused is given up")
			}
			continue
		}
		h.done(t)
		done++
		if !h.checked.Over() {
			t.Fatal("whoever kept an acknowledged batch cannot tell")
		}
	}
	if len(seen) > batches {
		t.Errorf("%d batches had %d pieces of memory: it is not used again", 2*batches, len(seen))
	}
}

// Without the option a message may be kept for as long as somebody likes.
func TestMemoryIsOnesOwnByDefault(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produceWith(t, c, topic, kgo.Lz4Compression(), 0, 900, 900, 900, 900)
	r := connected(t, c, topic, "")
	first := r.must()
	was := bytes.Clone(first.bytes())
	first.done(t)
	for range 3 {
		r.must().done(t)
	}
	if !bytes.Equal(first.bytes(), was) || recordbatch.CheckedOf(first.messages[0].Context(), first.bytes()).Over() {
		t.Error("the bytes of an acknowledged message have changed")
	}
}

// Batches that compress in very different ways must come as they are, wherever the
// guess of their size leads.
func TestUncompressesIntoMemoryOfTheWrongSize(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	records := 0
	for i, codec := range []kgo.CompressionCodec{kgo.Lz4Compression(), kgo.ZstdCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.NoCompression(), kgo.Lz4Compression()} {
		records += fill(t, c, topic, 1, codec, uint64(i))
		produceWith(t, c, topic, codec, 0, 1, 5000, 2)
		records += 5003
	}
	want := independent(t, c, topic, records)
	same(t, connected(t, c, topic, "reuse_memory: true").collect(records), want)
}
