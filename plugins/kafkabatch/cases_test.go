package kafkabatch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func setOffset(t *testing.T, c *testenv.Cluster, topic string, offset int64, metadata string) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, At: offset, LeaderEpoch: -1, Metadata: metadata})
	if err := admin(t, c).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

// An offset inside a batch must bring the whole of it: half a batch would write
// a smaller count over the right one.
func TestAnOffsetInsideABatchBringsTheWholeBatch(t *testing.T) {
	for _, codec := range []string{"none", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 1)
			fill(t, c, topic, 1, codecs[codec], 3)
			first := connected(t, c, topic, "")
			a, b := first.must(), first.must()
			for b.meta(contract.KafkaBatchRecords).(int) < 2 {
				a, b = b, first.must()
			}
			first.close()
			setOffset(t, c, topic, int64(b.meta(contract.KafkaLastOffset).(int)), "")
			r := connected(t, c, topic, "")
			again := r.must()
			if string(again.bytes()) != string(b.bytes()) {
				t.Errorf("the batch from %v to %v comes, want that from %v to %v", again.meta(contract.KafkaOffset), again.meta(contract.KafkaLastOffset), b.meta(contract.KafkaOffset), b.meta(contract.KafkaLastOffset))
			}
			if next := a.meta(contract.KafkaLastOffset).(int) + 1; b.meta(contract.KafkaOffset) != next {
				t.Errorf("the second batch begins at %v, the first ends before %d", b.meta(contract.KafkaOffset), next)
			}
		})
	}
}

func deleteRecords(t *testing.T, c *testenv.Cluster, topic string, before int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, At: before})
	deleted, err := admin(t, c).DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Records that are gone before they were read must not be passed over unnoticed.
func TestRecordsThatAreGone(t *testing.T) {
	c := testenv.FakeKafka(t)
	for _, then := range []string{onLostStop, onLostEarliest} {
		t.Run(then, func(t *testing.T) {
			topic := c.Topic(t, 1)
			produce(t, c, topic, 0, 3, 3, 3)
			setOffset(t, c, topic, 3, "")
			deleteRecords(t, c, topic, 6)
			r := connected(t, c, topic, "on_lost_records: "+then)
			if then == onLostStop {
				wants(t, r.stopped(topic, 0), "begins at offset 6", "offsets 3 to 5", "3 records", "on_lost_records: earliest", "--reset-offsets")
				r.nothing(100 * time.Millisecond)
				return
			}
			b := r.must()
			if b.meta(contract.KafkaOffset) != 6 {
				t.Errorf("going on at %v, want 6", b.meta(contract.KafkaOffset))
			}
			b.done(t)
			r.close()
			if o := committedOf(t, c, topic, 0); o.At != 9 {
				t.Errorf("%d is committed, want 9", o.At)
			}
		})
	}
}

// An offset behind the end means that what was read is gone.
func TestAnOffsetBehindTheEndOfTheLog(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	setOffset(t, c, topic, 10, "")
	r := connected(t, c, topic, "on_lost_records: earliest")
	wants(t, r.stopped(topic, 0), "cut off", "offsets from 3 to 9", "--reset-offsets")
}

// Partitions that are added must be read from their beginning, even by who
// starts at the end of the log.
func TestPartitionsThatAreAdded(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "start_offset: latest")
	r.nothing(300 * time.Millisecond)
	testenv.Eventually(t, 5*time.Second, "the start is committed", func() error {
		if o := committedOf(t, c, topic, 0); o.At != 3 {
			return fmt.Errorf("%d is committed", o.At)
		}
		return nil
	})
	if _, err := admin(t, c).CreatePartitions(t.Context(), 1, topic); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 5*time.Second, "the partition is there", func() error {
		metadata, err := admin(t, c).Metadata(t.Context(), topic)
		if err == nil && len(metadata.Topics[topic].Partitions) < 2 {
			err = fmt.Errorf("there are %d", len(metadata.Topics[topic].Partitions))
		}
		return err
	})
	produce(t, c, topic, 1, 2)
	b := r.must()
	if b.meta(contract.KafkaPartition) != 1 || b.meta(contract.KafkaOffset) != 0 {
		t.Errorf("partition %v at %v comes, want partition 1 at 0", b.meta(contract.KafkaPartition), b.meta(contract.KafkaOffset))
	}
}

func TestNoCommitWhereOneIsAskedFor(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "start_offset: committed")
	wants(t, r.stopped(topic, 0), "committed no offset", "start_offset")
}

// A member must not commit what another one has now, and must not deliver what
// it had fetched of it.
func TestPartitionsThatGoToAnotherMember(t *testing.T) {
	// A group that is just being shared out refuses the commit, and the batch is
	// read again: allowed, but not always.
	for range 3 {
		if partitionGoesToAnotherMember(t) {
			return
		}
	}
	t.Error("the other member begins at 0, three times: what was acknowledged is not committed when the partition goes")
}

