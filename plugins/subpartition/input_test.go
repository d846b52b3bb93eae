package subpartition

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

const block = "on_exhausted: block\n"

// bubble runs a test with an input under a fake clock.
func bubble(t *testing.T, yaml string, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, yaml)
		defer r.end()
		test(t, r)
	})
}

// If this fails, messages of a key pass each other, a key holds up another one, or the
// child's batch is acknowledged before its last message.
func TestAKeyHasOneMessageInFlight(t *testing.T) {
	bubble(t, block, func(_ *testing.T, r *rig) {
		r.give("a:1", "b:1", "a:2")
		r.give("c:1")
		a, b, c := r.read("a:1"), r.read("b:1"), r.read("c:1")
		r.nothing()
		b.answer(nil)
		c.answer(nil)
		r.answers("1")
		a.answer(nil)
		r.answers("1")
		r.read("a:2").answer(nil)
		r.answers("0 1")
	})
}

// If this fails, a batch is not filled, or has two messages of a key.
func TestABatchHasDifferentKeys(t *testing.T) {
	bubble(t, block+"batch_size: 3\nmax_concurrency: 4", func(_ *testing.T, r *rig) {
		r.give("x:1")
		held := r.read("x:1")
		r.give("a:1", "a:2", "b:1", "x:2", "c:1", "d:1")
		batch := r.read("a:1 b:1 c:1")
		r.nothing() // four are in flight
		batch.answer(nil)
		r.read("d:1 a:2").answer(nil)
		r.nothing()
		held.answer(nil)
		r.read("x:2").answer(nil)
		r.answers("0 1")
	})
}

// If this fails, good messages become dead letters because of a bad neighbour, or retries
// come at once.
func TestAFailedBatchIsRetriedMessageByMessage(t *testing.T) {
	bubble(t, "batch_size: 2\nmax_attempts: 2\nbackoff: 1s\ndead_letters: { drop: {} }", func(t *testing.T, r *rig) {
		r.give("good:1", "bad:1", "bad:2")
		r.read("good:1 bad:1").answer(errOutput)
		r.nothing()
		time.Sleep(time.Second)
		good, bad := r.read("good:1"), r.read("bad:1")
		if attempt, _ := good.messages[0].MetaGetMut(contract.SubpartitionAttempt); attempt != 2 {
			t.Errorf("the attempt is %v, want 2", attempt)
		}
		good.answer(nil)
		bad.answer(errOutput) // its first attempt alone
		r.nothing()
		time.Sleep(2 * time.Second)
		bad = r.read("bad:1")
		r.buried.set(true)
		bad.answer(errOutput)
		r.nothing() // the letter was not accepted: its key waits
		r.answers("")
		r.buried.set(false)
		time.Sleep(time.Second)
		r.read("bad:2").answer(nil)
		r.answers("0")
		letters := r.buried.all()
		if len(letters) != 1 {
			t.Fatalf("there are %d dead letters, want 1", len(letters))
		}
		for key, want := range map[string]any{
			contract.DeadReason: contract.ReasonExhausted, contract.DeadError: errOutput.Error(), contract.DeadAttempts: 2,
			contract.SubpartitionKey: "bad", contract.DeadTopic: "t", contract.DeadPartition: 3, contract.DeadOffset: 1,
		} {
			if got, _ := letters[0].MetaGetMut(key); got != want {
				t.Errorf("%s of the letter is %v, want %v", key, got, want)
			}
		}
		if content, _ := letters[0].AsBytes(); string(content) != "bad:1" {
			t.Errorf("the letter is %q", content)
		}
	})
}

// If this fails, a processor that changes a message changes its retry and its letter too.
func TestARetryIsTheMessageAsItCame(t *testing.T) {
	bubble(t, block+"backoff: 1s", func(t *testing.T, r *rig) {
		r.give("a:1")
		first := r.read("a:1")
		first.messages[0].SetBytes([]byte("changed"))
		first.messages[0].MetaSetMut(contract.KafkaOffset, "changed")
		first.answer(errOutput)
		time.Sleep(time.Second)
		again := r.read("a:1")
		if offset, _ := again.messages[0].MetaGetMut(contract.KafkaOffset); offset != 0 {
			t.Errorf("the offset is %v", offset)
		}
		again.answer(nil)
	})
}

