package deadletter_test

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

type headers = []deadletter.Header

// of returns headers from names and values by turns.
func of(namesAndValues ...string) (list headers) {
	for i := 0; i < len(namesAndValues); i += 2 {
		list = append(list, deadletter.Header{Name: namesAndValues[i], Value: []byte(namesAndValues[i+1])})
	}
	return list
}

func int4(n int32) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func int8(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func origin(topic string, partition int32, offset int64) deadletter.Origin {
	return deadletter.Origin{Topic: topic, Partition: partition, Offset: offset, LastOffset: deadletter.Unknown, AfterOffset: deadletter.Unknown}
}

// written are the headers of each form as its writer writes them.
func written(form deadletter.Form, topic string, partition int32, offset int64) headers {
	digits := func(n int64) string { return strconv.FormatInt(n, 10) }
	switch form {
	case deadletter.Spring:
		return of("kafka_dlt-original-topic", topic, "kafka_dlt-original-partition", int4(partition), "kafka_dlt-original-offset", int8(offset),
			"kafka_dlt-original-timestamp", int8(1700000000000), "kafka_dlt-original-timestamp-type", "CreateTime", "kafka_dlt-original-consumer-group", "g",
			"kafka_dlt-exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException", "kafka_dlt-exception-cause-fqcn", "java.lang.IllegalStateException",
			"kafka_dlt-exception-message", "Listener failed", "kafka_dlt-exception-stacktrace", "at a.b.C")
	case deadletter.SpringRetry:
		return of("kafka_original-topic", topic, "kafka_original-partition", int4(partition), "kafka_original-offset", int8(offset),
			"kafka_exception-fqcn", "a.B", "kafka_exception-cause-fqcn", "java.lang.IllegalStateException", "kafka_exception-message", "Listener failed")
	case deadletter.SpringCloud:
		return of("x-original-topic", topic, "x-original-partition", int4(partition), "x-original-offset", int8(offset),
			"x-exception-fqcn", "java.lang.IllegalStateException", "x-exception-message", "Listener failed")
	case deadletter.Connect:
		return of("__connect.errors.topic", topic, "__connect.errors.partition", digits(int64(partition)), "__connect.errors.offset", digits(offset),
			"__connect.errors.connector.name", "sink", "__connect.errors.task.id", "0", "__connect.errors.stage", "VALUE_CONVERTER",
			"__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter", "__connect.errors.exception.class.name", "java.lang.IllegalStateException",
			"__connect.errors.exception.message", "Listener failed", "__connect.errors.exception.stacktrace", "at a.b.C")
	case deadletter.Streams:
		return of("__streams.errors.exception", "java.lang.IllegalStateException", "__streams.errors.message", "Listener failed", "__streams.errors.stacktrace", "at a.b.C",
			"__streams.errors.topic", topic, "__streams.errors.partition", digits(int64(partition)), "__streams.errors.offset", digits(offset))
	}
	return of("dead_error", "Listener failed", "dead_offset", digits(offset), "dead_partition", digits(int64(partition)), "dead_reason", "java.lang.IllegalStateException", "dead_topic", topic)
}

var forms = []deadletter.Form{deadletter.Ours, deadletter.Spring, deadletter.SpringRetry, deadletter.SpringCloud, deadletter.Connect, deadletter.Streams}

// If this fails, letters of some writer have no origin or another one, and would be
// replayed to the wrong place. Binary numbers may look like anything.
func TestLettersOfAllFormsHaveTheirOrigin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom(forms).Draw(t, "form")
		topic := rapid.StringMatching(`[a-zA-Z0-9._-]{1,249}`).Draw(t, "topic")
		partition := rapid.Int32Range(0, 1<<20).Draw(t, "partition")
		offset := rapid.Int64Range(0, 1<<60).Draw(t, "offset")
		before := rapid.SampledFrom(forms).Draw(t, "earlier form")
		record := deadletter.Record{Headers: slices.Concat(of("user", "x"), written(before, "earlier", 1, 2), written(form, topic, partition, offset))}
		l := deadletter.Read(record)
		want := deadletter.Letter{Record: record, Form: form, Reason: "java.lang.IllegalStateException", Error: "Listener failed", Origin: origin(topic, partition, offset)}
		if diff := cmp.Diff(want, l); diff != "" {
			t.Fatal(diff)
		}
		if !l.Origin.Known() {
			t.Fatal("the origin is not known")
		}
	})
}

