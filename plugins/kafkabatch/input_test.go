package kafkabatch

import (
	"errors"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// The commit must lie where all before it is acknowledged, at the end of a
// batch, and say whether anything beyond it was delivered.
func TestCommitsThePrefixThatIsAcknowledged(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 2, 4)
	r := connected(t, c, topic, "")
	var got []read
	for range 3 {
		got = append(got, r.must())
	}
	for i, want := range [][3]int{{0, 2, 3}, {3, 4, 2}, {5, 8, 4}} {
		b := got[i]
		if b.meta(contract.KafkaOffset) != want[0] || b.meta(contract.KafkaLastOffset) != want[1] || b.meta(contract.KafkaBatchRecords) != want[2] || b.meta(contract.KafkaPartition) != 0 || b.meta(contract.KafkaTopic) != topic {
			t.Errorf("batch %d: %v to %v, %v records", i, b.meta(contract.KafkaOffset), b.meta(contract.KafkaLastOffset), b.meta(contract.KafkaBatchRecords))
		}
		if id, ok := b.meta(contract.KafkaTopicID).([16]byte); !ok || id == [16]byte{} {
			t.Errorf("the topic's id is %v", b.meta(contract.KafkaTopicID))
		}
		if h, err := recordbatch.Check(b.bytes()); err != nil || int(h.BaseOffset) != want[0] {
			t.Errorf("the bytes are not the batch: %v, %v", h, err)
		}
	}
	if o := committedOf(t, c, topic, 0); o.At != 0 || o.Metadata != metadataOf(t, c, topic, "", false) {
		t.Errorf("before any acknowledgement %d %q is committed", o.At, o.Metadata)
	}
	got[2].done(t)
	got[0].done(t)
	r.close()
	if o := committedOf(t, c, topic, 0); o.At != 3 || o.Metadata != metadataOf(t, c, topic, "", false) {
		t.Errorf("%d %q is committed, want 3 and not clean", o.At, o.Metadata)
	}
	got[1].done(t) // too late: it must not commit

	r = connected(t, c, topic, "")
	for _, want := range []int{3, 5} {
		b := r.must()
		if b.meta(contract.KafkaOffset) != want {
			t.Errorf("going on with the batch at %v, want %d", b.meta(contract.KafkaOffset), want)
		}
		b.done(t)
	}
	r.close()
	if o := committedOf(t, c, topic, 0); o.At != 9 || o.Metadata != metadataOf(t, c, topic, "", true) {
		t.Errorf("%d %q is committed, want 9 and clean", o.At, o.Metadata)
	}
}

// A nacked batch must be redelivered whole, and delay the commit.
func TestRedeliversWhatWasNacked(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 2)
	r := connected(t, c, topic, "commit_period: 50ms")
	first, second := r.must(), r.must()
	before := string(first.bytes())
	if err := first.ack(t.Context(), errors.New("refused")); err != nil {
		t.Error(err)
	}
	second.done(t)
	again := r.must()
	if again.meta(contract.KafkaOffset) != 0 || string(again.bytes()) != before {
		t.Errorf("the batch at %v comes, want that at 0 as it was; before came those at %v and %v", again.meta(contract.KafkaOffset), first.meta(contract.KafkaOffset), second.meta(contract.KafkaOffset))
	}
	time.Sleep(200 * time.Millisecond)
	if o := committedOf(t, c, topic, 0); o.At != 0 {
		t.Errorf("%d is committed while the first batch is refused", o.At)
	}
	again.done(t)
	testenv.Eventually(t, 5*time.Second, "the commit", func() error {
		if o := committedOf(t, c, topic, 0); o.At != 5 {
			return errors.New("it is not at 5")
		}
		return nil
	})
	r.nothing(200 * time.Millisecond)
}

// What a processor refused is not in the result that Benthos acknowledges: taken
// for stored, it would be lost.
func TestRedeliversWhatAProcessorRefused(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "emit: records\ncommit_period: 50ms")
	first := r.must()
	if !delivery.Of(first.messages[1].Context()).Refuse(errors.New("not now")) {
		t.Fatal("a message of the input cannot be refused")
	}
	first.done(t)
	again := r.must()
	if again.meta(contract.KafkaOffset) != 0 || len(again.messages) != 3 {
		t.Errorf("%d messages from offset %v are redelivered, want 3 from 0", len(again.messages), again.meta(contract.KafkaOffset))
	}
	if o := committedOf(t, c, topic, 0); o.At != 0 {
		t.Errorf("%d is committed while the batch is refused", o.At)
	}
	again.done(t)
	testenv.Eventually(t, 5*time.Second, "the commit", func() error {
		if o := committedOf(t, c, topic, 0); o.At != 3 {
			return errors.New("it is not at 3")
		}
		return nil
	})
}
