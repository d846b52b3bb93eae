package sentimentwindow

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// carried is what a dead letter says of its record, as text.
func carried(m *service.Message) map[string]string {
	got := map[string]string{}
	for _, name := range []string{contract.DeadTopicID, contract.DeadTimestamp, contract.DeadKey, contract.DeadHeaders, contract.DeadLeftOut} {
		if v, has := m.MetaGetMut(name); has {
			got[strings.TrimPrefix(name, contract.DeadPrefix)] = fmt.Sprintf("%s", v)
			if n, is := v.(int); is {
				got[strings.TrimPrefix(name, contract.DeadPrefix)] = fmt.Sprint(n)
			}
		}
	}
	return got
}

// If this fails, a dead letter cannot be written again as its record was, or claims a
// key or headers that a producer or a mapping made up; or one of a large record is too
// large for its topic.
func TestADeadLetterCarriesItsRecord(t *testing.T) {
	const id = "AQIDAAAAAAAAAAAAAAAAAA"
	topicID := [16]byte{1, 2, 3}
	long := strings.Repeat("x", 2000)
	list := func(namesAndValues ...any) (h recordbatch.RecordHeaders) {
		for i := 0; i < len(namesAndValues); i += 2 {
			value, _ := namesAndValues[i+1].([]byte)
			h = h.Append(namesAndValues[i].(string), value)
		}
		return h
	}
	inBatch := func(r recordbatch.Record) *service.Message {
		r.Offset, r.Timestamp, r.Value = 6, 1_700_000_000_123, []byte("no tweet")
		m := batchMessage(t, "tweets", 1, recordbatch.Header{BaseOffset: 6, ProducerID: -1}, r)
		m.MetaSetMut(contract.KafkaTopicID, topicID)
		return m
	}
	redpanda := func(headers ...kgo.RecordHeader) *service.Message {
		m := kafkaMessage("tweets", 1, 6, []byte("no tweet"), headers...)
		m.MetaSetMut(contract.KafkaKey, []byte("k"))
		m.MetaSetMut(contract.KafkaTimestamp, int64(1_700_000_000_123))
		for _, h := range headers {
			m.MetaSetMut(h.Key, string(h.Value)) // as the input copies them
		}
		return m
	}
	without := func(m *service.Message, names ...string) *service.Message {
		for _, name := range names {
			m.MetaDelete(name)
		}
		return m
	}
	with := func(m *service.Message, name string, value any) *service.Message {
		m.MetaSetMut(name, value)
		return m
	}
	const at = "1700000000123"
	for _, c := range []struct {
		name string
		m    *service.Message
		want map[string]string
	}{
		{"a record of a batch", inBatch(recordbatch.Record{Key: []byte("k\xff"), Headers: list("a", []byte("1"), "dead_reason", []byte("x"), "null", nil)}),
			map[string]string{"topic_id": id, "timestamp_ms": at, "key": "k\xff", "headers": `[["a","MQ=="],["dead_reason","eA=="],["null",null]]`}},
		{"without a key and headers", inBatch(recordbatch.Record{}), map[string]string{"topic_id": id, "timestamp_ms": at}},
		{"an empty key", inBatch(recordbatch.Record{Key: []byte{}}), map[string]string{"topic_id": id, "timestamp_ms": at, "key": ""}},
		{"too large", inBatch(recordbatch.Record{Key: []byte(long), Headers: list("a", []byte(long))}),
			map[string]string{"topic_id": id, "timestamp_ms": at, "left_out": "key headers"}},
		{"headers that grow in JSON", inBatch(recordbatch.Record{Headers: list(strings.Repeat("\x01", 300), []byte("1"))}),
			map[string]string{"topic_id": id, "timestamp_ms": at, "left_out": "headers"}},
		{"a name that is not UTF-8", inBatch(recordbatch.Record{Headers: list("\xff", []byte("1"))}), map[string]string{"topic_id": id, "timestamp_ms": at, "left_out": "headers"}},

		{"of redpanda", redpanda(kgo.RecordHeader{Key: "a", Value: []byte("1")}), map[string]string{"timestamp_ms": at, "key": "k", "headers": `[["a","MQ=="]]`}},
		{"a header replaces the key", redpanda(kgo.RecordHeader{Key: contract.KafkaKey, Value: []byte("other")}),
			map[string]string{"timestamp_ms": at, "headers": `[["kafka_key","b3RoZXI="]]`, "left_out": "key"}},
		{"a header replaces the timestamp", redpanda(kgo.RecordHeader{Key: contract.KafkaTimestamp, Value: []byte("5")}), map[string]string{}},
		{"headers that look like those of a letter", redpanda(kgo.RecordHeader{Key: contract.DeadKey, Value: []byte("x")}, kgo.RecordHeader{Key: contract.DeadTopicID, Value: []byte(id)}),
			map[string]string{"timestamp_ms": at, "key": "k", "headers": `[["dead_key","eA=="],["dead_topic_id","` + "QVFJREFBQUFBQUFBQUFBQUFBQUFBQQ==" + `"]]`}},
		{"of redpanda without headers", without(redpanda(), contract.RedpandaHeaders), map[string]string{"timestamp_ms": at, "key": "k"}},
		{"of kafka_batches, records", with(without(redpanda(), contract.RedpandaHeaders), contract.KafkaTopicID, topicID), map[string]string{"topic_id": id, "timestamp_ms": at, "key": "k", "left_out": "headers"}},
		{"of kafka_franz", with(without(redpanda(), contract.RedpandaHeaders), contract.KafkaKey, "k"), map[string]string{"timestamp_ms": at, "left_out": "key headers"}},
		{"of an input that says nothing", without(redpanda(), contract.RedpandaHeaders, contract.KafkaKey, contract.KafkaTimestamp), map[string]string{}},
	} {
		form := "message: record"
		if _, is := c.m.MetaGetMut(contract.KafkaBatchRecords); is {
			form = "message: record_batch"
		}
		_, refused := process(t, testProcessor(t, form), c.m)
		if len(refused) != 1 {
			t.Fatalf("%s: %d dead letters", c.name, len(refused))
		}
		got := carried(refused[0])
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		var pairs [][2]any
		if text, has := got["headers"]; has && json.Unmarshal([]byte(text), &pairs) != nil {
			t.Errorf("%s: the headers are not JSON: %s", c.name, text)
		}
	}

	// A whole batch has all of it in its bytes.
	broken := batchMessage(t, "tweets", 1, recordbatch.Header{BaseOffset: 6, ProducerID: -1}, recordbatch.Record{Offset: 6})
	broken.MetaSetMut(contract.KafkaTopicID, topicID)
	bytes, _ := broken.AsBytes()
	broken.SetBytes(bytes[:len(bytes)-1])
	_, refused := process(t, testProcessor(t, "message: record_batch"), broken)
	if diff := cmp.Diff(map[string]string{"topic_id": id}, carried(refused[0])); diff != "" {
		t.Errorf("a whole batch: %s", diff)
	}
}
