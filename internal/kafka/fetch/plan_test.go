package fetch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// planner is a fetcher of partitions of which it is known, or not, whether there is
// more in them.
func planner(behind, caughtUp, unknown int) *fetcher {
	tracker := tracked(behind+caughtUp+unknown, 10)
	f := alone(tracker, &enqueuer{})
	due, _ := tracker.Due(track.Fetch, leader, time.Now())
	claims := tracker.Claim(due, time.Now())
	for i := behind + caughtUp - 1; i >= 0; i-- { // the last one waits longest
		end := int64(10)
		if i < behind {
			end = 20
		}
		claims[i].Responded(end, -1, true)
	}
	tracker.Release(claims)
	return f
}

// planned returns the numbers of the partitions that are requested.
func (f *fetcher) planned() ([]*track.Claim, string) {
	claims, _ := f.plan(time.Now())
	var numbers []string
	for _, c := range claims {
		numbers = append(numbers, fmt.Sprint(c.ID.Partition))
	}
	return claims, strings.Join(numbers, " ")
}

// If this fails, the broker waits while a response is scanned, a partition is in
// two requests at once, or partitions with more to read wait for a request that
// waits for new records.
func TestPlanLeavesHalfForTheNextRequest(t *testing.T) {
	f := planner(5, 1, 1)
	first, numbers := f.planned()
	if numbers != "6 5 4 3 2" { // those that waited longest first
		t.Fatalf("the first request asks for %q", numbers)
	}
	f.scanning.Store(1)
	second, numbers := f.planned()
	if numbers != "1 0" {
		t.Fatalf("the second request asks for %q", numbers)
	}
	f.scanning.Store(2)
	if _, numbers := f.planned(); numbers != "" {
		t.Fatalf("%q are asked for twice", numbers)
	}
	f.release(first)
	if f.scanning.Load() != 1 || len(f.wake) != 1 {
		t.Fatalf("%d are scanned, and %d wake-ups given", f.scanning.Load(), len(f.wake))
	}
	if _, numbers := f.planned(); numbers != "6 5 4 3 2" {
		t.Fatalf("while the second response is scanned %q are asked for", numbers)
	}
	f.release(second)
}

// If this fails, new records wait for fetch_max_wait because a request without
// them was sent a moment before.
func TestPlanDoesNotWaitForNewRecordsDuringAScan(t *testing.T) {
	f := planner(2, 3, 0)
	first, numbers := f.planned()
	if numbers != "4 3 2 1" {
		t.Fatalf("the first request asks for %q", numbers)
	}
	f.scanning.Store(1)
	if _, numbers = f.planned(); numbers != "0" {
		t.Fatalf("the second request asks for %q", numbers)
	}
	f.release(first[:3]) // all but the one that has more
	f.scanning.Store(1)
	if _, numbers = f.planned(); numbers != "" {
		t.Fatalf("%q are asked for, which have nothing", numbers)
	}
	f.scanning.Store(0)
	if _, numbers = f.planned(); numbers != "4 3 2" {
		t.Fatalf("without a scan %q are asked for", numbers)
	}
}
