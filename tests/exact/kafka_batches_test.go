package exact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

// consumer is a stream that reads a topic with kafka_batches.
type consumer struct {
	stop func()
	log  instream.Log

	mu      sync.Mutex
	records map[string]string // by partition and offset
	batches map[string]int    // by partition, first and last offset: number of deliveries
	wrong   error
}

// consume starts a stream in a group with the topic's name. refuse reports whether to
// nack a batch.
func consume(t *testing.T, c *testenv.Cluster, topic, extra string, refuse func() bool) *consumer {
	t.Helper()
	return consumeAs(t, c, topic, topic, extra, refuse)
}

func consumeAs(t *testing.T, c *testenv.Cluster, group, topic, extra string, refuse func() bool) *consumer {
	t.Helper()
	got := &consumer{records: map[string]string{}, batches: map[string]int{}}
	builder := service.NewStreamBuilder()
	if err := builder.AddInputYAML(fmt.Sprintf(`
kafka_batches:
  seed_brokers: [ %q ]
  topics: [ %s ]
  consumer_group: %s
  fetch_max_partition_bytes: 40KiB
  %s
`, c.Brokers[0], topic, group, extra)); err != nil {
		t.Fatal(err)
	}
	builder.SetLogger(slog.New(slog.NewTextHandler(&got.log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err := builder.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
		if refuse() {
			return errors.New("refused")
		}
		return got.take(batch)
	}); err != nil {
		t.Fatal(err)
	}
	got.stop = instream.Run(t, builder)
	return got
}

func (c *consumer) waitForLog(t *testing.T, words ...string) {
	t.Helper()
	testenv.Eventually(t, 30*time.Second, "the log says why", func() error {
		for _, w := range words {
			if text := c.log.String(); !strings.Contains(text, w) {
				return fmt.Errorf("%q is not in %s", w, text)
			}
		}
		return nil
	})
}

func (c *consumer) take(batch service.MessageBatch) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.wrong = errors.Join(c.wrong, err) }()
	for _, m := range batch {
		b, err := m.AsBytes()
		if err != nil {
			return err
		}
		h, err := recordbatch.Check(b)
		if err != nil {
			return err
		}
		partition, _ := m.MetaGetMut("kafka_partition")
		c.batches[fmt.Sprintf("%v/%d-%d", partition, h.BaseOffset, h.LastOffset())]++
		reader, err := recordbatch.NewDecompressor(32 << 20).Reader(b)
		if err != nil {
			return err
		}
		var r recordbatch.Record
		for reader.Next(&r) {
			c.records[fmt.Sprintf("%v/%d", partition, r.Offset)] = text(r.Timestamp, r.Key, r.Value)
		}
		if err := reader.Err(); err != nil {
			return err
		}
	}
	return nil
}

// waitFor waits for this many records and compares them.
func (c *consumer) waitFor(t *testing.T, want map[string]string) {
	t.Helper()
	testenv.Eventually(t, 30*time.Second, "all records come", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.records) < len(want) {
			return fmt.Errorf("%d of %d", len(c.records), len(want))
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrong != nil {
		t.Fatal(c.wrong)
	}
	for at, text := range want {
		if c.records[at] != text {
			t.Fatalf("at %s got %q, want %q", at, c.records[at], text)
		}
	}
	if len(c.records) != len(want) {
		t.Fatalf("got %d records, want %d", len(c.records), len(want))
	}
}

func text(millis int64, key, value []byte) string { return fmt.Sprintf("%d %q %q", millis, key, value) }

// readAll returns the committed records as franz-go's own consumer reads them.
func readAll(t *testing.T, c *testenv.Cluster, topic string, records int) map[string]string {
	t.Helper()
	want := map[string]string{}
	for _, r := range c.Read(t, topic, records) {
		want[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = text(r.Timestamp.UnixMilli(), r.Key, r.Value)
	}
	return want
}

func records(rng *rand.Rand, topic string, partitions int32, n int) []*kgo.Record {
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = &kgo.Record{
			Topic: topic, Partition: rng.Int32N(partitions),
			Value: bytes.Repeat(fmt.Appendf(nil, "tweet %d ", i), rng.IntN(20)), Key: fmt.Append(nil, i),
		}
	}
	return all
}

func never() bool { return false }

// If this fails, the input delivers other records than franz-go's own consumer reads,
// for some codec, while outputs reject batches; or two readings deliver different
// batches.
func TestBatchesAreWhatFranzGoReads(t *testing.T) {
	c := testenv.Kafka(t)
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			topic := c.Topic(t, 3)
			rng := rand.New(rand.NewPCG(1, 0))
			producer := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec))
			const n = 20_000
			for range 10 {
				if err := producer.ProduceSync(t.Context(), records(rng, topic, 3, n/10)...).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			want := readAll(t, c, topic, n)
			refused := 0
			first := consume(t, c, topic, "", func() bool { refused++; return refused%4 == 1 })
			first.waitFor(t, want)
			first.stop()
			if lag, err := c.Lag(t.Context(), topic, topic); err != nil || lag != 0 {
				t.Errorf("after a graceful stop the lag is %d: %v", lag, err)
			}
			// From an offset inside some batch, the same batches are delivered.
			offsets := kadm.Offsets{}
			offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 17, LeaderEpoch: -1})
			if err := kadm.NewClient(c.Client(t)).CommitAllOffsets(t.Context(), topic, offsets); err != nil {
				t.Fatal(err)
			}
			again := consume(t, c, topic, "", never)
			testenv.Eventually(t, 20*time.Second, "the end is committed again", func() error {
				again.mu.Lock()
				defer again.mu.Unlock()
				for at := range want {
					var p int32
					var o int64
					if _, err := fmt.Sscanf(at, "%d/%d", &p, &o); err != nil {
						return err
					}
					if p == 1 && o >= 17 && again.records[at] == "" {
						return fmt.Errorf("%s is missing", at)
					}
				}
				return nil
			})
			again.mu.Lock()
			defer again.mu.Unlock()
			for b := range again.batches {
				if first.batches[b] == 0 {
					t.Errorf("the batch %s was not delivered by the first reading", b)
				}
			}
		})
	}
}

