package kafkabatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// planner is a fetcher of a session with partitions of which it is known, or not,
// whether there is more in them.
func planner(behind, caughtUp, unknown int) *fetcher {
	s := &session{partitions: map[topicPartition]*partition{}}
	for i := range behind + caughtUp + unknown {
		p := newPartition(topicPartition{"t", int32(i)}, fetchedCommit{offset: 10})
		p.begin(position{offset: 10, epoch: -1, time: -1})
		p.phase, p.leader, p.turn = phaseFetch, 1, int64(-i)
		switch {
		case i < behind:
			p.end, p.endKnown = 20, true
		case i < behind+caughtUp:
			p.end, p.endKnown = 10, true
		}
		s.partitions[p.topicPartition] = p
	}
	return &fetcher{line: &line{wake: make(chan struct{}, 1)}, session: s, broker: 1}
}

// planned gives the numbers of the partitions that are asked for.
func (f *fetcher) planned() ([]ask, string) {
	asked, _ := f.plan(time.Now())
	var numbers []string
	for _, a := range asked {
		numbers = append(numbers, fmt.Sprint(a.partition.partition))
	}
	return asked, strings.Join(numbers, " ")
}

// If this fails, the broker waits while a response is walked, a partition is in
// two requests at once, or partitions with more to read wait for a request that
// waits for new records.
func TestPlanLeavesHalfForTheNextRequest(t *testing.T) {
	f := planner(5, 1, 1)
	first, numbers := f.planned()
	if numbers != "6 5 4 3 2" { // those that waited longest first
		t.Fatalf("the first request asks for %q", numbers)
	}
	f.walking = 1
	second, numbers := f.planned()
	if numbers != "1 0" {
		t.Fatalf("the second request asks for %q", numbers)
	}
	f.walking = 2
	if _, numbers := f.planned(); numbers != "" {
		t.Fatalf("%q are asked for twice", numbers)
	}
	f.free(first)
	if f.walking != 1 || len(f.wake) != 1 {
		t.Fatalf("%d are walked, and %d wake-ups given", f.walking, len(f.wake))
	}
	if _, numbers := f.planned(); numbers != "6 5 4 3 2" {
		t.Fatalf("while the second response is walked %q are asked for", numbers)
	}
	f.free(second)
}

// If this fails, new records wait for fetch_max_wait because a request without
// them was sent a moment before.
func TestPlanDoesNotWaitForNewRecordsDuringAWalk(t *testing.T) {
	f := planner(2, 3, 0)
	first, numbers := f.planned()
	if numbers != "4 3 2 1" {
		t.Fatalf("the first request asks for %q", numbers)
	}
	f.walking = 1
	if _, numbers = f.planned(); numbers != "0" {
		t.Fatalf("the second request asks for %q", numbers)
	}
	f.free(first[:3]) // all but the one that has more
	f.walking = 1
	if _, numbers = f.planned(); numbers != "" {
		t.Fatalf("%q are asked for, which have nothing", numbers)
	}
	f.walking = 0
	asked, numbers := f.planned()
	if numbers != "4 3 2" || slices.ContainsFunc(asked, func(a ask) bool { return !a.partition.busy }) {
		t.Fatalf("without a walk %q are asked for", numbers)
	}
}

// If this fails, a partition that waits and has its share in flight is fetched all
// the same, and what comes is dropped, again and again.
func TestPlanLeavesOutAPartitionThatHasItsShare(t *testing.T) {
	f := planner(2, 0, 0)
	f.session.conf = &config{maxInFlightBytes: 2000}
	p := f.session.partitions[topicPartition{"t", 1}]
	p.load = load{bytes: 500, batches: 2, waiting: 1}
	if _, numbers := f.planned(); numbers != "0" {
		t.Fatalf("%q are asked for", numbers)
	}
	f = planner(2, 0, 0)
	f.session.conf = &config{maxInFlightBytes: 2000}
	f.session.partitions[topicPartition{"t", 1}].load = load{bytes: 499, batches: 2, waiting: 1}
	if _, numbers := f.planned(); numbers != "1" { // half of them
		t.Fatalf("%q are asked for", numbers)
	}
}
