package kafkabatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// produceValue writes a batch of one record.
func produceValue(t *testing.T, c *testenv.Cluster, topic string, codec kgo.CompressionCodec, value []byte) {
	t.Helper()
	client := c.Client(t, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(8<<20), kgo.DefaultProduceTopic(topic))
	defer client.Close()
	if err := client.ProduceSync(t.Context(), kgo.SliceRecord(value)).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// A batch that is larger than what is asked for must come all the same, also
// when others of the response leave no room for it.
func TestABatchThatIsLargerThanAFetch(t *testing.T) {
	c := testenv.FakeKafka(t)
	c.CreateTopic(t, "large", 2, map[string]string{"max.message.bytes": "8388608"})
	produce(t, c, "large", 1, 3)
	for range 3 {
		produceValue(t, c, "large", kgo.NoCompression(), bytes.Repeat([]byte("x"), 100_000))
	}
	r := connected(t, c, "large", "fetch_max_partition_bytes: 1KiB\nfetch_max_bytes: 2KiB")
	for range 4 {
		r.must().done(t)
	}
}

// A batch that is larger than the limit must stop its partition, and not the
// process that it would fill the memory of.
func TestABatchThatIsTooLarge(t *testing.T) {
	c := testenv.FakeKafka(t)
	for _, test := range []struct {
		name, emit string
		codec      kgo.CompressionCodec
		value      []byte
		says       string
	}{
		{"as it is", contract.RecordBatch, kgo.NoCompression(), bytes.Repeat([]byte("x"), 100_000), "of 50 KiB: raise"},
		{"compressed", contract.RecordBatch, kgo.ZstdCompression(), noise(100_000), "of 50 KiB: raise"},
		{"as messages", emitRecords, kgo.ZstdCompression(), nil, "of 50 KiB once it is decompressed, or than 8 times that as messages: raise"},
		{"decompressed", emitRecords, kgo.ZstdCompression(), bytes.Repeat([]byte("x"), 100_000), "of 50 KiB once it is decompressed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			topic := c.Topic(t, 1)
			produce(t, c, topic, 0, 2)
			if test.value == nil {
				produceWith(t, c, topic, test.codec, 0, 500)
			} else {
				produceValue(t, c, topic, test.codec, test.value)
			}
			r := connected(t, c, topic, "max_batch_bytes: 50KiB\nfetch_max_partition_bytes: 1KiB\nemit: "+test.emit)
			r.must().done(t)
			wants(t, r.stopped(topic, 0), "offset 2", "larger than `max_batch_bytes` "+test.says)
		})
	}
}

// changeFetches lets a test change the answers to fetches that bring something.
func changeFetches(t *testing.T, c *testenv.Cluster, change func(p *kmsg.FetchResponseTopicPartition)) {
	t.Helper()
	client := c.Client(t)
	c.Fake.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		if req.ClusterID != nil { // the one below
			return nil, nil, false
		}
		again := *req
		marker := "again"
		again.ClusterID = &marker
		answers := make(chan kmsg.Response, 1)
		c.Fake.SleepControl(func() {
			if answer, err := client.Broker(0).Request(context.Background(), &again); err == nil {
				answers <- answer
			}
		})
		var resp *kmsg.FetchResponse
		select {
		case answer := <-answers:
			resp = answer.(*kmsg.FetchResponse)
		default:
			return nil, errors.New("the test is over"), true
		}
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				if p := &resp.Topics[i].Partitions[j]; len(p.RecordBatches) > 0 {
					change(p)
				}
			}
		}
		return resp, nil, true
	})
}

// Bytes that are not those that were sent must be fetched again, and stop the
// partition if they are so in the log; they must never be delivered.
func TestABatchThatIsCorrupt(t *testing.T) {
	for name, times := range map[string]int{"on its way": 2, "in the log": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 1)
			produce(t, c, topic, 0, 3)
			changeFetches(t, c, func(p *kmsg.FetchResponseTopicPartition) {
				if times--; times >= 0 {
					p.RecordBatches = bytes.Clone(p.RecordBatches)
					p.RecordBatches[len(p.RecordBatches)-1] ^= 1
				}
			})
			r := connected(t, c, topic, "")
			if name == "on its way" {
				r.must()
				return
			}
			wants(t, r.stopped(topic, 0), "the batch at offset 0 cannot be read", "CRC", "--reset-offsets")
			r.nothing(100 * time.Millisecond)
		})
	}
}