// If this fails, a poisonous message loses its place, or reading goes on without bound.
func TestABlockedKeyIsRetriedAndStopsReading(t *testing.T) {
	bubble(t, block+"max_attempts: 1\nmax_messages_per_key: 2\nbackoff: 1s\nmax_backoff: 4s", func(t *testing.T, r *rig) {
		r.give("a:1", "a:2", "b:1")
		r.read("a:1").answer(errOutput)
		r.read("b:1").answer(nil)
		taken := make(chan struct{})
		go func() {
			// The reader may have asked for one batch before the key was blocked.
			r.from.batches <- service.MessageBatch{r.message("c:1")}
			r.from.batches <- service.MessageBatch{r.message("c:2")}
			close(taken)
		}()
		r.read("c:1").answer(nil)
		r.nothing()
		select {
		case <-taken:
			t.Error("a batch is read although the blocked key is full")
		default:
		}
		time.Sleep(time.Second)
		r.read("a:1").answer(errOutput)
		time.Sleep(2 * time.Second)
		r.read("a:1").answer(nil)
		r.read("a:2").answer(nil)
		time.Sleep(time.Second)
		r.read("c:2").answer(nil)
	})
}

// If this fails, a stop waits for what is not in flight, acknowledges it, or closes the
// child before it is returned.
func TestAStopReturnsWhatIsHeld(t *testing.T) {
	bubble(t, block, func(t *testing.T, r *rig) {
		const batches = 2000
		for i := range batches {
			r.give("hot:"+fmt.Sprint(i), fmt.Sprintf("k%d:0", i%2))
		}
		hot, k0, k1 := r.read("hot:0"), r.read("k0:0"), r.read("k1:0")
		r.nothing()
		began := time.Now()
		r.stopNow()
		synctest.Wait()
		if err := <-r.over; !errors.Is(err, context.Canceled) {
			t.Errorf("ReadBatch() = %v", err)
		}
		answers := strings.Fields(r.from.answered())
		if len(answers) != batches-1 || !strings.HasSuffix(answers[0], "!") || time.Since(began) > 0 {
			t.Errorf("%d batches are answered after %s, want %d at once: all but the first", len(answers), time.Since(began), batches-1)
		}
		// What was in flight is answered as the output answers.
		hot.answer(nil)
		k0.answer(nil)
		k1.answer(errOutput)
		if first := strings.Fields(r.from.answered())[0]; first != "0" {
			t.Errorf("the first batch has the answer %q, want an acknowledgement", first)
		}
	})
}

// If this fails, a stream with a finite child never ends, or ends too early.
func TestTheEndOfTheChild(t *testing.T) {
	bubble(t, block+"backoff: 1s", func(t *testing.T, r *rig) {
		r.give("a:1")
		close(r.from.batches)
		last := r.read("a:1")
		last.answer(errOutput)
		select {
		case err := <-r.over:
			t.Fatalf("ReadBatch() = %v while a message waits for its retry", err)
		default:
		}
		time.Sleep(time.Second)
		r.read("a:1").answer(nil)
		if err := <-r.over; !errors.Is(err, service.ErrEndOfInput) {
			t.Errorf("ReadBatch() = %v, want the end", err)
		}
		r.answers("0")
	})
}

