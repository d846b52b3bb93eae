package kafkabatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// eventuallyIn waits for something in the session.
func (r *reader) eventuallyIn(what string, check func(s *session) error) {
	r.t.Helper()
	testenv.Eventually(r.t, 5*time.Second, what, func() error { return check(r.in.current()) })
}

// allReleased waits until nothing counts as in flight.
func (r *reader) allReleased() {
	r.t.Helper()
	r.eventuallyIn("nothing is in flight", func(s *session) error {
		if used := s.budget.InUse(); used != 0 {
			return fmt.Errorf("%d bytes are, indefinitely: the input would fetch nothing once enough partitions have come and gone", used)
		}
		return nil
	})
}

// take takes a partition away as a rebalance does.
func (r *reader) take(topic string, partition int32) {
	r.in.current().revoke(map[string][]int32{topic: {partition}}, false)
}

// What was fetched of a partition that goes to another member must not be handed
// on, be it queued, refused or resting: the other member hands it on. Its memory
// must be given back, and the other partitions must keep what is theirs.
func TestARevokedPartitionLeavesNothingBehind(t *testing.T) {
	for _, codec := range []string{"none", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 2)
			produced := 0 // batches of each partition
			produceBoth := func(sizes ...int) {
				for p := range int32(2) {
					produceWith(t, c, topic, codecs[codec], p, sizes...)
				}
				produced += len(sizes)
			}
			queued := func(r *reader, want int) {
				r.eventuallyIn("all is fetched", func(s *session) error {
					if n, _ := s.tracker.Queued(); n != want {
						return fmt.Errorf("%d batches are queued, want %d", n, want)
					}
					return nil
				})
			}
			produceBoth(3, 3, 3)
			r := connected(t, c, topic, "")
			queued(r, 2*produced)
			held := map[int][]read{}
			for range 2 * produced {
				b := r.must()
				p := b.meta(contract.KafkaPartition).(int)
				held[p] = append(held[p], b)
			}
			produceBoth(3, 3)
			queued(r, 4)
			refuse := func(b read) {
				if err := b.ack(t.Context(), errors.New("refused")); err != nil {
					t.Error(err)
				}
			}
			refuse(held[0][0])
			refuse(held[1][0])
			r.eventuallyIn("the refused batches have rested", func(s *session) error {
				if _, n := s.tracker.Queued(); n != 2 {
					return fmt.Errorf("%d have", n)
				}
				return nil
			})
			refuse(held[0][1]) // rests while the partition goes
			r.take(topic, 0)
			var came []any
			for range 3 {
				b := r.must()
				if b.meta(contract.KafkaPartition) != 1 {
					t.Errorf("the batch at %v of the revoked partition is delivered", b.meta(contract.KafkaOffset))
				}
				came = append(came, b.meta(contract.KafkaOffset))
				b.done(t)
			}
			if want := []any{0, 9, 12}; !slices.Equal(came, want) { // the refused one, and those that were queued
				t.Errorf("of the partition that stays come the batches at %v, want %v", came, want)
			}
			r.nothing(4 * track.MinBackoff)
			for _, b := range append(held[0][2:], held[1][1:]...) {
				b.done(t)
			}
			r.allReleased()
		})
	}
}

// A batch that waits for room while its partition is revoked must neither be delivered
// nor keep its room.
func TestAPartitionIsRevokedWhileABatchWaitsForRoom(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	for range 10 {
		produceValue(t, c, topic, codecs["zstd"], noise(10_000))
	}
	r := connected(t, c, topic, "max_in_flight_bytes: 50KB")
	held := []read{r.must(), r.must(), r.must()}
	r.nothing(200 * time.Millisecond)
	r.eventuallyIn("the next batch waits", func(s *session) error {
		if p, _ := r.status(topic, 0); !p.Claimed || s.budget.InUse() < 25_000 {
			return errors.New("it does not")
		}
		return nil
	})
	r.take(topic, 0)
	for _, b := range held {
		b.done(t)
	}
	r.nothing(100 * time.Millisecond)
	r.allReleased()
}

// If this fails, an input around this one still delivers what it holds of a partition that
// another member has.
func TestTheMessagesOfARevokedPartitionKnowIt(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	produce(t, c, topic, 0, 2)
	produce(t, c, topic, 1, 2)
	r := connected(t, c, topic, "emit: records")
	revoked := map[int]<-chan struct{}{}
	for range 2 {
		b := r.must()
		revoked[b.meta(contract.KafkaPartition).(int)] = delivery.Of(b.messages[0].Context()).Revoked
		defer b.done(t)
	}
	r.take(topic, 0)
	for partition, want := range []bool{true, false} {
		got := false
		select {
		case <-revoked[partition]:
			got = true
		default:
		}
		if got != want || revoked[partition] == nil {
			t.Errorf("the messages of partition %d say that it is revoked: %t", partition, got)
		}
	}
}

// With emit: records a batch with a record that cannot be read must stop its
// partition: delivered, it would fail and be redelivered indefinitely.
func TestARecordThatCannotBeRead(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 2)
	changeFetches(t, c, func(p *kmsg.FetchResponseTopicPartition) {
		const crc, attributes, records = 17, 21, 61 // offsets in a RecordBatch
		b := bytes.Clone(p.RecordBatches)
		b[records] += 2 // the length of the first record
		binary.BigEndian.PutUint32(b[crc:], crc32.Checksum(b[attributes:], crc32.MakeTable(crc32.Castagnoli)))
		p.RecordBatches = b
	})
	r := connected(t, c, topic, "emit: records")
	wants(t, r.stopped(topic, 0), "the batch at offset 0 cannot be read", "--reset-offsets")
	r.nothing(100 * time.Millisecond)
	r.allReleased()
}
