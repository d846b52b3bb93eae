package kafkabatch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a record without a key gets the key "null", so that all of them are in
// one partition and a compacted topic keeps the last; or a topic named null is created; or
// a value that is the text null is lost.
func TestOutputMissingIsNotNull(t *testing.T) {
	c := testenv.FakeKafka(t)
	for _, test := range []struct {
		field, text, content, want, wrong string
	}{
		{fieldKey, `${! @key }`, `{}`, "no key", ""},
		{fieldKey, `${!@key}`, `{}`, "no key", ""},
		{fieldKey, `${! @key.or("") }`, `{}`, "no key", ""},
		{fieldKey, `${! json("k") }`, `{}`, "no key", ""},
		{fieldKey, `${! json("k") }`, `{"k":null}`, "no key", ""},
		{fieldKey, `${! json("k") }`, `{"k":"null"}`, `"null"`, ""},
		{fieldKey, `${! json("k") }`, `{"k":"annulled"}`, `"annulled"`, ""},
		{fieldKey, `null`, `{}`, `"null"`, ""},
		{fieldKey, `a-${! json("k") }`, `{"k":5}`, `"a-5"`, ""},
		{fieldKey, `a-${! json("k") }`, `{}`, "", `key is "a-null": ${! json("k") } finds no such key in the message, or null`},
		{fieldKey, `${! json("a") }${! json("k") }`, `{"a":"x"}`, "", `${! json("k") } finds no such key`},
		{fieldTimestamp, `${! @time }`, `{}`, "", `timestamp_ms is "null": ${! @time } finds no such key`},
		{fieldTimestamp, `${! json("k") }`, `{"k":"soon"}`, "", `timestamp_ms is "soon": it must be a whole number of 64 bits`},
		{fieldTopic, `${! json("k") }`, `{}`, "", `topic is "null": ${! json("k") } finds no such key`},
		{fieldTopic, `tweets_${! @country }`, `{}`, "", `topic is "tweets_null": ${! @country } finds no such key`},
	} {
		topic, extra := c.Topic(t, 1), fmt.Sprintf("%s: '%s'", test.field, test.text)
		if test.field == fieldTopic {
			topic, extra = "'"+test.text+"'", ""
		}
		o := outputOn(t, c, topic, "message: record\nallow_auto_topic_creation: false\n"+extra)
		w := newWriting(o, o.producer, service.MessageBatch{service.NewMessage([]byte(test.content))})
		refusals, err := w.write(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.wrong != "" {
			if len(refusals) != 1 || !strings.Contains(refusals[0].Err.Error(), test.wrong) || reasonOf(refusals[0].Err) != test.field {
				t.Errorf("%s: %s for %s: %v", test.field, test.text, test.content, refusals)
			}
			continue
		}
		r := c.Read(t, topic, 1)[0]
		got := fmt.Sprintf("%q", r.Key)
		if r.Key == nil {
			got = "no key"
		}
		if len(refusals) > 0 || got != test.want {
			t.Errorf("%s: %s for %s: %s, %v", test.field, test.text, test.content, got, refusals)
		}
	}
}

// If this fails, what becomes of a message cannot be found out from its rejected message,
// or that is too large for Kafka and is retried for ever.
func TestOutputRejectedMessages(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic, letters := c.Topic(t, 3), c.Topic(t, 1)
	o := outputOn(t, c, topic, fmt.Sprintf(`
message: record
partition: explicit
partition_number: ${! @number }
rejected:
  kafka_batches:
    seed_brokers: [ %q ]
    topic: %s
    message: record
    metadata: { include_prefixes: [ "" ] }`, c.Brokers[0], letters))
	content := strings.Repeat("large ", 200_000)
	large, batch := service.NewMessage([]byte(content)), service.NewMessage([]byte("a record batch"))
	large.MetaSetMut("number", 7)
	large.MetaSetMut("long", strings.Repeat("x", 500_000))
	large.MetaSetMut(contract.RefusedCut, "of an earlier rejection")
	batch.MetaSetMut("number", 1)
	batch.MetaSetMut(contract.KafkaBatchRecords, 5)
	if err := o.WriteBatch(t.Context(), service.MessageBatch{large, batch}); err != nil {
		t.Fatal(err)
	}
	got := c.Read(t, letters, 2)
	headers := func(i int) map[string]string {
		all := map[string]string{}
		for _, h := range got[i].Headers {
			all[h.Key] = string(h.Value)
		}
		return all
	}
	h := headers(0)
	if h["refused_reason"] != "NO_PARTITION" || h["refused_topic"] != topic || h["refused_partition"] != "7" || !strings.Contains(h["refused_error"], "partition 7 of the topic "+topic+" does not exist") {
		t.Errorf("it is said: %q, %q, %q, %q", h["refused_reason"], h["refused_topic"], h["refused_partition"], h["refused_error"])
	}
	if size := len(got[0].Value) + len(h["long"]); size > 1_000_000 || size < 900_000 || !strings.HasPrefix(content, string(got[0].Value)) || h["refused_cut_from"] != fmt.Sprint(len(content)) || h["refused_cut"] != "long" {
		t.Errorf("a letter of %d bytes, cut from %q, and of %q", size, h["refused_cut_from"], h["refused_cut"])
	}
	h = headers(1)
	if _, cut := h["refused_cut_from"]; string(got[1].Value) != "a record batch" || cut || h["refused_reason"] != "record_batch" || h["refused_topic"] != topic || h["refused_partition"] != "" {
		t.Errorf("%q, %q", got[1].Value, h)
	}
	if large, _ := large.AsBytes(); string(large) != content {
		t.Error("the message itself is cut")
	}
}
