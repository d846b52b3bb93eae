package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// patience is how long a test waits for an event that usually takes a few seconds.
const patience = time.Minute

var errNotYet = errors.New("not yet")

// Await waits for an event.
func Await(t testing.TB, what string, happened func() bool) {
	t.Helper()
	testenv.Eventually(t, patience, what, func() error {
		if !happened() {
			return errNotYet
		}
		return nil
	})
}

// AwaitMembers waits until the group is stable with this many members.
func (r *Reader) AwaitMembers(t testing.TB, want int) {
	t.Helper()
	client := r.Kafka.Client(t)
	defer client.Close()
	admin := kadm.NewClient(client)
	testenv.Eventually(t, patience, fmt.Sprintf("the group has %d members", want), func() error {
		groups, err := admin.DescribeGroups(t.Context(), r.Group)
		if err != nil {
			return err
		}
		group := groups[r.Group]
		if got := len(group.Members); got != want || group.State != "Stable" && want > 0 {
			return fmt.Errorf("%d members, and it is %s", got, group.State)
		}
		return group.Err
	})
}

// Committed returns the committed offsets of the group, by partition: none while the
// group does not exist yet or its coordinator moves.
func (r *Reader) Committed(ctx context.Context, admin *kadm.Client) map[int32]int64 {
	below := map[int32]int64{}
	offsets, err := admin.FetchOffsets(ctx, r.Group)
	if err != nil {
		return below
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == r.Topic && o.Err == nil {
			below[o.Partition] = o.At
		}
	})
	return below
}

// SetOffsets waits until the group has no members, and sets its offsets.
func (r *Reader) SetOffsets(t testing.TB, where string, offsets map[int32]int64) {
	t.Helper()
	r.AwaitMembers(t, 0)
	client := r.Kafka.Client(t)
	defer client.Close()
	var set kadm.Offsets
	for partition, offset := range offsets {
		set.Add(kadm.Offset{Topic: r.Topic, Partition: partition, At: offset, LeaderEpoch: -1})
	}
	answer, err := kadm.NewClient(client).CommitOffsets(t.Context(), r.Group, set)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		t.Fatalf("setting the offsets to %s: %v", where, err)
	}
}
