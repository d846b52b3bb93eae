package kafkabatch

import (
	"context"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// Who waits for room must go on when there is some, and when it is told to stop.
func TestBudgetWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &budget{limit: 10}
		ctx, cancel := context.WithCancel(t.Context())
		b.charge(12)
		var went [2]bool
		for i := range went {
			go func() {
				went[i] = b.wait(ctx) == nil
			}()
		}
		synctest.Wait()
		b.charge(-2)
		synctest.Wait()
		if went != [2]bool{} {
			t.Error("somebody goes on while the budget is used up")
		}
		b.charge(-1)
		synctest.Wait()
		if went != [2]bool{true, true} {
			t.Errorf("with room go on: %v", went)
		}
		b.charge(1)
		cancel()
		if b.wait(ctx) == nil {
			t.Error("the wait does not end with its context")
		}
	})
}

// What is charged must be what is in use, and nothing in the end: else the input
// would stop for ever, or take all memory.
func TestHoldsAreReleasedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &budget{limit: 1}
		h := b.hold(7)
		users, size := 1, int64(7)
		charged := false
		t.Repeat(map[string]func(*rapid.T){
			"share": func(t *rapid.T) {
				if users == 0 || charged {
					t.Skip("too late")
				}
				h.share()
				users++
				size += batchOverhead
			},
			"charge": func(*rapid.T) {
				h.charge()
				charged = charged || users > 0
			},
			"release": func(t *rapid.T) {
				if users == 0 {
					t.Skip("gone")
				}
				h.release()
				users--
			},
			"": func(t *rapid.T) {
				want := int64(0)
				if charged && users > 0 {
					want = size
				}
				if got := b.inUse(); got != want {
					t.Fatalf("%d in use with %d users, want %d", got, users, want)
				}
			},
		})
	})
}