// If this fails, messages whose key is not known are delivered out of order, or lost.
func TestAMessageWithoutAKey(t *testing.T) {
	const noKey = "key: 'root = if content().string() == \"none\" { \"\" } else { content().string().number() }'\n"
	t.Run("an empty key has no order", func(t *testing.T) {
		bubble(t, block+"max_concurrency: 9", func(_ *testing.T, r *rig) {
			r.give("none", "none", "none")
			one, two, three := r.read("none"), r.read("none"), r.read("none")
			one.answer(nil)
			two.answer(nil)
			three.answer(nil)
			r.answers("0")
		})
	})
	t.Run("an error is a dead letter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := startWith(t, noKey+"dead_letters: { drop: {} }")
			defer r.end()
			r.give("7", "seven", "none")
			r.read("7").answer(nil)
			r.read("none").answer(nil)
			r.answers("0")
			if letters := r.buried.all(); len(letters) != 1 {
				t.Fatalf("there are %d dead letters", len(letters))
			} else if reason, _ := letters[0].MetaGetMut(contract.DeadReason); reason != contract.ReasonNoKey {
				t.Errorf("the reason is %v", reason)
			}
		})
	})
	t.Run("without dead letters it stops the reading", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := startWith(t, noKey+block)
			defer r.end()
			r.give("7")
			r.read("7").answer(nil)
			r.give("8", "nine")
			r.nothing()
			r.answers("0")
			select {
			case r.from.batches <- nil:
				t.Error("another batch is read")
			case <-time.After(time.Minute):
			}
		})
	})
}

// If this fails, a refusal of one message makes the child deliver its whole batch again,
// behind later ones of the same keys, or counts as an attempt.
func TestARefusedMessageIsRetriedAlone(t *testing.T) {
	bubble(t, "max_attempts: 1\nbackoff: 1s\nmax_backoff: 1s\ndead_letters: { drop: {} }", func(t *testing.T, r *rig) {
		whole := delivery.NewBudget(1 << 20).New()
		var b service.MessageBatch
		for _, text := range []string{"a:1", "b:1"} {
			m := r.message(text)
			b = append(b, m.WithContext(whole.In(m.Context())))
		}
		r.giveBatch(b)
		for range 3 {
			a := r.read("a:1")
			part := delivery.Of(a.messages[0].Context())
			if part == whole || !part.Refuse(errOutput) {
				t.Fatal("the message has no delivery of its own that can be refused")
			}
			a.answer(nil)
			if b != nil {
				r.read("b:1").answer(nil)
				b = nil
			}
			r.answers("")
			time.Sleep(time.Second)
		}
		r.read("a:1").answer(nil)
		r.answers("0")
		if err := whole.Settle(); err != nil || len(r.buried.all()) > 0 {
			t.Errorf("the child's delivery is refused: %v; %d dead letters", err, len(r.buried.all()))
		}
	})
}

// If this fails, messages of a partition that another member has are still delivered here,
// after that one has delivered later ones.
func TestALostPartitionIsDropped(t *testing.T) {
	bubble(t, block+"max_concurrency: 1", func(t *testing.T, r *rig) {
		revoked := make(chan struct{})
		var b service.MessageBatch
		for _, text := range []string{"a:1", "a:2", "b:1"} {
			m := r.message(text)
			d := delivery.NewBudget(1 << 20).New()
			d.Revoked = revoked
			b = append(b, m.WithContext(d.In(m.Context())))
		}
		r.giveBatch(b)
		r.give("c:1")
		a := r.read("a:1")
		close(revoked)
		r.answers("0!")
		a.answer(nil)
		r.read("c:1").answer(nil)
		r.nothing()
		r.answers("0! 1")
		// The reader had this one of the lost partition: what is before it was dropped.
		late := r.message("a:3")
		d := delivery.NewBudget(1 << 20).New()
		d.Revoked = revoked
		r.giveBatch(service.MessageBatch{late.WithContext(d.In(late.Context()))})
		r.nothing()
		r.answers("0! 1 2!")
	})
}

// If this fails, the memory that is held has no bound, or more than one batch exceeds it.
func TestReadingStopsAtTheLimits(t *testing.T) {
	for name, yaml := range map[string]string{"messages": "max_messages: 4", "bytes": "max_bytes: 3600B"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, block+"max_concurrency: 1\n"+yaml, func(t *testing.T, r *rig) {
				r.give("a:1", "b:1", "c:1")
				r.give("d:1", "e:1")
				next := make(chan struct{})
				go func() {
					r.from.batches <- service.MessageBatch{r.message("f:1")}
					close(next)
				}()
				first := r.read("a:1")
				select {
				case <-next:
					t.Error("a batch is read beyond the limit")
				default:
				}
				first.answer(nil)
				r.read("b:1").answer(nil)
				select {
				case <-next:
				default:
					t.Error("no batch is read although there is room")
				}
			})
		})
	}
}
