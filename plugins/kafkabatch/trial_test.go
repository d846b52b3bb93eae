package kafkabatch

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var errSetting = errors.New("a setting is wrong")

// settle acknowledges a batch after a processor has said something of it.
func (b read) settle(t *testing.T, say func(*delivery.Delivery)) {
	t.Helper()
	say(delivery.Of(b.messages[0].Context()))
	b.done(t)
}

func fruitless(d *delivery.Delivery) { d.Fruitless(errSetting) }

func refusedToo(d *delivery.Delivery) {
	d.Refuse(errSetting)
	d.Fruitless(errSetting)
}

func (r *reader) mustBeNotConnected() {
	r.t.Helper()
	if _, _, err := r.in.ReadBatch(r.t.Context()); !errors.Is(err, service.ErrNotConnected) {
		r.t.Fatalf("ReadBatch says %v, want that it is not connected", err)
	}
}

// connectAgain does what Benthos does with a lost connection, but for its pauses.
func (r *reader) connectAgain() (complaints []error) {
	r.t.Helper()
	for {
		err := r.in.Connect(r.t.Context())
		if err == nil {
			return complaints
		}
		if complaints = append(complaints, err); len(complaints) > 3 {
			r.t.Fatal(complaints)
		}
	}
}

// tried gives the next batch of a trial. Its time may be over before the batch is
// read: then Benthos connects again, too.
func (r *reader) tried() read {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if b, ok := r.next(time.Second); ok {
			return b
		}
		r.connectAgain()
	}
	r.t.Fatal("no batch comes")
	return read{}
}

// Where the settings do not fit, /ready must say so: nothing is read but now and
// then one batch to see, and nothing is committed or forgotten.
func TestRefusedDeliveriesAreNotConnected(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 3, 3)
	r := connected(t, c, topic, "commit_period: 50ms")
	session := r.in.current()
	seen := map[any]bool{}
	for range 3 { // batches, and the same again
		b := r.tried()
		seen[b.meta(contract.KafkaOffset)] = true
		b.settle(t, refusedToo)
		r.mustBeNotConnected()
		complaints := r.connectAgain()
		var backOff *service.ErrBackOff
		if len(complaints) != 1 || !strings.Contains(complaints[0].Error(), errSetting.Error()) || !errors.As(complaints[0], &backOff) || backOff.Wait < 10*time.Second {
			t.Fatalf("Connect says %v, want the reason once, and to be asked seldom", complaints)
		}
	}
	if o := committedOf(t, c, topic, 0); o.At > 0 {
		t.Errorf("offset %d is committed", o.At)
	}
	r.tried().settle(t, (*delivery.Delivery).Counted)
	for len(seen) < 3 || committedOf(t, c, topic, 0).At < 9 {
		b, ok := r.next(5 * time.Second)
		if !ok {
			break
		}
		seen[b.meta(contract.KafkaOffset)] = true
		b.done(t)
	}
	testenv.Eventually(t, 5*time.Second, "all is committed", func() error {
		if at := committedOf(t, c, topic, 0).At; at != 9 {
			return errors.New("it is not")
		}
		return nil
	})
	if r.in.current() != session {
		t.Error("the group was left in between")
	}
}

// Dead letters are still delivered, for a topic may begin with a million of them: a few
// at a time, and not connected in between. The first record that counts ends the trial.
func TestFruitlessDeliveriesContinue(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	const batches = 40
	for range batches / 4 {
		produce(t, c, topic, 0, 700, 2, 2, 2)
	}
	r := connected(t, c, topic, "")
	r.must().settle(t, fruitless)
	r.mustBeNotConnected()
	got, turns := 1, 0
	var complaints []error
	for got < batches {
		complaints = append(complaints, r.connectAgain()...)
		for turns++; ; got++ {
			messages, ack, err := r.in.ReadBatch(t.Context())
			if errors.Is(err, service.ErrNotConnected) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			read{messages, ack}.settle(t, fruitless)
		}
	}
	if len(complaints) != 1 || !strings.Contains(complaints[0].Error(), errSetting.Error()) {
		t.Errorf("Connect says %v in a moment, want the reason once", complaints)
	}
	if turns < 5 {
		t.Errorf("%d batches of up to 700 records in %d turns, want more turns", got, turns)
	}
	produce(t, c, topic, 0, 1)
	r.connectAgain()
	r.tried().settle(t, (*delivery.Delivery).Counted)
	produce(t, c, topic, 0, 1)
	r.must().settle(t, fruitless) // another branch, which counts nothing
	r.nothing(100 * time.Millisecond)
}

// With nothing to deliver, Connect waits: /ready must not say 200 meanwhile. And
// it must not wait for what nobody acknowledges.
func TestTrialWaitsForSomethingToTry(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "")
	r.must().settle(t, fruitless)
	r.mustBeNotConnected()
	if err := r.in.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), errSetting.Error()) {
		t.Fatal(err)
	}
	connecting := make(chan error, 1)
	go func() { connecting <- r.in.Connect(t.Context()) }()
	select {
	case err := <-connecting:
		t.Fatalf("it is connected with nothing to try, error %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	produce(t, c, topic, 0, 3, 3)
	if err := <-connecting; err != nil {
		t.Fatal(err)
	}
	kept := r.tried()
	if err := r.in.Connect(t.Context()); err != nil { // after trialPatience
		t.Fatal(err)
	}
	if b := r.tried(); b.meta(contract.KafkaOffset) == kept.meta(contract.KafkaOffset) {
		t.Error("the batch that is in flight comes again")
	}
}

// What would break: of two deliveries that are acknowledged at the same time, the one
// that was not counted has the last word, and the input is not ready again.
func TestOneCountedDeliveryIsEnough(t *testing.T) {
	tr := newTrial()
	tr.mu.Lock()
	var wait sync.WaitGroup
	wait.Go(func() {
		d := new(delivery.Delivery)
		d.Fruitless(errSetting)
		tr.learn(d, false)
	})
	time.Sleep(50 * time.Millisecond) // it waits for the lock, most likely
	tr.counted.Store(true)            // by the other one
	tr.mu.Unlock()
	wait.Wait()
	if !tr.counted.Load() || tr.why != nil {
		t.Fatalf("counted is %t, %v", tr.counted.Load(), tr.why)
	}
}

// What would break: reasons that differ, in the offsets that they name, are each
// logged, and each makes Benthos connect again.
func TestReasonsThatDifferAreLoggedOnceAMinute(t *testing.T) {
	trial := newTrial()
	now := time.Now()
	var logged int
	for i := range 10 {
		trial.why = fmt.Errorf("offset %d: not a tweet", i)
		if trial.complaint(now.Add(time.Duration(i)*time.Second)) != nil {
			logged++
		}
	}
	if logged != 1 || trial.complaint(now.Add(time.Hour)) == nil {
		t.Errorf("%d lines are logged, want 1, and another one after an hour", logged)
	}
}
