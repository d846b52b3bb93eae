package sentimentwindow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// redeliver asks for a schema as batches do that their input redelivers, until it
// is there or the context ends. It returns how long that took.
func redeliver(ctx context.Context, t *testing.T, c *schemaCache, id int) time.Duration {
	start := time.Now()
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 2*time.Second) {
		in, _ := delivered(ctx)
		_, err := c.resolver(in, id)
		if err == nil {
			break
		}
		if !errors.Is(err, errPostponed) && ctx.Err() == nil {
			t.Errorf("schema %d: %v", id, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return time.Since(start)
}

// What would break: ids for which the registry hangs, which any producer may write,
// hold up the records of every schema that is not known yet.
func TestIDsThatHangHoldUpNoOther(t *testing.T) {
	const firstHung = 10_000
	for _, answersBefore := range []bool{true, false} {
		for _, hung := range []int{1, 12, 1000} {
			t.Run(fmt.Sprintf("%d ids, answers before: %t", hung, answersBefore), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &fakeRegistry{answer: func(ctx context.Context, id int) error {
						if id >= firstHung {
							return hangs(ctx, id)
						}
						time.Sleep(20 * time.Millisecond)
						return nil
					}}
					c := r.cache(t)
					ctx, end := context.WithCancel(t.Context())
					var batches sync.WaitGroup
					if answersBefore {
						redeliver(ctx, t, c, 1)
					}
					for i := range hung {
						batches.Go(func() { redeliver(ctx, t, c, firstHung+i) })
					}
					// At once, soon, and when all of them have failed for long.
					for i, after := range []time.Duration{time.Millisecond, 3 * time.Second, 20 * time.Second} {
						time.Sleep(after)
						if took := redeliver(ctx, t, c, 2+i); took > 2*time.Second {
							t.Errorf("after %s it took %s", after, took)
						}
					}
					if n := r.most.Load(); n > maxLookups {
						t.Errorf("%d lookups at once", n)
					}
					end()
					batches.Wait()
				})
			})
		}
	}
}

// What would break: the ids among which a good one is are asked for in an order in
// which it is never next.
func TestAGoodIDAmongThoseThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const good = 50
		c := (&fakeRegistry{answer: func(ctx context.Context, id int) error {
			if id == good {
				return nil
			}
			return hangs(ctx, id)
		}}).cache(t)
		ctx, end := context.WithCancel(t.Context())
		var batches sync.WaitGroup
		for id := range 100 {
			if id != good {
				batches.Go(func() { redeliver(ctx, t, c, id) })
			}
			if id == good {
				batches.Go(func() {
					// 100 first lookups, one each half a second.
					if took := redeliver(ctx, t, c, good); took > 55*time.Second {
						t.Errorf("it took %s", took)
					}
				})
			}
		}
		time.Sleep(2 * time.Minute)
		end()
		batches.Wait()
	})
}

// What would break: a registry that is down, or that hangs as a whole, gets the
// requests of every id that records name.
func TestARegistryThatIsDownSeesFewRequests(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(context.Context, int) error
		most   int64
	}{
		// After 0.2, 0.4, 0.8, 1.6, 3.2, 6.4 and then every 10 s.
		"it refuses": {func(context.Context, int) error { return errors.New("connection refused") }, 12},
		// A first lookup each half a second, and the retries.
		"it hangs": {hangs, 60*2 + 12},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &fakeRegistry{answer: test.answer}
				c := r.cache(t)
				ctx, end := context.WithTimeout(t.Context(), time.Minute)
				defer end()
				var batches sync.WaitGroup
				for id := range maxSchemas {
					batches.Go(func() { redeliver(ctx, t, c, id) })
				}
				batches.Wait()
				if n := r.asked.Load(); n > test.most {
					t.Errorf("the registry was asked %d times in a minute, more than %d", n, test.most)
				}
			})
		})
	}
}

// What would break: a registry that is merely slow never gets to answer, since each
// lookup is ended for another.
func TestASlowRegistryAnswersAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&fakeRegistry{answer: func(ctx context.Context, _ int) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Second):
				return nil
			}
		}}).cache(t)
		var batches sync.WaitGroup
		var slowest atomic.Int64
		for id := range 30 {
			batches.Go(func() {
				if took := int64(redeliver(t.Context(), t, c, id)); took > slowest.Load() {
					slowest.Store(took)
				}
			})
		}
		batches.Wait()
		if took := time.Duration(slowest.Load()); took > 3*time.Minute {
			t.Errorf("30 schemas took %s", took)
		}
	})
}

// What would break: "1 schemas".
func TestTheLogCountsSchemas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := (&fakeRegistry{answer: knowsAllBut99}).cache(t)
		c.log = service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil)))
		ctx, _ := delivered(t.Context())
		_, _ = c.resolver(ctx, unknownID)
		time.Sleep(time.Second)
		if text := out.String(); !strings.Contains(text, "Records wait for a schema of the schema registry http://registry: schema 99 since") {
			t.Errorf("the log has\n%s", text)
		}
	})
}
