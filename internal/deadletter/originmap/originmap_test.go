package originmap_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/originmap"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // functions and methods of Bloblang
)

// If this fails, letters of a form that only their owner knows have no origin or a
// wrong one, or a mapping that fails for one letter hides it or ends the command.
func TestMapping(t *testing.T) {
	record := deadletter.Record{
		Value: []byte(`{"from":{"t":"orders","p":3,"o":9007199254740993}}`),
		Headers: []deadletter.Header{
			{Name: "x-partition", Value: []byte{0, 0, 0, 5}}, {Name: "x-offset", Value: []byte{0, 0, 0, 0, 0xff, 0, 0, 1}},
			{Name: "x-topic", Value: []byte("payments")}, {Name: "null"},
		},
	}
	unknown := deadletter.Origin{Partition: -1, Offset: -1, LastOffset: -1, AfterOffset: -1}
	at := func(topic string, partition int32, offset int64) deadletter.Origin {
		o := unknown
		o.Topic, o.Partition, o.Offset = topic, partition, offset
		return o
	}
	for _, c := range []struct {
		mapping string
		want    deadletter.Letter
	}{
		{
			`root.topic = this.from.t
			 root.partition = this.from.p
			 root.offset = this.from.o
			 root.reason = "late"
			 root.error = "too late"`,
			deadletter.Letter{Form: deadletter.Mapped, Reason: "late", Error: "too late", Origin: at("orders", 3, 9007199254740993)},
		},
		{
			`root.topic = @."x-topic"
			 root.partition = @."x-partition"
			 root.offset = @."x-offset"
			 root.reason = @.null`,
			deadletter.Letter{Form: deadletter.Mapped, Origin: at("payments", 5, 0xff000001)},
		},
		{`root.topic = "t"`, deadletter.Letter{Form: deadletter.Mapped, Origin: at("t", -1, -1)}},
		{`root = {}`, deadletter.Letter{Form: deadletter.NoForm, Origin: unknown}},
		{
			`root.topic = 5
			 root.partition = 3000000000
			 root.offset = -1.5
			 root.topic_id = "x"`,
			deadletter.Letter{Form: deadletter.NoForm, Origin: unknown, Problems: []string{
				"the mapping of its origin: topic: 5 is not a text", `the mapping of its origin: topic_id: "x" is not the id of a topic, as Kafka prints it`,
				"the mapping of its origin: partition: 3000000000 is not a partition", "the mapping of its origin: offset: -1.5 is not a whole number that is not negative",
			}},
		},
		{`root = deleted()`, deadletter.Letter{Form: deadletter.NoForm, Origin: unknown, Problems: []string{
			"the mapping of its origin: it deletes the message; return an object with topic, partition and offset",
		}}},
		{`root = "text"`, deadletter.Letter{Form: deadletter.NoForm, Origin: unknown, Problems: []string{
			"the mapping of its origin: its result is not an object with topic, partition and offset",
		}}},
	} {
		m, err := originmap.New(c.mapping)
		if err != nil {
			t.Fatal(err)
		}
		c.want.Record = record
		if diff := cmp.Diff(c.want, m.Read(record)); diff != "" {
			t.Errorf("%s: %s", c.mapping, diff)
		}
	}
	if _, err := originmap.New("root = nope("); err == nil {
		t.Error("a mapping that cannot be parsed is accepted")
	}
}
