package produce_test

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func values(records []*kgo.Record) (v []string) {
	for _, r := range records {
		v = append(v, string(r.Value))
	}
	return v
}

func codes(answers []kmsg.ProduceResponseTopicPartition) (names []string) {
	for _, a := range answers {
		name := "NONE"
		if err := kerr.TypedErrorForCode(a.ErrorCode); err != nil {
			name = err.Message
		}
		names = append(names, name)
	}
	return names
}

// Two batches in the entry of a partition: the broker accepts one only.
func TestRuleOneBatchPerEntry(t *testing.T) {
	c := testenv.Kafka(t)
	b := brokerOf(t, c, c.Topic(t, 1))
	now := time.Now().UnixMilli()
	got := codes(b.send(t, nil, entry(0, batchOf(t, now, "one"), batchOf(t, now, "two"))))
	if !slices.Equal(got, []string{"INVALID_RECORD"}) {
		t.Errorf("Kafka answers %v", got)
	}
}

// The same partition in two entries: one answer of success, and one batch is lost.
func TestRuleOneEntryPerPartition(t *testing.T) {
	c := testenv.Kafka(t)
	topic := c.Topic(t, 1)
	b := brokerOf(t, c, topic)
	now := time.Now().UnixMilli()
	got := codes(b.send(t, nil, entry(0, batchOf(t, now, "one")), entry(0, batchOf(t, now, "two"))))
	b.send(t, nil, entry(0, batchOf(t, now, "three")))
	stored := values(c.Read(t, topic, 2))
	if !slices.Equal(got, []string{"NONE"}) || !slices.Equal(stored, []string{"two", "three"}) {
		t.Errorf("Kafka answers %v and stores %q", got, stored)
	}
}

// A batch must begin at offset 0, and its offsets must have no gap.
func TestRuleOffsets(t *testing.T) {
	c := testenv.Kafka(t)
	b := brokerOf(t, c, c.Topic(t, 1))
	now := time.Now().UnixMilli()
	based := batchOf(t, now, "one")
	binary.BigEndian.PutUint64(based, 5)
	gap := batchOf(t, now, "one", "two")
	binary.BigEndian.PutUint32(gap[23:], 7)
	binary.BigEndian.PutUint32(gap[17:], crc32.Checksum(gap[21:], crc32.MakeTable(crc32.Castagnoli)))
	for name, batch := range map[string][]byte{"base offset 5": based, "a gap": gap} {
		if got := codes(b.send(t, nil, entry(0, batch))); !slices.Equal(got, []string{"INVALID_RECORD"}) {
			t.Errorf("%s: Kafka answers %v", name, got)
		}
	}
}

// The newest version of the request knows a topic by its id alone, older ones by its name.
func TestRuleNameAndID(t *testing.T) {
	c := testenv.Kafka(t)
	topic := c.Topic(t, 1)
	b := brokerOf(t, c, topic)
	now := time.Now().UnixMilli()
	for _, test := range []struct {
		change func(*kmsg.ProduceRequestTopic)
		want   string
	}{
		{func(rt *kmsg.ProduceRequestTopic) { rt.TopicID = [16]byte{} }, "UNKNOWN_TOPIC_ID"},
		{func(rt *kmsg.ProduceRequestTopic) { rt.Topic = "" }, "NONE"},
		{func(*kmsg.ProduceRequestTopic) {}, "NONE"},
	} {
		if got := codes(b.send(t, test.change, entry(0, batchOf(t, now, "one")))); !slices.Equal(got, []string{test.want}) {
			t.Errorf("Kafka answers %v, want %s", got, test.want)
		}
	}
}

// A batch whose bytes are sent again is stored again: there is no producer id to know it by.
// A damaged one is not.
func TestRuleRepeatedAndDamaged(t *testing.T) {
	c := testenv.Kafka(t)
	topic := c.Topic(t, 1)
	b := brokerOf(t, c, topic)
	batch := batchOf(t, time.Now().UnixMilli(), "one")
	damaged := slices.Clone(batch)
	damaged[len(damaged)-2] ^= 1
	if got := codes(b.send(t, nil, entry(0, damaged))); !slices.Equal(got, []string{"CORRUPT_MESSAGE"}) {
		t.Errorf("Kafka answers %v", got)
	}
	for range 2 {
		b.send(t, nil, entry(0, batch))
	}
	if got := values(c.Read(t, topic, 2)); !slices.Equal(got, []string{"one", "one"}) {
		t.Errorf("Kafka stores %q", got)
	}
}