// If this fails, the input misreads a real broker's list of aborted transactions, or
// its last stable offset.
func TestTransactionsOfARealBroker(t *testing.T) {
	c := testenv.Kafka(t)
	topic := c.Topic(t, 2)
	rng := rand.New(rand.NewPCG(2, 0))
	committed := 0
	var group sync.WaitGroup
	var mu sync.Mutex
	for p := range 3 {
		client := c.Client(t, kgo.TransactionalID(fmt.Sprintf("%s-%d", topic, p)), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		group.Go(func() {
			for range 10 {
				mu.Lock()
				batch, commits := records(rng, topic, 2, 1+rng.IntN(50)), rng.IntN(2) == 0
				mu.Unlock()
				if err := client.BeginTransaction(); err != nil {
					t.Error(err)
					return
				}
				for _, r := range batch { // many batches per transaction, interleaved with others
					if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
						t.Error(err)
						return
					}
				}
				if err := client.EndTransaction(t.Context(), kgo.TransactionEndTry(commits)); err != nil {
					t.Error(err)
					return
				}
				if commits {
					mu.Lock()
					committed += len(batch)
					mu.Unlock()
				}
			}
		})
	}
	early := consume(t, c, topic, "", never) // while the transactions run
	group.Wait()
	if t.Failed() {
		return
	}
	want := readAll(t, c, topic, committed)
	early.waitFor(t, want)
	early.stop()
	if lag, err := c.Lag(t.Context(), topic, topic); err != nil || lag != 0 {
		t.Errorf("the lag is %d: %v", lag, err)
	}
	offsets := kadm.Offsets{}
	for p := range int32(2) {
		offsets.Add(kadm.Offset{Topic: topic, Partition: p, At: 0, LeaderEpoch: -1})
	}
	if err := kadm.NewClient(c.Client(t)).CommitAllOffsets(t.Context(), topic, offsets); err != nil {
		t.Fatal(err)
	}
	late := consume(t, c, topic, "fetch_max_bytes: 2KiB", never) // many small responses with a list each
	late.waitFor(t, want)
}

// If this fails, the input continues at a group's offsets of another topic: a real
// broker must store the topic's id in a commit and return it. The commits are copied
// here, since the broker drops those of a deleted topic, but only later.
func TestOffsetsOfAnotherTopic(t *testing.T) {
	c := testenv.Kafka(t)
	former, topic := c.Topic(t, 1), c.Topic(t, 1)
	rng := rand.New(rand.NewPCG(5, 0))
	for _, name := range []string{former, topic} {
		c.Produce(t, records(rng, name, 1, 30)...)
	}
	reader := consume(t, c, former, "", never)
	reader.waitFor(t, readAll(t, c, former, 30))
	reader.stop()
	admin := kadm.NewClient(c.Client(t))
	committed, err := admin.FetchOffsets(t.Context(), former)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := committed.Lookup(former, 0)
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, At: 10, LeaderEpoch: -1, Metadata: o.Metadata})
	if err := admin.CommitAllOffsets(t.Context(), topic, offsets); err != nil {
		t.Fatal(err)
	}
	stopped := consume(t, c, topic, "", never)
	stopped.waitForLog(t, "offsets of another topic of this name", "deleted and created again", "copied from another cluster", "--delete-offsets --topic "+topic)
	stopped.stop()
	if n := len(stopped.records); n > 0 {
		t.Errorf("%d records are delivered", n)
	}
}
