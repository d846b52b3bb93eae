package produce

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// If this fails, damage of a generated batch is stored with acks 0, where the broker tells
// nobody, or a batch from elsewhere is sent without a check.
func TestDamageIsFoundHereUnlessTheBrokerAnswers(t *testing.T) {
	var builder recordbatch.Builder
	builder.Begin(nil)
	builder.Append(value("a tweet"))
	damaged, err := builder.Finish()
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)-2] ^= 1
	for _, acks := range []int16{-1, 0, 1} {
		synctest.Test(t, func(t *testing.T) {
			_, p := simulated(t, 1, func(c *Config) { c.Acks = acks })
			call := p.Begin()
			topic, err := call.Topic(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if call.AddBatch(topic, 0, 0, damaged) == nil {
				t.Errorf("acks %d: a damaged batch from elsewhere passes", acks)
			}
			if acks == 0 && call.AddSealed(topic, 0, 0, damaged) == nil {
				t.Error("a damaged batch passes that no broker answers for")
			}
			if _, err := call.Wait(context.Background()); err != nil {
				t.Error(err)
			}
			if _, err := p.whole(damaged, true); err != nil {
				t.Errorf("a batch with a right header is checked twice: %v", err)
			}
		})
	}
}
