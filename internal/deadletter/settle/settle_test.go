package settle_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func options(c *testenv.Cluster) []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics()}
}

func open(t *testing.T, c *testenv.Cluster) *settle.Settler {
	t.Helper()
	s, err := settle.Open(t.Context(), options(c), "dead")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func replay(key, topic string, partition int32, values ...string) settle.Item {
	item := settle.Item{Key: key, Mark: marks.Mark{Outcome: marks.Replayed}}
	for _, value := range values {
		item.Records = append(item.Records, &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k"), Value: []byte(value)})
	}
	return item
}

// settled are the keys that a new reader of the marks finds, of some.
func settled(t *testing.T, c *testenv.Cluster, keys ...string) (found []string) {
	t.Helper()
	set, err := settle.Settled(t.Context(), options(c), "dead")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if set.Has(key) {
			found = append(found, key)
		}
	}
	return found
}

// values are those that a read_committed consumer sees before the value "end", which this
// writes to each partition.
func values(t *testing.T, c *testenv.Cluster, topic string, partitions int32) (found []string) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for p := range partitions {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: []byte("end")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for ends := int32(0); ends < partitions; {
		found, ends = nil, 0
		for _, r := range c.Read(t, topic, int(partitions)) {
			if string(r.Value) == "end" {
				ends++
				continue
			}
			found = append(found, fmt.Sprintf("%d %s", r.Partition, r.Value))
		}
	}
	return found
}

// If this fails, a letter that was settled is settled again by the next command, a
// dropped one is written, or a record batch is written in another order.
func TestWhatIsSettledIsKnownToTheNext(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	first := open(t, c)
	err := first.Settle(t.Context(), []settle.Item{
		replay("a", topic, 1, "1", "2", "3"), {Key: "b", Mark: marks.Mark{Outcome: marks.Dropped}}, replay("far", topic, 7, "4"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*settle.Settler{first, open(t, c)} {
		if !s.Has("a") || !s.Has("b") || !s.Has("far") || s.Has("c") {
			t.Errorf("settled are a %v, b %v, far %v, c %v", s.Has("a"), s.Has("b"), s.Has("far"), s.Has("c"))
		}
	}
	got := values(t, c, topic, 2)
	inOrder := slices.DeleteFunc(slices.Clone(got), func(v string) bool { return strings.HasSuffix(v, "4") })
	if !slices.Equal(inOrder, []string{"1 1", "1 2", "1 3"}) || len(got) != 4 {
		t.Errorf("written are %q", got)
	}
}

// If this fails, two commands that run at once both settle a letter, or the first one
// fences the second when it gives up.
func TestTheSecondFencesTheFirst(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	first := open(t, c)
	if err := first.Settle(t.Context(), []settle.Item{replay("a", topic, 0, "by the first")}); err != nil {
		t.Fatal(err)
	}
	second := open(t, c)
	if !second.Has("a") {
		t.Error("the second does not know what the first has settled")
	}
	if err := first.Settle(t.Context(), []settle.Item{replay("b", topic, 0, "by the fenced")}); !errors.Is(err, settle.ErrFenced) {
		t.Errorf("the first is not fenced: %v", err)
	}
	if err := second.Settle(t.Context(), []settle.Item{replay("b", topic, 0, "by the second")}); err != nil {
		t.Errorf("the second is fenced by the first: %v", err)
	}
	if got, want := values(t, c, topic, 1), []string{"0 by the first", "0 by the second"}; !slices.Equal(got, want) {
		t.Errorf("written are %q, not %q", got, want)
	}
}

// If this fails, a settler that was killed in a transaction leaves its records or marks
// behind, or its successor cannot begin.
func TestAnOpenTransactionOfAKilledSettlerIsAborted(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	open(t, c).Close() // creates the topic of marks
	killed := c.Client(t, kgo.TransactionalID("brandpulse-dlq-dead"), kgo.TransactionTimeout(10*time.Second))
	if err := killed.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	err := killed.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("by the killed")},
		&kgo.Record{Topic: marks.Topic("dead"), Key: []byte("a"), Value: marks.Mark{Outcome: marks.Replayed}.Encode()}).FirstErr()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	next := open(t, c)
	if next.Has("a") || time.Since(begun) > 5*time.Second {
		t.Errorf("after %s, a is settled: %v", time.Since(begun), next.Has("a"))
	}
	if err := next.Settle(t.Context(), []settle.Item{replay("a", topic, 0, "by the next")}); err != nil {
		t.Fatal(err)
	}
	if got := values(t, c, topic, 1); !slices.Equal(got, []string{"0 by the next"}) {
		t.Errorf("written are %q", got)
	}
}

// If this fails, a record that Kafka rejects leaves the others of its transaction, or
// their marks, so that they are written again or never.
func TestATransactionThatFailsSettlesNothing(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic, full := c.Topic(t, 1), c.Topic(t, 1)
	s := open(t, c)
	topics, err := kadm.NewClient(c.Client(t)).ListTopics(t.Context(), full)
	if err != nil {
		t.Fatal(err)
	}
	c.Fake.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		if !slices.ContainsFunc(produce.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.Topic == full || t.TopicID == topics[full].ID }) {
			return nil, nil, false
		}
		response := produce.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range produce.Topics {
			answered := kmsg.NewProduceResponseTopic()
			answered.Topic, answered.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, kerr.PolicyViolation.Code
				answered.Partitions = append(answered.Partitions, p)
			}
			response.Topics = append(response.Topics, answered)
		}
		return response, nil, true
	})
	err = s.Settle(t.Context(), []settle.Item{replay("a", topic, 0, "good"), replay("b", full, 0, "bad")})
	if err == nil || errors.Is(err, settle.ErrFenced) || s.Has("a") || s.Has("b") {
		t.Errorf("it says %v, a is settled: %v", err, s.Has("a"))
	}
	if got := settled(t, c, "a", "b"); len(got) > 0 {
		t.Errorf("settled are %q", got)
	}
	if got := values(t, c, topic, 1); len(got) > 0 {
		t.Errorf("written are %q", got)
	}
}

