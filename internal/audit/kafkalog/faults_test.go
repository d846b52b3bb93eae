package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func open(t *testing.T, c *testenv.Cluster, topic string) *Log {
	t.Helper()
	l, err := Open(t.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.patience = 300 * time.Millisecond
	return l
}

// produce writes batches of ten records to partition 0.
func produce(t *testing.T, c *testenv.Cluster, topic string, batches int, value string) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(10*time.Millisecond), kgo.ProducerBatchMaxBytes(100<<20), kgo.BrokerMaxWriteBytes(200<<20))
	defer client.Close()
	for range batches {
		var records []*kgo.Record
		for range 10 {
			records = append(records, &kgo.Record{Topic: topic, Value: []byte(value)})
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll returns the number of records read from partition 0.
func readAll(ctx context.Context, l *Log, start, end int64) (records int, err error) {
	err = l.Read(ctx, map[int32]Range{0: {start, end}}, func(b Batch) error {
		records += len(b.Records)
		return nil
	})
	return records, err
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	c := testenv.FakeKafka(t)
	_, err := Open(t.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, "tweeds")
	if err == nil || !strings.Contains(err.Error(), "the topic tweeds does not exist") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1")}, "tweets"); err == nil || !strings.Contains(err.Error(), "topic tweets") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(ctx, []kgo.Opt{kgo.BrokerMaxReadBytes(1)}, "tweets"); err == nil || !strings.Contains(err.Error(), "Kafka client") {
		t.Errorf("got %v", err)
	}
}

// Records that retention has removed must not count as never written: their points in
// InfluxDB would be reported as a surplus.
func TestRetentionIsAnError(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 3, "v")
	l := open(t, c, topic)
	before := kadm.Offsets{}
	before.Add(kadm.Offset{Topic: topic, At: 15, LeaderEpoch: -1})
	if _, err := kadm.NewClient(c.Client(t)).DeleteRecords(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t.Context(), l, 5, 30); err == nil || !strings.Contains(err.Error(), "has removed offsets 5 to 14") {
		t.Errorf("got %v", err)
	}
	if n, err := readAll(t.Context(), l, 15, 30); n != 15 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
}

// A recreated topic with the same name has other records.
func TestARecreatedTopicIsAnError(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 3, "v")
	l := open(t, c, topic)
	l.patience = 5 * time.Second
	admin := kadm.NewClient(c.Client(t))
	anew := func() {
		if _, err := admin.DeleteTopics(t.Context(), topic); err != nil {
			t.Error(err)
		}
		c.CreateTopic(t, topic, 1, nil)
		produce(t, c, topic, 3, "other")
	}
	anew()
	for name, ask := range map[string]func() error{
		"Read":      func() error { _, err := readAll(t.Context(), l, 0, 30); return err },
		"Bounds":    func() error { _, err := l.Bounds(t.Context()); return err },
		"Committed": func() error { _, err := l.Committed(t.Context(), "g"); return err },
	} {
		if err := ask(); err == nil || !strings.Contains(err.Error(), "recreated") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A range that ends beyond the committed records can never be read completely.
func TestALogThatIsShorterThanTheRangeIsAnError(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 2, "v")
	l := open(t, c, topic)
	if n, err := readAll(t.Context(), l, 0, 25); n != 20 || err == nil || !strings.Contains(err.Error(), "committed records end at offset 20, not at 25") {
		t.Errorf("%d records, %v", n, err)
	}
	if _, err := readAll(t.Context(), l, 25, 26); err == nil || !strings.Contains(err.Error(), "OFFSET_OUT_OF_RANGE") {
		t.Errorf("got %v", err)
	}
	err := l.Read(t.Context(), map[int32]Range{4: {0, 1}}, func(Batch) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "no partition 4") {
		t.Errorf("got %v", err)
	}
	if err := l.Read(t.Context(), map[int32]Range{4: {1, 1}}, func(Batch) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
}

// A leader that moves or a broker that is briefly unavailable is not a difference.
func TestErrorsThatPass(t *testing.T) {
	c := testenv.FakeKafka(t, kfake.NumBrokers(1))
	topic := c.Topic(t, 1)
	produce(t, c, topic, 3, "v")
	l := open(t, c, topic)
	l.patience = 10 * time.Second
	for _, failure := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.OffsetNotAvailable,
		kerr.UnknownTopicID, kerr.KafkaStorageError, kerr.OffsetOutOfRange,
	} {
		left := 3
		c.Fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
			if left--; left < 0 {
				return nil, nil, false
			}
			c.Fake.KeepControl()
			return answer(req.(*kmsg.FetchRequest), failure.Code, nil), nil, true
		})
		if n, err := readAll(t.Context(), l, 0, 30); n != 30 || err != nil || left > 0 {
			t.Errorf("after %s, %d left: %d records, %v", failure.Message, left, n, err)
		}
	}
	// An error that does not go away is returned when the patience has passed.
	l.patience = 200 * time.Millisecond
	c.Fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		return answer(req.(*kmsg.FetchRequest), kerr.NotLeaderForPartition.Code, nil), nil, true
	})
	if _, err := readAll(t.Context(), l, 0, 30); !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Errorf("got %v", err)
	}
}

