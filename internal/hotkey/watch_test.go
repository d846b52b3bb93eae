package hotkey

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// traffic feeds a Watch by a clock of its own.
type traffic struct {
	watch *Watch
	now   time.Time
	named map[string]time.Time // when
	ended map[string]time.Time
}

func newTraffic(t interface{ Fatal(...any) }, share float64) *traffic {
	w, err := NewWatch(share)
	if err != nil {
		t.Fatal(err)
	}
	return &traffic{watch: w, now: time.Unix(1_700_000_000, 0), named: map[string]time.Time{}, ended: map[string]time.Time{}}
}

func (f *traffic) turn(held ...Held) {
	news, _ := f.watch.Turn(f.now, held...)
	for _, h := range news.Started {
		f.named[h.Key] = f.now
	}
	for _, h := range news.Ended {
		f.ended[h.Key] = f.now
	}
}

// If this fails, a key that becomes hot after hours of other traffic is named late, or
// never: counts since the start would need hours to exceed the share.
func TestKeyThatBecomesHotAfterHoursIsNamedInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.SampledFrom([]float64{0.01, 0.05, 0.2}).Draw(t, "share")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		f := newTraffic(t, share)
		var before [3][100]string
		for i := range before {
			for j := range before[i] {
				before[i][j] = fmt.Sprint("before ", i, " ", j)
			}
		}
		rate := rapid.IntRange(2000, 4000).Draw(t, "rate")
		// Hours of other traffic, weighted: a second has a million records of other keys.
		for range rapid.SampledFrom([]int{0, 1, 60, 2 * 3600}).Draw(t, "seconds before") {
			f.turn()
			for key := range 3 {
				f.watch.Record(before[key][random.IntN(100)], 300_000)
			}
			f.now = f.now.Add(time.Second)
		}
		// Turn is called up to a second late, at any time.
		step := time.Duration(rapid.IntRange(50, 990).Draw(t, "turns")) * time.Millisecond
		begin := f.now
		for f.now.Sub(begin) < NamedWithin {
			for range int(float64(rate) * step.Seconds()) {
				key := fmt.Sprint("other ", random.IntN(10_000))
				if random.Float64() < 2*share {
					key = "hot"
				}
				f.watch.Record(key, 1)
			}
			f.now = f.now.Add(step)
			f.turn()
		}
		at, named := f.named["hot"]
		if !named || at.Sub(begin) > NamedWithin {
			t.Fatalf("named %v after %s", named, at.Sub(begin))
		}
		if !f.watch.Is("hot") || f.watch.Is("other 1") {
			t.Fatal("Is disagrees with what was named")
		}
	})
}

// If this fails, a key above the share is missed, or one is named that is far below it.
func TestWatchAgainstExactCounts(t *testing.T) {
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				share := rapid.SampledFrom([]float64{0.02, 0.1, 0.4}).Draw(t, "share")
				f := newTraffic(t, share)
				random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				f.turn()
				for range rapid.IntRange(1, 4).Draw(t, "slices") {
					clear(f.named)
					hotBefore := f.watch.Hot()
					exact := map[string]int64{}
					records := stream(random, rapid.IntRange(2, 3000).Draw(t, "keys"), rapid.IntRange(0, 5000).Draw(t, "records"))
					for _, key := range records {
						exact[key]++
						f.watch.Record(key, 1)
					}
					f.now = f.now.Add(Slice)
					f.turn()
					total := float64(len(records))
					for key, n := range exact {
						if n >= least && float64(n) > share*total && !f.watch.Is(key) {
							t.Fatalf("%q with %d of %v records is not named; share %v", key, n, total, share)
						}
					}
					for key := range f.named {
						if n := countOf(exact, key); float64(n) <= 0.9*share*total-1 {
							t.Fatalf("%q with %d of %v records is named; share %v", key, n, total, share)
						}
					}
					if most := len(hotBefore) + int(1/share); len(f.watch.Hot()) > most {
						t.Fatalf("%d keys are hot, at most %d can be", len(f.watch.Hot()), most)
					}
				}
			})
		})
	}
}

// countOf returns the largest count of the keys with the same beginning.
func countOf(exact map[string]int64, name string) (most int64) {
	for key, n := range exact {
		if named(key) == name {
			most = max(most, n)
		}
	}
	return most
}

// If this fails, a key near the share is named again and again, or for ever.
func TestHotKeyCools(t *testing.T) {
	f := newTraffic(t, 0.1)
	slice := func(hot, other int64) {
		f.turn()
		if hot > 0 {
			f.watch.Record("hot", hot)
		}
		for i := range other {
			f.watch.Record(fmt.Sprint(i), 1)
		}
		f.now = f.now.Add(Slice)
	}
	slice(200, 800)
	slice(200, 800)
	since := f.named["hot"]
	for range 3 * coolSlices { // below the share, above half of it
		slice(70, 930)
	}
	if len(f.ended) > 0 || f.named["hot"] != since {
		t.Fatalf("a key near the share: named at %v, ended at %v", f.named, f.ended)
	}
	begin := f.now
	for range coolSlices + 2 {
		slice(10, 990)
	}
	if at, ok := f.ended["hot"]; !ok || at.Sub(begin) > (coolSlices+1)*Slice || f.watch.Is("hot") || len(f.watch.Hot()) > 0 {
		t.Errorf("ended %v after %s, still hot: %v", ok, at.Sub(begin), f.watch.Hot())
	}
}

