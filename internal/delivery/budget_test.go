package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// If this fails, an input fetches without bound, stops forever, or does not end.
func TestFetchingWaitsWhileHalfOfTheBudgetIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(20)
		ctx, cancel := context.WithCancel(t.Context())
		b.Charge(12)
		var went [2]bool
		for i := range went {
			go func() { went[i] = b.Wait(ctx) == nil }()
		}
		synctest.Wait()
		b.Charge(-2)
		synctest.Wait()
		if went != [2]bool{} {
			t.Error("fetching continues while half of the budget is used")
		}
		b.Charge(-1)
		synctest.Wait()
		if went != [2]bool{true, true} {
			t.Errorf("with room continue: %v", went)
		}
		b.Charge(1)
		cancel()
		if b.Wait(ctx) == nil {
			t.Error("the wait does not end with its context")
		}
	})
}

// If this fails, a few batches that grow a hundredfold take all memory, or wait for
// each other forever.
func TestOneDeliveryAtATimeExceedsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		b.Charge(40)
		first, second, third := b.New(), b.New(), b.New()
		reserve := func(d *Delivery, n int64) *bool {
			done := new(bool)
			go func() { *done = d.Reserve(t.Context(), n) == nil }()
			synctest.Wait()
			return done
		}
		if !*reserve(first, 60) || !*reserve(first, 1000) || !*reserve(first, 1000) {
			t.Fatal("a single delivery cannot exceed the budget")
		}
		two, three := reserve(second, 1), reserve(third, 1000)
		if *two || *three || b.InUse() != 2100 {
			t.Fatalf("a second delivery has exceeded it: %t, %t, %d bytes", *two, *three, b.InUse())
		}
		_ = first.Settle()
		synctest.Wait()
		// The second waits for the third if that one was woken first.
		if !*three || *two && b.InUse() != 1041 || !*two && b.InUse() != 1040 {
			t.Fatalf("with room again: %t, %t, %d bytes", *two, *three, b.InUse())
		}
		_ = first.Settle() // a second call changes nothing
		_ = third.Settle()
		synctest.Wait()
		if !*two || b.InUse() != 41 {
			t.Fatalf("after the third: %t, %d bytes", *two, b.InUse())
		}
		_ = second.Settle()
		b.Charge(-40)
		if b.InUse() != 0 {
			t.Errorf("%d bytes are left in the end", b.InUse())
		}
	})
}

func TestAReservationWaitsForRoomWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		over, waits := b.New(), b.New()
		if err := over.Reserve(t.Context(), 200); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := waits.Reserve(t.Context(), 1); !errors.Is(err, ErrFull) || time.Since(began) != patience {
			t.Errorf("Reserve() = %v after %s, want %v after %s", err, time.Since(began), ErrFull, patience)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := waits.Reserve(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Reserve() = %v, want the end of its context", err)
		}
		if b.InUse() != 200 {
			t.Errorf("%d bytes are in use, want those of one delivery", b.InUse())
		}
	})
}

// If this fails, bytes are never released, until nothing fits.
func TestNothingIsReservedAfterTheAcknowledgement(t *testing.T) {
	b := NewBudget(100)
	d := b.New()
	if !d.Open() || d.Settle() != nil || d.Open() {
		t.Error("a delivery is open until it is settled")
	}
	var none *Delivery
	for _, d := range []*Delivery{d, new(Delivery), none} {
		if err := d.Reserve(t.Context(), 1000); err != nil || b.InUse() != 0 {
			t.Errorf("Reserve() = %v, %d bytes in use", err, b.InUse())
		}
	}
	if none.Open() {
		t.Error("a message of another input has an open delivery")
	}
}

// If this fails, reservations can deadlock, or two deliveries exceed the limit at the
// same time.
func TestChargingNeverDeadlocks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SliceOfN(rapid.Int64Range(1, 150), 1, 4), 1, 12).Draw(rt, "reservations of each delivery")
		workers := rapid.IntRange(1, 4).Draw(rt, "workers")
		const limit = 100
		synctest.Test(t, func(t *testing.T) {
			b := NewBudget(limit)
			work := make(chan []int64, len(steps))
			most := int64(0) // of one delivery
			for _, s := range steps {
				var sum int64
				for _, n := range s {
					sum += n
				}
				most = max(most, sum)
				work <- s
			}
			close(work)
			done := make(chan error, workers)
			for range workers {
				go func() {
					var failed error
					for s := range work {
						d := b.New()
						for _, n := range s {
							failed = errors.Join(failed, d.Reserve(t.Context(), n))
							if used := b.InUse(); used > limit+most {
								failed = errors.Join(failed, errors.New("two deliveries exceed the limit"))
							}
							time.Sleep(time.Millisecond)
						}
						_ = d.Settle()
					}
					done <- failed
				}()
			}
			for range workers {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if b.InUse() != 0 {
				t.Errorf("%d bytes are left", b.InUse())
			}
		})
		if t.Failed() {
			rt.Fatal("two deliveries exceeded the limit")
		}
	})
}
