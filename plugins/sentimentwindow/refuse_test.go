package sentimentwindow

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Each kind of message that cannot be counted leaves with its bytes, its reason
// and its origin, and the good ones around it are counted.
func TestWhatCannotBeCountedLeavesWithItsOrigin(t *testing.T) {
	const now = 1_700_000_000_000
	good := func(offset int) *service.Message {
		return kafkaMessage("tweets", 2, offset, datum("SuperCoffee", tweet.Positive, now))
	}
	at := func(value []byte, headers ...kgo.RecordHeader) *service.Message {
		return kafkaMessage("tweets", 2, 6, value, headers...)
	}
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	tweetBytes := datum("SuperCoffee", tweet.Positive, now)

	for _, c := range []struct {
		name   string
		bad    *service.Message
		reason string
		want   []string // of the error
		offset any
	}{
		{"empty record", at(nil), contract.ReasonUndecodable, []string{"topic tweets, partition 2, offset 6", "empty"}, 6},
		{"cut off", at(tweetBytes[:20]), contract.ReasonUndecodable, []string{"end inside"}, 6},
		{"trailing bytes", at(append(bytes.Clone(tweetBytes), 0)), contract.ReasonUndecodable, []string{"trailing bytes"}, 6},
		{"JSON on an Avro topic", at([]byte(`{"id":"x","brand":"b","sentiment":"positive","timestamp":1}`)), contract.ReasonUndecodable, []string{"encoding: json"}, 6},
		{"time beyond InfluxDB", at(datum("b", tweet.Positive, 1<<62)), contract.ReasonUndecodable, []string{"1677 to 2262"}, 6},
		{"brand that no tag can hold", at(datum("line\nbreak", tweet.Positive, now)), contract.ReasonUnstorable, []string{"brand", "newline"}, 6},
		{"spoofed offset", at(tweetBytes, header(contract.KafkaOffset, "999")), contract.ReasonOrigin, []string{`header "kafka_offset"`, "offset after 5"}, nil},
		{"spoofed partition", at(tweetBytes, header(contract.KafkaPartition, "1")), contract.ReasonOrigin, []string{`header "kafka_partition"`, "partition unknown"}, 6},
		{"spoofed topic", at(tweetBytes, header(contract.KafkaTopic, "other")), contract.ReasonOrigin, []string{`header "kafka_topic"`, "topic unknown"}, 6},
		{"spoofed offset, and headers of a dead letter", at(tweetBytes, header(contract.KafkaOffset, "999"), header(contract.DeadOffset, "999"), header("dead_spoofed", "x")),
			contract.ReasonOrigin, []string{"offset after 5"}, nil},
		{"spoofed list of headers", func() *service.Message {
			m := at(tweetBytes)
			m.MetaSetMut(contract.RedpandaHeaders, "[]")
			return m
		}(), contract.ReasonOrigin, []string{contract.RedpandaHeaders}, 6},
		{"offset from a mapping", func() *service.Message {
			m := at(tweetBytes)
			m.MetaSetMut(contract.KafkaOffset, int64(6))
			return m
		}(), contract.ReasonOrigin, []string{"kafka_offset", "6 (an integer)"}, nil},
		{"partition without room", kafkaMessage("tweets", 64, 6, tweetBytes), contract.ReasonOrigin, []string{"beyond max_partitions, 64"}, 6},
		{"second topic", kafkaMessage("other", 2, 6, tweetBytes), contract.ReasonOrigin, []string{"already counts topic tweets"}, 6},
		{"failed before", func() *service.Message {
			m := at(tweetBytes)
			m.SetError(errors.New("no such field"))
			return m
		}(), contract.ReasonFailedBefore, []string{"no such field"}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := c.bad.AsBytes()
			if err != nil {
				t.Fatal(err)
			}
			points, refused := process(t, testProcessor(t, ""), good(4), good(5), c.bad, good(7))
			if got := lines(t, points); len(got) != 1 || !strings.Contains(got[0], "count=3i") {
				t.Errorf("the good messages become %q, want one point of 3", got)
			}
			if len(refused) != 1 {
				t.Fatalf("%d messages are refused, want 1", len(refused))
			}
			m := refused[0]
			if after, _ := m.AsBytes(); !bytes.Equal(after, before) {
				t.Errorf("its bytes are %q, were %q", after, before)
			}
			for _, want := range c.want {
				if !strings.Contains(m.GetError().Error(), want) {
					t.Errorf("error %q does not say %q", m.GetError(), want)
				}
			}
			if got, _ := m.MetaGet(contract.DeadReason); got != c.reason {
				t.Errorf("reason is %q, want %q", got, c.reason)
			}
			if got, _ := m.MetaGet(contract.DeadError); got != m.GetError().Error() {
				t.Errorf("metadata %s is %q, the error %q", contract.DeadError, got, m.GetError())
			}
			if got, _ := m.MetaGetMut(contract.DeadOffset); got != c.offset {
				t.Errorf("metadata %s is %v, want %v", contract.DeadOffset, got, c.offset)
			}
			if got, ok := m.MetaGet("dead_spoofed"); ok {
				t.Errorf("a header has become the metadata dead_spoofed of a dead letter: %q", got)
			}
		})
	}
}

// With identity: source the topic's id is in the series. Where it is not known
// the points would not be unique, so nothing is counted.
func TestIdentitySourceNeedsTheTopicsID(t *testing.T) {
	tw := datum("SuperCoffee", tweet.Positive, 1_700_000_000_000)
	p := testProcessor(t, "identity: source")
	_, refused := process(t, p, kafkaMessage("tweets", 0, 1, tw))
	if len(refused) != 1 || !strings.Contains(refused[0].GetError().Error(), "identity: timestamp") {
		t.Fatalf("refused %v, want one message with the way out", refused)
	}

	// An id is 16 bytes; a header could only give a string.
	withID := func(topic string, partition, offset int, id byte) *service.Message {
		m := kafkaMessage(topic, partition, offset, tw)
		m.MetaSetMut(contract.KafkaTopicID, [16]byte{0: id})
		return m
	}
	points, refused := process(t, p, withID("tweets", 500, 1_000_000_007, 0xff), withID("other", 500, 1_000_000_007, 0x08))
	if len(refused) > 0 {
		t.Fatal(refused[0].GetError())
	}
	want := []string{
		"tweets,brand=SuperCoffee,sentiment=positive,src=74AAAA-500 count=1i 1700000000000000007",
		"tweets,brand=SuperCoffee,sentiment=positive,src=BAAAAA-500 count=1i 1700000000000000007",
	}
	if got := lines(t, points); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
