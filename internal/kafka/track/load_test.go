package track

import (
	"errors"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

var errRefused = errors.New("refused")

// If this fails, a partition that waits and has its share in flight is fetched all
// the same, and what comes is dropped, again and again.
func TestAPartitionThatWaitsKeepsToItsShare(t *testing.T) {
	for bytes, want := range map[int64]bool{2 * MessageBytes: true, 2*MessageBytes + 1: false} {
		tr, c := one(t)
		tr.conf.Limit = 2 * bytes // so that its share is this, of the half for fetching
		c.Enqueue(record(10))
		c.Enqueue(record(11))
		if c.Full() {
			t.Error("a partition that does not wait has a share")
		}
		tr.Nack(tr.Next(), errRefused)
		if c.Full() != want {
			t.Errorf("with two batches of %d bytes and a share of %d: full is %t", MessageBytes, bytes, !want)
		}
		tr.Release([]*Claim{c})
		if due, _ := tr.Due(Fetch, 1, time.Now()); (len(due) == 0) != want {
			t.Errorf("with a share of %d bytes %d partitions are due", bytes, len(due))
		}
	}
}

// What would break: a fetcher sleeps although its partition has room again.
func TestRoomOfAPartitionWakesItsFetcher(t *testing.T) {
	tr, c := one(t)
	tr.conf.Limit = 2
	wake := make(chan struct{}, 1)
	tr.Watch(1, wake)
	c.Enqueue(record(10))
	b := tr.Next()
	tr.Nack(b, errRefused)
	if !c.Full() {
		t.Fatal("the partition has room")
	}
	tr.Ack(b)
	if len(wake) != 1 {
		t.Error("nobody is woken")
	}
}

// What would break: the positions of acknowledged batches behind one that waits are
// remembered without bound.
func TestAPartitionIsNotReadFarAhead(t *testing.T) {
	_, c := one(t)
	for i := range int64(maxAhead) {
		if c.Full() {
			t.Fatalf("it is full after %d batches", i)
		}
		c.Enqueue(record(10 + i))
	}
	if !c.Full() {
		t.Error("it is fetched however far it is ahead")
	}
}

// What would break: a partition that dropped its batches for the others acknowledges
// one of them, and its commit skips those before it.
func TestAPartitionThatIsRereadForgetsItsDeliveries(t *testing.T) {
	tr, c := one(t)
	tr.Assign([]Assigned{{ID: ID{"t", 1}}}, time.Now())
	tr.conf.Limit, tr.conf.Budget = 2*MessageBytes, delivery.NewBudget(2*MessageBytes)
	c.Enqueue(record(10))
	c.Enqueue(record(11))
	first, second := tr.Next(), tr.Next()
	var n Nacked
	for range PatientNacks {
		n = tr.Nack(first, errRefused)
	}
	if !n.Reread || n.From != 10 {
		t.Fatalf("it is not re-read from 10: %+v", n)
	}
	tr.Ack(second)
	if c.Current() || c.Skip(Position{Offset: 20}) {
		t.Error("a claim from before is good")
	}
	again := claimed(t, tr, Fetch, 1)
	if again.At.Offset != 10 || len(tr.Acknowledged()) != 0 {
		t.Errorf("it is fetched from %d, with the commits %+v", again.At.Offset, tr.Acknowledged())
	}
}

// What would break: a partition whose leader changed during the fetch that its re-read
// ends is read on from the new one, whose log may be another.
func TestARereadChecksANewLeader(t *testing.T) {
	tr, c := one(t)
	tr.Assign([]Assigned{{ID: ID{"t", 1}}}, time.Now())
	tr.conf.Limit, tr.conf.Budget = 2*MessageBytes, delivery.NewBudget(2*MessageBytes)
	for offset := range int64(3) {
		b, end := record(10 + offset)
		end.Epoch = 5
		c.Enqueue(b, end)
	}
	tr.Ack(tr.Next())
	b := tr.Next()
	c.SetLeader(2, 6)
	for range PatientNacks {
		tr.Nack(b, errRefused)
	}
	if check := claimed(t, tr, Epoch, AnyBroker); check.At.Offset != 11 || check.At.Epoch != 5 {
		t.Errorf("the check is of %+v", check)
	}
}