// The last batch of a response is cut off where the size is reached: it must be
// asked for again, and nothing of it delivered.
func TestABatchThatIsCutOff(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 3, 3)
	fetches := 0
	changeFetches(t, c, func(p *kmsg.FetchResponseTopicPartition) {
		if fetches++; fetches < 6 {
			p.RecordBatches = p.RecordBatches[:len(p.RecordBatches)*fetches/6]
		}
	})
	r := connected(t, c, topic, "")
	for i := range 3 {
		b := r.must()
		if b.meta(contract.KafkaOffset) != 3*i || b.meta(contract.KafkaBatchRecords) != 3 {
			t.Errorf("%v records come from %v on, want 3 from %d on", b.meta(contract.KafkaBatchRecords), b.meta(contract.KafkaOffset), 3*i)
		}
	}
	r.nothing(200 * time.Millisecond)
}

// Each of these passes, and must be waited for.
func TestErrorsThatPass(t *testing.T) {
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.OffsetNotAvailable, kerr.KafkaStorageError,
		kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.UnknownServerError, kerr.TopicAuthorizationFailed,
		kerr.OffsetOutOfRange, kerr.CorruptMessage, kerr.ReplicaNotAvailable,
	} {
		t.Run(e.Message, func(t *testing.T) {
			t.Parallel()
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 1)
			produce(t, c, topic, 0, 3)
			times := 0
			changeFetches(t, c, func(p *kmsg.FetchResponseTopicPartition) {
				if times++; times <= 2 {
					p.ErrorCode, p.RecordBatches = e.Code, nil
				}
			})
			r := connected(t, c, topic, "")
			if b := r.must(); b.meta(contract.KafkaBatchRecords) != 3 {
				t.Errorf("%v records come", b.meta(contract.KafkaBatchRecords))
			}
		})
	}
}

// Close must come to an end when no broker answers, and leave nothing running.
func TestCloseWithoutBrokers(t *testing.T) {
	before := runtime.NumGoroutine()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "")
	r.must().done(t)
	c.Fake.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if err := r.in.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it takes %s", took)
	}
	if _, _, err := r.in.ReadBatch(t.Context()); err == nil {
		t.Error("a batch comes after the end")
	}
	testenv.Eventually(t, 5*time.Second, "the goroutines end", func() error {
		if n := runtime.NumGoroutine(); n > before+2 {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			var ours []string
			for s := range strings.SplitSeq(string(stacks), "\n\n") {
				if strings.Contains(s, "kafkabatch") || strings.Contains(s, "kgo.") {
					ours = append(ours, s)
				}
			}
			return fmt.Errorf("%d run, %d before:\n%s", n, before, strings.Join(ours, "\n\n"))
		}
		return nil
	})
}

// A broker that is away must be waited for, and read again when it is back.
func TestABrokerThatIsAway(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "")
	r.must().done(t)
	away := true
	c.Fake.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		if !away {
			return nil, nil, false
		}
		c.Fake.KeepControl()
		return nil, errors.New("away"), true // closes the connection
	})
	c.Fake.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		if !away {
			return nil, nil, false
		}
		c.Fake.KeepControl()
		return nil, errors.New("away"), true
	})
	time.AfterFunc(500*time.Millisecond, func() {
		c.Fake.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
			away = false // controls run one after the other
			return nil, nil, false
		})
	})
	time.Sleep(time.Second)
	produce(t, c, topic, 0, 2)
	if b := r.must(); b.meta(contract.KafkaOffset) != 3 {
		t.Errorf("the batch at %v comes, want that at 3", b.meta(contract.KafkaOffset))
	}
}
