package sentimentwindow

import (
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// If this fails, a brand that has most of the tweets is not shown, or for ever.
func TestBrandSkew(t *testing.T) {
	shown := map[string]float64{}
	s := newBrandSkew(func(brand string, share float64) { shown[brand] = share })
	batch := func(tweets map[string]int) []*group {
		g := &group{fold: fold{law: secondLaw(t)}}
		cache := newSeriesCache("tweets", "")
		for brand, n := range tweets {
			for i := range n {
				tw := tweet.Tweet{Brand: []byte(brand), Millis: int64(i) * 100} // in several windows
				if err := g.fold.add(&tw, cache.of(tw.Brand)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return []*group{g, {}}
	}
	now := time.Unix(0, 0)
	for range 8 {
		s.add(batch(map[string]int{"a": 70, "b": 30}), now)
		now = now.Add(time.Second)
	}
	if len(shown) != 1 || shown["a"] != 0.7 {
		t.Errorf("shown: %v, want 0.7 of a", shown)
	}
	for range 8 {
		s.add(batch(map[string]int{"a": 40, "b": 40, "c": 20}), now)
		now = now.Add(time.Second)
	}
	if len(shown) != 1 || shown["a"] != 0 {
		t.Errorf("shown: %v, want 0 of a", shown)
	}
}

// If this fails, the processor does not count the brands, or counts tweets twice.
func TestProcessorWatchesBrands(t *testing.T) {
	p := testProcessor(t, "")
	value := datum("a", tweet.Positive, 1_700_000_000_000)
	batch := make(service.MessageBatch, 20)
	for i := range batch {
		batch[i] = kafkaMessage("tweets", 0, i, value)
	}
	if _, err := p.ProcessBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	p.skew.watch.Turn(time.Now().Add(2 * hotkey.Slice))
	if hot := p.skew.watch.Hot(); len(hot) != 1 || hot[0].Key != "a" || hot[0].Count.Count != 20 || hot[0].Total != 20 {
		t.Errorf("%v", hot)
	}
}