// If this fails, a key that blocks everything is no longer hot, since nothing is read.
func TestKeyThatHoldsMostOfTheMessagesStaysHot(t *testing.T) {
	f := newTraffic(t, 0.05)
	f.turn()
	for range 60 {
		f.now = f.now.Add(time.Second)
		f.turn(Held{"hot", 4812, 5000}, Held{"cold", 100, 5000})
	}
	hot := f.watch.Hot()
	if len(hot) != 1 || hot[0].Key != "hot" || f.now.Sub(f.named["hot"]) < 55*time.Second || !strings.Contains(hot[0].String(), "holds 4,812 of 5,000 messages") {
		t.Fatalf("%v, named %v", hot, f.named)
	}
	for range 20 {
		f.now = f.now.Add(time.Second)
		f.turn()
	}
	if len(f.watch.Hot()) > 0 || f.ended["hot"].IsZero() {
		t.Errorf("still hot: %v", f.watch.Hot())
	}
}

// If this fails, the first records of a quiet topic are all hot keys.
func TestFewRecordsAreNotHot(t *testing.T) {
	f := newTraffic(t, 0.05)
	for range 10 {
		f.turn()
		f.watch.Record("a", least-1)
		f.now = f.now.Add(Slice)
	}
	if len(f.named) > 0 {
		t.Errorf("named: %v", f.named)
	}
}

// If this fails, a share would be accepted for which the sketch is huge, or has no meaning.
func TestShares(t *testing.T) {
	for share, want := range map[float64]bool{0: false, 0.001: false, MinShare: true, 0.5: true, 1: false, -1: false, math.NaN(): false} {
		if _, err := NewWatch(share); (err == nil) != want {
			t.Errorf("%v: %v", share, err)
		}
	}
}

// If this fails, the error that is printed is larger than a tenth of the share.
func TestErrorIsATenthOfTheShare(t *testing.T) {
	for _, share := range []float64{MinShare, 0.01, 0.05, 0.3} {
		w, err := NewWatch(share)
		if err != nil {
			t.Fatal(err)
		}
		const records = 1_000_000
		if e := w.Error(records); float64(e) > share*records/10 {
			t.Errorf("share %v: %d of %d", share, e, records)
		}
	}
}

// If this fails, a key of a record breaks a log line or a page.
func TestNames(t *testing.T) {
	for key, want := range map[string]string{
		"user 7":                 "user 7",
		"Zoë 日本":                 "Zoë 日本",
		"a\nb":                   `a\nb`,
		"\xff\x00":               `\xff\x00`,
		`say "hi"`:               `say "hi"`,
		"\u202ereversed":         `\u202ereversed`,
		strings.Repeat("x", 300): strings.Repeat("x", 64) + "… (300 bytes)",
		strings.Repeat("日", 50):  strings.Repeat("日", 21) + "… (150 bytes)",
	} {
		if got := Name(key[:min(KeptBytes, len(key))], len(key)); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

// If this fails, a producer that chooses the keys chooses the number of time series.
func TestLabelsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Labels
		shown := map[string]float64{}
		for range rapid.IntRange(1, 60).Draw(t, "turns") {
			var hot []Hot
			values := map[string]float64{}
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 300), 0, 10, rapid.ID).Draw(t, "keys") {
				key := fmt.Sprint(n)
				hot = append(hot, Hot{Count: Count{Key: key, Size: len(key)}})
				values[key] = float64(n + 1)
			}
			l.Show(hot, func(h Hot) float64 { return values[h.Key] }, func(label string, v float64) { shown[label] = v })
			other := 0.0
			for key, v := range values {
				if got, own := shown[key]; !own {
					other = max(other, v)
				} else if got != v {
					t.Fatalf("%s is %v, want %v", key, got, v)
				}
			}
			if shown[OtherLabel] != other {
				t.Fatalf("the others are %v, want %v", shown[OtherLabel], other)
			}
			for label, v := range shown {
				if v != 0 && label != OtherLabel && values[label] == 0 {
					t.Fatalf("%s is no longer hot, and is shown with %v", label, v)
				}
			}
		}
		if len(shown) > MaxLabels+1 {
			t.Fatalf("%d labels", len(shown))
		}
	})
}

// If this fails, topics with a fair share each are said to be skewed.
func TestSkewFrom(t *testing.T) {
	var got []float64
	for _, n := range []int{0, 1, 2, 4} {
		got = append(got, SkewFrom(n))
	}
	if !slices.Equal(got, []float64{1, 1, 0.75, 0.625}) {
		t.Errorf("%v", got)
	}
}

func BenchmarkWatch(b *testing.B) {
	keys := streams["Zipf"](rand.New(rand.NewPCG(1, 0)), 100_000, 1<<16)
	w, err := NewWatch(0.05)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(0, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1_000_000 == 0 {
			w.Turn(now)
			now = now.Add(Slice)
		}
		w.Record(keys[i&(1<<16-1)], 1)
	}
}
