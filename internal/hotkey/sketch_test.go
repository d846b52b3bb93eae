package hotkey

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// streams are records by key, in the order in which they come.
var streams = map[string]func(random *rand.Rand, keys, records int) []string{
	"uniform": func(random *rand.Rand, keys, records int) []string {
		return draw(records, func(int) int { return random.IntN(keys) })
	},
	"Zipf": func(random *rand.Rand, keys, records int) []string {
		zipf := rand.NewZipf(random, 1.2, 1, uint64(keys-1))
		return draw(records, func(int) int { return int(zipf.Uint64()) })
	},
	"each once": func(_ *rand.Rand, _, records int) []string {
		return draw(records, func(i int) int { return i })
	},
	// Keys come in turn, one more than are kept: each is replaced before it returns.
	"in turn": func(_ *rand.Rand, keys, records int) []string {
		return draw(records, func(i int) int { return i % keys })
	},
	// A key is hidden behind many that come once, and comes only at the end.
	"at the end": func(_ *rand.Rand, _, records int) []string {
		return draw(records, func(i int) int { return max(0, records*3/4-i) })
	},
	// Each key comes so often that it displaces the one before.
	"doubling": func(_ *rand.Rand, keys, records int) []string {
		return draw(records, func(i int) int { return len(strconv.FormatInt(int64(i), 2)) % keys })
	},
}

func draw(records int, next func(i int) int) []string {
	all := make([]string, records)
	for i := range all {
		n := next(i)
		// Some are longer than what is kept of a key, and differ only behind it.
		if all[i] = "key " + strconv.Itoa(n); n%7 == 3 {
			all[i] = strings.Repeat("x", KeptBytes) + all[i]
		}
	}
	return all
}

// If this fails, a hot key is missed, a cold one is blamed, or the bound that is printed
// is wrong.
func TestSketchAgainstExactCounts(t *testing.T) {
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				capacity := rapid.IntRange(1, 40).Draw(t, "capacity")
				random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				records := stream(random, rapid.IntRange(2, 60).Draw(t, "keys"), rapid.IntRange(0, 600).Draw(t, "records"))
				largest := rapid.SampledFrom([]int64{1, 1, 3, 1000}).Draw(t, "largest")
				s := NewSketch(capacity)
				for range rapid.IntRange(0, 1).Draw(t, "resets") {
					for _, key := range records {
						s.Add(key, 5)
					}
					s.Reset()
				}
				exact := map[string]int64{}
				var total int64
				for _, key := range records {
					n := 1 + random.Int64N(largest)
					exact[key] += n
					total += n
					s.Add(key, n)
					checkOrder(t, s)
				}
				compare(t, s, capacity, exact, total)
			})
		})
	}
}

func compare(t *rapid.T, s *Sketch, capacity int, exact map[string]int64, total int64) {
	byName := map[string]int64{}
	for key, n := range exact {
		byName[named(key)] += n
	}
	if s.Total() != total || s.Error() > total/int64(capacity) {
		t.Fatalf("%d records, error %d; want %d and at most %d", s.Total(), s.Error(), total, total/int64(capacity))
	}
	kept, sum, before := map[string]bool{}, int64(0), int64(1<<62)
	s.Each(func(c Count) bool {
		sum += c.Count
		if c.Count > before {
			t.Fatalf("%q with %d comes after %d", c.Key, c.Count, before)
		}
		before = c.Count
		if c.Size > KeptBytes {
			return true // its name stands for several keys
		}
		kept[c.Key] = true
		if n := byName[c.Key]; c.Count < n || c.Count-c.Excess > n || c.Excess > s.Error() {
			t.Fatalf("%q has %d records; counted: %d, of which %d are uncertain, at most %d", c.Key, n, c.Count, c.Excess, s.Error())
		}
		return true
	})
	if sum != total {
		t.Fatalf("the counts add up to %d of %d records", sum, total)
	}
	for key, n := range exact {
		if n > s.Error() && len(key) <= KeptBytes && !kept[key] {
			t.Fatalf("%q with %d of %d records is missing; error %d", key, n, total, s.Error())
		}
	}
}

// named returns what is kept of a key.
func named(key string) string { return key[:min(KeptBytes, len(key))] }

// checkOrder checks what raise relies on.
func checkOrder(t *rapid.T, s *Sketch) {
	for at := int(s.first); at < len(s.order); at++ {
		e := &s.entries[s.order[at]]
		l := s.levels[e.level]
		if int(e.at) != at || int(l.end) <= at {
			t.Fatalf("at %d, and its level ends at %d: %+v", at, l.end, e)
		}
		if at > int(s.first) {
			below := s.entries[s.order[at-1]]
			if s.levels[below.level].count > l.count || below.level != e.level && (s.levels[below.level].count == l.count || int(s.levels[below.level].end) != at) {
				t.Fatalf("levels %+v and %+v at %d", s.levels[below.level], l, at)
			}
		}
	}
	if n := len(s.order); len(s.entries) > 0 && int(s.levels[s.entries[s.order[n-1]].level].end) != n {
		t.Fatal("the last level ends early")
	}
	if len(s.levels) > cap(s.entries)+1 {
		t.Fatalf("%d levels for %d keys", len(s.levels), cap(s.entries))
	}
}

func TestSketchDoesNotAllocate(t *testing.T) {
	keys := draw(10_000, func(i int) int { return i })
	s := NewSketch(200)
	next := 0
	if n := testing.AllocsPerRun(50_000, func() {
		s.Add(keys[next%len(keys)], 1)
		next++
	}); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
}

// A busy machine interrupts a benchmark more often than not. So beside the mean it reports
// the fastest pass over the keys, which takes about a millisecond.
func BenchmarkSketch(b *testing.B) {
	const records = 1 << 14 // as warm in the caches as a key that was just decoded
	for _, capacity := range []int{200, 1000, 4000} {
		for _, name := range slices.Sorted(maps.Keys(streams)) {
			keys := streams[name](rand.New(rand.NewPCG(1, 0)), 100_000, records)
			b.Run(fmt.Sprintf("%s/%d", name, capacity), func(b *testing.B) {
				s := NewSketch(capacity)
				fastest := time.Duration(math.MaxInt64)
				b.ReportAllocs()
				for b.Loop() {
					begun := time.Now()
					for _, key := range keys {
						s.Add(key, 1)
					}
					fastest = min(fastest, time.Since(begun))
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
				b.ReportMetric(float64(fastest.Nanoseconds())/records, "fastest-ns/record")
			})
		}
	}
}