// partitionGoesToAnotherMember is not ok if the group has refused the commit of the
// member that gave the partition away.
func partitionGoesToAnotherMember(t *testing.T) (ok bool) {
	t.Helper()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	produce(t, c, topic, 0, 3, 3)
	produce(t, c, topic, 1, 3, 3)
	a := connected(t, c, topic, "heartbeat_interval: 100ms")
	held := map[int]read{}
	for range 4 {
		b := a.must()
		if b.meta(contract.KafkaOffset) == 0 {
			b.done(t)
		} else {
			held[b.meta(contract.KafkaPartition).(int)] = b
		}
	}
	other := connected(t, c, topic, "heartbeat_interval: 100ms")
	b := other.must()
	partition := b.meta(contract.KafkaPartition).(int)
	switch b.meta(contract.KafkaOffset) {
	case 3:
	case 0:
		a.close()
		other.close()
		return false
	default:
		t.Errorf("the other member begins at %v, want 3", b.meta(contract.KafkaOffset))
	}
	held[partition].done(t) // too late
	a.close()
	if o := committedOf(t, c, topic, int32(partition)); o.At != 3 {
		t.Errorf("%d is committed of a partition that another member has, want 3", o.At)
	}
	b.done(t)
	again := other.must() // the other partition, which is not acknowledged
	if again.meta(contract.KafkaOffset) != 3 || again.meta(contract.KafkaPartition) == partition {
		t.Errorf("%v of partition %v comes", again.meta(contract.KafkaOffset), again.meta(contract.KafkaPartition))
	}
	again.done(t)
	other.close()
	for p := range int32(2) {
		if o := committedOf(t, c, topic, p); o.At != 6 {
			t.Errorf("%d is committed of partition %d, want 6", o.At, p)
		}
	}
	return true
}

// Another configuration must not continue where one was killed: the points of both
// would be counted.
func TestAnotherFingerprint(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 3)
	r := connected(t, c, topic, "fingerprint: one")
	r.must() // as if killed: the beginning was committed before the batch came
	if o := committedOf(t, c, topic, 0); o.At != 0 || o.Metadata != metadataOf(t, c, topic, "one", false) {
		t.Fatalf("%d %q is committed", o.At, o.Metadata)
	}
	err := newReader(t, c, topic, "fingerprint: two").in.Connect(t.Context())
	if err == nil {
		t.Fatal("another fingerprint continues from a commit that is not clean")
	}
	wants(t, err.Error(), "another configuration", "former configuration", "--reset-offsets", "consumer_group")
	r.close()

	r = connected(t, c, topic, "fingerprint: one")
	r.must().done(t)
	r.close()
	if err := newReader(t, c, topic, "fingerprint: two").in.Connect(t.Context()); err == nil {
		t.Fatal("another fingerprint continues though the first one was killed with a batch in flight that nobody has finished")
	}
	r = connected(t, c, topic, "fingerprint: one")
	r.must().done(t)
	r.close()
	r = connected(t, c, topic, "fingerprint: two")
	r.nothing(100 * time.Millisecond)
	produce(t, c, topic, 0, 3)
	r.must()
	if o := committedOf(t, c, topic, 0); o.At != 6 || o.Metadata != metadataOf(t, c, topic, "two", false) {
		t.Errorf("%d %q is committed while a batch is in flight, want 6 and not clean", o.At, o.Metadata)
	}
}

// An operator who sets an offset decides.
func TestAnOffsetWithoutMetadata(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 3)
	setOffset(t, c, topic, 3, "")
	r := connected(t, c, topic, "fingerprint: two")
	if b := r.must(); b.meta(contract.KafkaOffset) != 3 {
		t.Errorf("beginning at %v", b.meta(contract.KafkaOffset))
	}
}

func TestCompactedTopicsAreRefused(t *testing.T) {
	c := testenv.FakeKafka(t)
	c.CreateTopic(t, "compacted", 1, map[string]string{"cleanup.policy": "compact,delete"})
	err := newReader(t, c, "compacted", "").in.Connect(t.Context())
	if err == nil {
		t.Fatal("it is read")
	}
	wants(t, err.Error(), "compact", "cleanup.policy to delete", "on_compacted_topic: read")

	produceWith(t, c, "compacted", kgo.NoCompression(), 0, 3)
	if b := connected(t, c, "compacted", "on_compacted_topic: read").must(); !delivery.Of(b.messages[0].Context()).Compacted {
		t.Error("processors are not told that its batches change")
	}
}

func TestATopicThatIsNotThere(t *testing.T) {
	c := testenv.FakeKafka(t)
	err := newReader(t, c, "nowhere", "").in.Connect(t.Context())
	if err == nil {
		t.Fatal("it is read")
	}
	wants(t, err.Error(), "there is no topic nowhere")
}

// What a transaction wrote must come when it is committed, and never if it is
// aborted.
func TestReadsCommittedTransactionsOnly(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	client := c.Client(t, kgo.TransactionalID("t"), kgo.DefaultProduceTopic(topic))
	want := 0
	for i := range 6 {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf("transaction %d", i))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 0 {
			want += 3
		}
		if err := client.EndTransaction(t.Context(), kgo.TransactionEndTry(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	records := independent(t, c, topic, want)
	r := connected(t, c, topic, "")
	same(t, r.collect(want), records)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.nothing(200 * time.Millisecond)
	if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	r.must().done(t)
	testenv.Eventually(t, 5*time.Second, "the last marker is passed", func() error {
		if p, ok := r.status(topic, 0); !ok || !p.LagKnown || p.Lag != 0 {
			return fmt.Errorf("the lag is %d", p.Lag)
		}
		return nil
	})
	r.close()
	if lag, err := c.Lag(t.Context(), "g", topic); err != nil || lag != 0 {
		t.Errorf("the lag is %d: %v", lag, err)
	}
}