// If this fails, transactions grow beyond what Kafka's time-out allows.
func TestATransactionHasABound(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	if err := open(t, c).Settle(t.Context(), make([]settle.Item, settle.MaxLetters+1)); err == nil || !strings.Contains(err.Error(), "501 letters") {
		t.Errorf("it says %v", err)
	}
}

// If this fails, a broker that does not know the topic of marks yet passes for one
// without marks, and everything is settled again; or a topic without marks is an error
// for commands that only read.
func TestAnUnknownTopicOfMarks(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	if got := settled(t, c, "a"); len(got) > 0 {
		t.Errorf("settled are %q", got)
	}
	topic := c.Topic(t, 1)
	if err := open(t, c).Settle(t.Context(), []settle.Item{replay("a", topic, 0, "1")}); err != nil {
		t.Fatal(err)
	}
	unknown := 0
	c.Fake.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		metadata := request.(*kmsg.MetadataRequest)
		if len(metadata.Topics) != 1 || metadata.Topics[0].Topic == nil || *metadata.Topics[0].Topic != marks.Topic("dead") || unknown == 3 {
			return nil, nil, false
		}
		unknown++
		response := metadata.ResponseKind().(*kmsg.MetadataResponse)
		answered := kmsg.NewMetadataResponseTopic()
		answered.Topic, answered.ErrorCode = metadata.Topics[0].Topic, kerr.UnknownTopicOrPartition.Code
		response.Topics = append(response.Topics, answered)
		return response, nil, true
	})
	if s := open(t, c); !s.Has("a") || unknown != 3 {
		t.Errorf("after %d answers that it is unknown, a is settled: %v", unknown, s.Has("a"))
	}
}

// If this fails, a mark that is still needed is removed, so that a letter is settled
// twice; or marks are kept for ever.
func TestPrune(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	for range 6 {
		c.Produce(t, &kgo.Record{Topic: topic, Value: []byte("x")})
	}
	admin := kadm.NewClient(c.Client(t))
	start := kadm.Offsets{}
	start.AddOffset(topic, 0, 4, -1)
	if _, err := admin.DeleteRecords(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	topics, err := admin.ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	byID := "id/" + contract.TopicIDText(topics[topic].ID)
	young := time.Now().UnixMilli()
	keys := map[string]int64{ // and when the letter was settled
		"topic/" + topic + "/0/0": 0, // its letter exists
		"topic/" + topic + "/0/1": 0,
		"topic/" + topic + "/0/2": young,
		"topic/" + topic + "/0/5": 0, // in the log
		byID + "/0/3":             0,
		byID + "/0/2-4":           0, // in part in the log
		byID + "/0/2-3":           0,
		byID + "/7/3":             0, // a partition that does not exist
		"topic/nowhere/0/1":       0,
		"id/" + contract.TopicIDText([16]byte{9}) + "/0/1": 0,
		"of a later version": 0,
	}
	s := open(t, c)
	for key, at := range keys {
		if err := s.Settle(t.Context(), []settle.Item{{Key: key, Mark: marks.Mark{Outcome: marks.Dropped, At: at}}}); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, c)
	s.See("topic/" + topic + "/0/0")
	removed := []string{"topic/" + topic + "/0/1", byID + "/0/3", byID + "/0/2-3"}
	if n, err := s.Prune(t.Context(), options(c)); err != nil || n != len(removed) {
		t.Errorf("%d marks are removed, %v", n, err)
	}
	for key := range keys {
		if want := !slices.Contains(removed, key); s.Has(key) != want || (len(settled(t, c, key)) == 1) != want {
			t.Errorf("%s is kept: %v, want %v", key, s.Has(key), want)
		}
	}
}
