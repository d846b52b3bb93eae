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

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// fakeRegistry answers as a function says, and counts.
type fakeRegistry struct {
	answer func(ctx context.Context, id int) error
	asked  atomic.Int64
	now    atomic.Int64 // lookups in flight
	most   atomic.Int64
}

func (r *fakeRegistry) fetch(ctx context.Context, id int) (schemaEntry, error) {
	r.asked.Add(1)
	if n := r.now.Add(1); n > r.most.Load() {
		r.most.Store(n)
	}
	defer r.now.Add(-1)
	if err := r.answer(ctx, id); err != nil {
		return schemaEntry{}, err
	}
	return schemaEntry{resolver: new(avro.Resolver)}, nil
}

func (r *fakeRegistry) cache(t *testing.T) *schemaCache {
	c := newSchemaCache("http://registry", service.MockResources().Logger(), newSchemaMetrics(nil, newProcessorMetrics(nil).postponed), r.fetch)
	t.Cleanup(func() {
		c.close()
		time.Sleep(2 * registryTimeout) // the lookups end
	})
	return c
}

// delivered is a context with a Delivery of its own.
func delivered(ctx context.Context) (context.Context, *delivery.Delivery) {
	d := new(delivery.Delivery)
	return d.In(ctx), d
}

const unknownID = 99

// knowsAllBut99 takes 20 ms for an answer.
func knowsAllBut99(_ context.Context, id int) error {
	time.Sleep(20 * time.Millisecond)
	if id == unknownID {
		return errSchemaNotFound
	}
	return nil
}

// hangs as long as a client waits.
func hangs(ctx context.Context, _ int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(registryTimeout):
		return context.DeadlineExceeded
	}
}

// What would break: one record with an unknown schema holds up the records of all
// others, whatever their partition.
func TestAMissingSchemaHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&fakeRegistry{answer: knowsAllBut99}).cache(t)
		stock, end := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { // an input that redelivers nothing
			_, err := c.resolver(stock, unknownID)
			ended <- err
		}()
		time.Sleep(time.Minute)
		start := time.Now()
		ctx, d := delivered(t.Context())
		if _, err := c.resolver(ctx, 1); err != nil || d.Settle() != nil {
			t.Fatalf("a schema that is there: %v", err)
		}
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("it took %s, beside a missing one", took)
		}
		ctx, d = delivered(t.Context())
		if _, err := c.resolver(ctx, unknownID); !errors.Is(err, errPostponed) {
			t.Fatalf("a schema that is missing: %v", err)
		}
		if err := d.Settle(); err == nil || !strings.Contains(err.Error(), "waiting for schema 99 of http://registry: it has no such schema") {
			t.Errorf("the delivery is refused with %v", err)
		}
		end()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the record of the other input: %v", err)
		}
	})
}

// What would break: redelivered batches ask the registry again and again, each of
// them, for a schema that it does not have.
func TestRedeliveryDoesNotHammerTheRegistry(t *testing.T) {
	for name, answer := range map[string]func(context.Context, int) error{
		"it has no such schema": knowsAllBut99,
		"it is down":            func(context.Context, int) error { return errors.New("connection refused") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &fakeRegistry{answer: answer}
				c := r.cache(t)
				var batches sync.WaitGroup
				start := time.Now()
				for range 50 {
					batches.Go(func() {
						for time.Since(start) < time.Minute {
							ctx, _ := delivered(t.Context())
							_, _ = c.resolver(ctx, unknownID)
							time.Sleep(50 * time.Millisecond)
						}
					})
				}
				batches.Wait()
				// After 0.2, 0.4, 0.8, 1.6, 3.2, 6.4 and then every 10 s.
				if n := r.asked.Load(); n < 8 || n > 12 {
					t.Errorf("the registry was asked %d times in a minute", n)
				}
				if n := r.most.Load(); n != 1 {
					t.Errorf("%d lookups of one schema at once", n)
				}
			})
		})
	}
}

// What would break: a producer that makes up ids makes as many requests, and as
// many entries and series, as it likes.
func TestManyUnknownSchemasAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeRegistry{answer: hangs}
		c := r.cache(t)
		for id := range 5 * maxSchemas {
			ctx, _ := delivered(t.Context())
			if _, err := c.resolver(ctx, id); !errors.Is(err, errPostponed) {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := len(c.missing); n > maxSchemas {
			t.Errorf("%d missing schemas are kept", n)
		}
		if n := len(c.metrics.labelled); n != maxSchemaLabels {
			t.Errorf("%d of them have a label of their own", n)
		}
		if n := r.most.Load(); n < maxFirstLookups || n > maxLookups {
			t.Errorf("%d lookups at once", n)
		}
	})
}