// answer responds to a fetch of one partition.
func answer(req *kmsg.FetchRequest, code int16, batches []byte) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	rt := kmsg.NewFetchResponseTopic()
	rt.Topic, rt.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.Partition, rp.ErrorCode, rp.RecordBatches = req.Topics[0].Partitions[0].Partition, code, batches
	rp.HighWatermark, rp.LastStableOffset = 1000, 1000
	rt.Partitions = append(rt.Partitions, rp)
	resp.Topics = append(resp.Topics, rt)
	return resp
}

// Errors that retries cannot fix are returned at once.
func TestErrorsThatDoNotPass(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	l := open(t, c, topic)
	l.patience = time.Hour
	c.Fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		return answer(req.(*kmsg.FetchRequest), kerr.TopicAuthorizationFailed.Code, nil), nil, true
	})
	if _, err := readAll(t.Context(), l, 0, 1); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v", err)
	}
}

// A response without the requested batch must be neither accepted nor repeated without
// a pause.
func TestAnAnswerThatBringsNothing(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	l := open(t, c, topic)
	asked := 0
	c.Fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		asked++
		return answer(req.(*kmsg.FetchRequest), 0, batchAt(0, 3)), nil, true
	})
	if _, err := readAll(t.Context(), l, 5, 10); !errors.Is(err, errNothing) || asked > 10 {
		t.Errorf("got %v after %d requests", err, asked)
	}
}

func TestAnErrorOfDoEndsRead(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 3, "v")
	l := open(t, c, topic)
	enough, calls := errors.New("enough"), 0
	err := l.Read(t.Context(), map[int32]Range{0: {0, 30}}, func(Batch) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readAll(ctx, l, 0, 30); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A batch that is larger than a response is read completely. A batch that is too large
// when decompressed must not use the memory.
func TestLargeBatches(t *testing.T) {
	c := testenv.FakeKafka(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "134217728"}))
	topic := c.Topic(t, 1)
	l := open(t, c, topic)
	produce(t, c, topic, 2, strings.Repeat("v", fetchBytes/8))
	if n, err := readAll(t.Context(), l, 0, 20); n != 20 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	bomb := c.Topic(t, 1)
	produce(t, c, bomb, 1, strings.Repeat("v", maxBatchBytes/10))
	if _, err := readAll(t.Context(), open(t, c, bomb), 0, 10); err == nil || !strings.Contains(err.Error(), "offset 0 to 9: decompressing") {
		t.Errorf("got %v", err)
	}
}

// do gets the batches of several partitions, one call at a time.
func TestDoIsCalledOnceAtATime(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 6)
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ranges := map[int32]Range{}
	for p := range int32(6) {
		for range 20 {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: fmt.Append(nil, p)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		ranges[p] = Range{0, 20}
	}
	sum := map[int32]int{} // the race detector reports concurrent writes
	err := open(t, c, topic).Read(t.Context(), ranges, func(b Batch) error {
		for _, r := range b.Records {
			if string(r.Value) != fmt.Sprint(b.Partition) {
				return fmt.Errorf("partition %d has the value %q", b.Partition, r.Value)
			}
			sum[b.Partition]++
		}
		return nil
	})
	if err != nil || len(sum) != 6 || sum[5] != 20 {
		t.Errorf("%v, %v", sum, err)
	}
}
