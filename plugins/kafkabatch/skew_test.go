package kafkabatch

import (
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// If this fails, a partition with most of the records goes unnoticed, or one with its fair
// share is blamed.
func TestSkew(t *testing.T) {
	at := func(partition int32) track.ID {
		return track.ID{Topic: strings.Repeat("a topic with a long name ", 9), Partition: partition}
	}
	for name, c := range map[string]struct {
		records []int64 // by partition
		want    float64 // of partition 0
	}{
		"even":               {[]int64{100, 100, 100, 100}, 0},
		"a single partition": {[]int64{100}, 0},
		"one of four":        {[]int64{800, 50, 50, 100}, 0.8},
		"one of two, more":   {[]int64{60, 40}, 0},
		"one of two, most":   {[]int64{90, 10}, 0.9},
		"an empty batch":     {[]int64{0, 0, 0, 0}, 0},
	} {
		s := newSkew()
		now := time.Unix(0, 0)
		var got map[track.ID]float64
		for range 6 {
			got = s.shares(now, len(c.records))
			for partition, n := range c.records {
				s.add(at(int32(partition)), n)
			}
			now = now.Add(hotkey.Slice)
		}
		if got[at(0)] != c.want || c.want == 0 && len(got) > 0 || len(got) > 1 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// If this fails, a member that gets other partitions over and over grows.
func TestSkewIsBounded(t *testing.T) {
	s := newSkew()
	for i := range int32(3 * maxSkewKeys) {
		s.add(track.ID{Topic: "tweets", Partition: i}, 1)
	}
	if len(s.ids) > maxSkewKeys || len(s.keys) > maxSkewKeys {
		t.Errorf("%d partitions are remembered", len(s.ids))
	}
}