func TestOddLetters(t *testing.T) {
	nothing := origin("", -1, -1)
	id := [16]byte{1, 2, 3, 0xff, 15: 9}
	for _, c := range []struct {
		name    string
		headers headers
		want    deadletter.Letter
	}{
		{"no headers", nil, deadletter.Letter{Form: deadletter.NoForm, Origin: nothing}},
		{"other headers", of("traceparent", "00-1"), deadletter.Letter{Form: deadletter.NoForm, Origin: nothing}},
		{
			"ours of a record batch", of("dead_reason", "batch", "dead_topic", "t", "dead_topic_id", contract.TopicIDText(id), "dead_partition", "3", "dead_offset", "7", "dead_last_offset", "9", "dead_cut_from", "2000000"),
			deadletter.Letter{Form: deadletter.Ours, Reason: "batch", CutFrom: 2_000_000, Origin: deadletter.Origin{Topic: "t", TopicID: id, Partition: 3, Offset: 7, LastOffset: 9, AfterOffset: -1}},
		},
		{
			"ours without an offset", of("dead_reason", "origin", "dead_topic", "t", "dead_partition", "3", "dead_after_offset", "6"),
			deadletter.Letter{Form: deadletter.Ours, Reason: "origin", Origin: deadletter.Origin{Topic: "t", Partition: 3, Offset: -1, LastOffset: -1, AfterOffset: 6}},
		},
		{
			"numbers that are none", of("dead_reason", "batch", "dead_topic", "t", "dead_topic_id", "x", "dead_partition", "3000000000", "dead_offset", "-7"),
			deadletter.Letter{Form: deadletter.Ours, Reason: "batch", Origin: origin("t", -1, -1), Problems: []string{
				"the header dead_topic_id is x, which is not the id of a topic, as Kafka prints it",
				"the header dead_partition is 3000000000, which is not a partition", "the header dead_offset is -7, which is not a number",
			}},
		},
		{
			"a later number that is none replaces an earlier one", of("dead_reason", "batch", "dead_offset", "7", "dead_offset", "x"),
			deadletter.Letter{Form: deadletter.Ours, Reason: "batch", Origin: nothing, Problems: []string{"the header dead_offset is x, which is not a number"}},
		},
		{
			"Streams without a position", written(deadletter.Streams, "t", -1, -1),
			deadletter.Letter{Form: deadletter.Streams, Reason: "java.lang.IllegalStateException", Error: "Listener failed", Origin: origin("t", -1, -1)},
		},
		{
			"Streams with null", append(of("__streams.errors.exception", "E"), deadletter.Header{Name: "__streams.errors.message"}, deadletter.Header{Name: "__streams.errors.topic"}, deadletter.Header{Name: "__streams.errors.offset"}),
			deadletter.Letter{Form: deadletter.Streams, Reason: "E", Origin: nothing},
		},
		{
			"Spring Cloud with digits", of("x-original-topic", "t", "x-original-partition", "12", "x-original-offset", "12345678"),
			deadletter.Letter{Form: deadletter.SpringCloud, Origin: origin("t", 12, 12345678)},
		},
		{
			"Spring without a cause", of("kafka_dlt-original-topic", "t", "kafka_dlt-exception-fqcn", "a.B"),
			deadletter.Letter{Form: deadletter.Spring, Reason: "a.B", Origin: origin("t", -1, -1)},
		},
		{
			"a negative binary number", of("kafka_dlt-original-topic", "t", "kafka_dlt-original-partition", int4(-5)),
			deadletter.Letter{Form: deadletter.Spring, Origin: origin("t", -1, -1), Problems: []string{`the header kafka_dlt-original-partition is \xff\xff\xff\xfb, which is not a number`}},
		},
	} {
		l := deadletter.Read(deadletter.Record{Headers: c.headers})
		c.want.Headers = c.headers
		if diff := cmp.Diff(c.want, l); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// If this fails, a header can end the program, or a number is read that its text or
// bytes do not have.
func FuzzRead(f *testing.F) {
	f.Add("dead_reason", []byte("x"), "dead_offset", []byte("12"))
	f.Add("kafka_dlt-original-topic", []byte("t"), "kafka_dlt-original-offset", []byte(int8(5)))
	f.Fuzz(func(t *testing.T, name1 string, value1 []byte, name2 string, value2 []byte) {
		l := deadletter.Read(deadletter.Record{Headers: headers{{Name: name1, Value: value1}, {Name: name2, Value: value2}}})
		for _, n := range []int64{int64(l.Origin.Partition), l.Origin.Offset, l.Origin.LastOffset, l.Origin.AfterOffset} {
			if n < deadletter.Unknown {
				t.Fatalf("the origin is %+v", l.Origin)
			}
		}
		l.Original()
		if l.CutFrom < 0 {
			t.Fatalf("cut from %d", l.CutFrom)
		}
		for _, text := range append(l.Problems, deadletter.Printable(l.Reason, 50), deadletter.Printable(l.Error, 50), deadletter.Advice(&l)) {
			if strings.ContainsAny(text, "\x00\x1b\n\r\x7f") {
				t.Fatalf("%q moves the cursor", text)
			}
		}
	})
}

// If this fails, a reason of the contract has no advice, or that of another writer's
// exception is given for it.
func TestEachReasonHasAdvice(t *testing.T) {
	seen := map[string]string{}
	for _, reason := range append(contract.DeadReasons(), contract.ReasonRejected, contract.ReasonExhausted, contract.ReasonNoKey) {
		text := deadletter.Advice(&deadletter.Letter{Form: deadletter.Ours, Reason: reason})
		if other, twice := seen[text]; twice || strings.Contains(text, "exception") {
			t.Errorf("the advice for %s is that for %q: %s", reason, other, text)
		}
		seen[text] = reason
	}
	for _, l := range []deadletter.Letter{
		{Form: deadletter.NoForm}, {Form: deadletter.Spring}, {Form: deadletter.Connect, Reason: "java.lang.IllegalStateException"},
		{Form: deadletter.Connect, Reason: "org.apache.kafka.connect.errors.DataException"},
	} {
		text := deadletter.Advice(&l)
		if _, twice := seen[text]; twice || text == "" {
			t.Errorf("the advice for %+v is %q", l, text)
		}
		seen[text] = string(l.Form)
	}
}

// If this fails, an id is not that which Kafka's tools print, or is not read back.
func TestTopicIDs(t *testing.T) {
	id := [16]byte{0x5f, 0x3a, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	if text := contract.TopicIDText(id); text != "Xzr__gECAwQFBgcICQoLDA" {
		t.Errorf("the text is %s", text)
	}
	for _, text := range []string{"Xzr__gECAwQFBgcICQoLDA", "", "Xzr__gECAwQFBgcICQoL", "Xzr//gECAwQFBgcICQoLDA"} {
		got, ok := deadletter.ParseTopicID(text)
		if want := text == "Xzr__gECAwQFBgcICQoLDA"; ok != want || want && got != id {
			t.Errorf("%q: %x, %v", text, got, ok)
		}
	}
}

// If this fails, a record that is written again has another key, other headers or
// another time than it had, or those of its letter.
func TestOriginal(t *testing.T) {
	user := of("traceparent", "00-1", "empty", "")
	for _, c := range []struct {
		name string
		l    deadletter.Record
		want deadletter.Original
	}{
		{"ours", deadletter.Record{Timestamp: 5, Key: []byte("its own"), Headers: of("dead_reason", "batch", "dead_timestamp_ms", "1700000000123", "dead_key", "k\xff", "dead_headers", `[["a","MQ=="],["null",null],["empty",""]]`)},
			deadletter.Original{Timestamp: 1_700_000_000_123, Key: []byte("k\xff"), KeyKnown: true, Headers: headers{{Name: "a", Value: []byte("1")}, {Name: "null"}, {Name: "empty", Value: []byte{}}}, HeadersKnown: true}},
		{"ours without a key", deadletter.Record{Headers: of("dead_reason", "batch", "dead_timestamp_ms", "-1000")}, deadletter.Original{Timestamp: -1000, KeyKnown: true, HeadersKnown: true}},
		{"ours with an empty key", deadletter.Record{Headers: of("dead_reason", "batch", "dead_timestamp_ms", "1", "dead_key", "")}, deadletter.Original{Timestamp: 1, Key: []byte{}, KeyKnown: true, HeadersKnown: true}},
		{"ours of an earlier version", deadletter.Record{Key: []byte("x"), Headers: of("dead_reason", "batch", "dead_key", "k")}, deadletter.Original{Timestamp: -1}},
		{"ours with parts left out", deadletter.Record{Headers: of("dead_reason", "batch", "dead_timestamp_ms", "1", "dead_key", "k", "dead_headers", "[]", "dead_left_out", "key headers")}, deadletter.Original{Timestamp: 1}},
		{"ours with headers that are none", deadletter.Record{Headers: of("dead_reason", "batch", "dead_timestamp_ms", "1", "dead_headers", `[["a","?"]]`)}, deadletter.Original{Timestamp: 1, KeyKnown: true}},
		{"Spring", deadletter.Record{Timestamp: 5, Key: []byte("k"), Headers: slices.Concat(user, written(deadletter.Spring, "t", 1, 2))},
			deadletter.Original{Timestamp: 1_700_000_000_000, Key: []byte("k"), KeyKnown: true, Headers: user, HeadersKnown: true}},
		{"Connect", deadletter.Record{Timestamp: 5, Headers: slices.Concat(user, written(deadletter.Connect, "t", 1, 2))},
			deadletter.Original{Timestamp: 5, KeyKnown: true, Headers: user, HeadersKnown: true}},
		{"Streams", deadletter.Record{Timestamp: 5, Headers: slices.Concat(user, written(deadletter.Streams, "t", 1, 2))},
			deadletter.Original{Timestamp: 5, KeyKnown: true, Headers: user, HeadersKnown: true}},
		{"unknown", deadletter.Record{Timestamp: 5, Key: []byte("k"), Headers: user}, deadletter.Original{Timestamp: 5, Key: []byte("k"), KeyKnown: true, Headers: user, HeadersKnown: true}},
	} {
		l := deadletter.Read(c.l)
		if diff := cmp.Diff(c.want, l.Original()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