// What would break: while the registry hangs, each record holds its thread, and so
// those of schemas that are known.
func TestARegistryThatHangsIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers atomic.Bool
		r := &fakeRegistry{answer: func(ctx context.Context, id int) error {
			if answers.Load() {
				return nil
			}
			return hangs(ctx, id)
		}}
		c := r.cache(t)
		start := time.Now()
		for id := range 100 {
			ctx, _ := delivered(t.Context())
			if _, err := c.resolver(ctx, id); !errors.Is(err, errPostponed) {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != registryPatience {
			t.Errorf("100 records waited %s together", took)
		}
		answers.Store(true)
		for id := range 100 {
			for {
				ctx, _ := delivered(t.Context())
				if _, err := c.resolver(ctx, id); err == nil {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("all are there %s after the start", took)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.missing) > 0 {
			t.Errorf("%d are still missing", len(c.missing))
		}
	})
}

// What would break: ids that the registry cannot answer for take each turn, or let
// it rest, and a schema that it has is not had.
func TestSchemasThatFailHoldUpNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		most time.Duration
	}{
		"each for itself":            {schemaError{errors.New("it responds with status 500")}, 100 * time.Millisecond},
		"as if it were the registry": {errors.New("it responds with status 503"), 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := (&fakeRegistry{answer: func(_ context.Context, id int) error {
					time.Sleep(20 * time.Millisecond)
					if id >= unknownID {
						return test.err
					}
					return nil
				}}).cache(t)
				end := make(chan struct{})
				var batches sync.WaitGroup
				redeliver := func(id int, until func(error) bool) {
					for {
						ctx, _ := delivered(t.Context())
						if _, err := c.resolver(ctx, id); until(err) {
							return
						}
						select {
						case <-end:
							return
						case <-time.After(2 * time.Second):
						}
					}
				}
				for i := range 20 {
					batches.Go(func() { redeliver(unknownID+i, func(error) bool { return false }) })
				}
				time.Sleep(10 * time.Minute)
				start := time.Now()
				redeliver(1, func(err error) bool { return err == nil })
				if took := time.Since(start); took > test.most {
					t.Errorf("it was had after %s", took)
				}
				close(end)
				batches.Wait()
			})
		})
	}
}

// What would break: the metric tells for ever of a schema whose partition has gone
// to another process.
func TestASchemaThatNobodyNeedsIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&fakeRegistry{answer: knowsAllBut99}).cache(t)
		ctx, _ := delivered(t.Context())
		_, _ = c.resolver(ctx, unknownID)
		missing := func() int {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.missing)
		}
		time.Sleep(missingForgets / 2)
		if missing() != 1 {
			t.Error("it is forgotten at once")
		}
		time.Sleep(missingForgets)
		if missing() != 0 {
			t.Error("it is not forgotten")
		}
	})
}

// What would break: a message that was acknowledged already, as by a buffer, is
// left out and never comes again.
func TestASettledDeliveryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := time.Now().Add(5 * time.Second)
		c := (&fakeRegistry{answer: func(context.Context, int) error {
			if time.Now().Before(there) {
				return errSchemaNotFound
			}
			return nil
		}}).cache(t)
		ctx, d := delivered(t.Context())
		_ = d.Settle()
		if _, err := c.resolver(ctx, unknownID); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(there) {
			t.Error("it did not wait")
		}
	})
}

// What would break: points of a part of a delivery are stored, and others of the
// whole when it comes again.
func TestAPostponedDeliveryLeavesNothing(t *testing.T) {
	const now = 1_700_000_000_123
	p := testProcessor(t, "encoding: avro_confluent\nschema_registry: {url: 'http://127.0.0.1:1'}")
	p.decoder.schemas.known[1] = schemaEntry{resolver: ourResolver(t)}
	message := func(d *delivery.Delivery, offset int, id uint32, datum []byte) *service.Message {
		m := confluent(id, datum)
		m.MetaSetMut(contract.KafkaOffset, offset)
		return m.WithContext(d.In(m.Context()))
	}
	good := datum("Tea", tweet.Negative, now)
	var first, second delivery.Delivery
	failed := message(&second, 4, 1, good)
	failed.SetError(errors.New("before"))
	points, refused := process(t, p,
		message(&first, 1, 1, good),
		message(&second, 2, 1, []byte("no tweet")),
		message(&second, 3, 1, good),
		failed,
		message(&first, 5, unknownID, good),
		message(&first, 6, 1, good),
	)
	if first.Settle() == nil || second.Settle() != nil {
		t.Error("want the first delivery to be refused, and the second not")
	}
	want := "tweets,brand=Tea,sentiment=negative count=1i " + fmt.Sprint(1_700_000_000_000_000_000+2*64)
	if got := strings.Join(lines(t, points), "\n"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(refused) != 2 {
		t.Fatalf("%d messages are refused, want 2", len(refused))
	}
	for i, want := range []string{contract.ReasonUndecodable, contract.ReasonFailedBefore} {
		if reason, _ := refused[i].MetaGet(contract.DeadReason); reason != want {
			t.Errorf("the reason is %s, want %s: %v", reason, want, refused[i].GetError())
		}
	}
	if text := refused[1].GetError().Error(); strings.Count(text, "counting") != 1 {
		t.Errorf("the error is %q", text)
	}
}

func ourResolver(t *testing.T) *avro.Resolver {
	t.Helper()
	r, err := avro.NewResolver(schemas.Tweet)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What would break: each stop of a process leaves an error in the log that is none.
func TestLookupsThatEndWithTheProcessAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := (&fakeRegistry{answer: hangs}).cache(t)
		c.log = service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil)))
		ctx, _ := delivered(t.Context())
		if _, err := c.resolver(ctx, 1); !errors.Is(err, errPostponed) {
			t.Fatal(err)
		}
		c.close()
		time.Sleep(2 * registryTimeout)
		if out.Len() > 0 {
			t.Errorf("the log has\n%s", &out)
		}
	})
}
