// Package schemawait_test checks, with kafka_batches and sentiment_window in one
// pipeline, what waits for a record whose schema the registry does not have.
package schemawait_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
	"github.com/brandpulse/brandpulse-connect/schemas"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// registry has the schema of a tweet under some ids, and counts the requests for each.
type registry struct {
	*httptest.Server
	mu    sync.Mutex
	has   map[int]bool
	asked map[int]int
}

func newRegistry(t *testing.T, has ...int) *registry {
	t.Helper()
	r := &registry{has: map[int]bool{}, asked: map[int]int{}}
	for _, id := range has {
		r.has[id] = true
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	id, _ := strconv.Atoi(path.Base(req.URL.Path))
	r.mu.Lock()
	r.asked[id]++
	has := r.has[id]
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	if !has {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error_code":40403,"message":"Schema not found"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"schema": schemas.Tweet})
}

func (r *registry) add(id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.has[id] = true
}

func (r *registry) askedFor(id int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[id]
}

// counted are the tweets that a pipeline has counted.
type counted struct {
	mu   sync.Mutex
	of   map[int]map[string]int // by partition and line
	dead int
	log  bytes.Buffer
}

func (c *counted) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(b)
}

func (c *counted) take(_ context.Context, batch service.MessageBatch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range batch {
		if m.GetError() != nil {
			c.dead++
			continue
		}
		partition, _ := m.MetaGetMut("kafka_partition")
		tweets, _ := m.MetaGetMut("tweets")
		text, err := m.AsBytes()
		if err != nil {
			return err
		}
		p := partition.(int)
		if c.of[p] == nil {
			c.of[p] = map[string]int{}
		}
		c.of[p][string(text)] = tweets.(int)
	}
	return nil
}

// tweets returns the number of counted tweets of a partition, those of a redelivery
// once.
func (c *counted) tweets(partition int) (sum int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range maps.Values(c.of[partition]) {
		sum += n
	}
	return sum
}

func (c *counted) says(words ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range words {
		if !strings.Contains(c.log.String(), w) {
			return fmt.Errorf("the log does not contain %q: %s", w, &c.log)
		}
	}
	return nil
}

// run starts a pipeline with one thread, as config/exact.yaml has.
func run(t *testing.T, c *testenv.Cluster, topic, emit, message string, reg *registry) *counted {
	t.Helper()
	got := &counted{of: map[int]map[string]int{}}
	b := service.NewStreamBuilder()
	b.SetThreads(1)
	b.SetLogger(slog.New(slog.NewTextHandler(got, &slog.HandlerOptions{Level: slog.LevelWarn})))
	for _, err := range []error{
		b.AddInputYAML(fmt.Sprintf("kafka_batches: { seed_brokers: [ %q ], topics: [ %s ], consumer_group: %s, emit: %s, fetch_max_wait: 50ms }", c.Brokers[0], topic, topic, emit)),
		b.AddProcessorYAML(fmt.Sprintf("sentiment_window: { message: %s, encoding: avro_confluent, schema_registry: { url: %q, unknown_schema: wait } }", message, reg.URL)),
		b.AddBatchConsumerFunc(got.take),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	instream.Run(t, b)
	return got
}

// produce writes batches of five tweets each with a schema id, and the first record of
// the first batch with another one.
func produce(t *testing.T, c *testenv.Cluster, topic string, partition int32, batches int, id, first uint32) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	for range batches {
		var records []*kgo.Record
		for range 5 {
			tw := tweet.Tweet{ID: []byte("1"), Text: []byte("hi"), Brand: []byte("Tea"), Sentiment: tweet.Positive, Millis: 1_700_000_000_000}
			records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: tw.AppendAvro(binary.BigEndian.AppendUint32([]byte{0}, first))})
			first = id
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// If this fails, one record with an unknown schema id blocks all partitions, or the
// later batches of its own, or is lost.
func TestAnUnknownSchemaHoldsUpItsRecordBatchOnly(t *testing.T) {
	for name, test := range map[string]struct{ emit, message string }{
		"record batches": {"record_batch", "record_batch"},
		"records":        {"records", "record"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 4)
			produce(t, c, topic, 0, 10, 1, 99)
			for p := range int32(3) {
				produce(t, c, topic, p+1, 10, 1, 1)
			}
			reg := newRegistry(t, 1)
			got := run(t, c, topic, test.emit, test.message, reg)
			start := time.Now()
			testenv.Eventually(t, 20*time.Second, "all but the record batch with the unknown schema is counted", func() error {
				for p, want := range []int{45, 50, 50, 50} {
					if n := got.tweets(p); n != want {
						return fmt.Errorf("%d tweets of partition %d, want %d", n, p, want)
					}
				}
				return nil
			})
			t.Logf("195 tweets are counted after %s, with %d requests for schema 99", time.Since(start).Round(time.Millisecond), reg.askedFor(99))
			testenv.Eventually(t, 10*time.Second, "the log says which schema is missing, and what waits", func() error {
				return got.says("Records wait for a schema of the schema registry", "schema 99 since", "Partition 0 of "+topic+" waits at offset 0", "waiting for schema 99")
			})
			if n, most := reg.askedFor(99), 3+int(time.Since(start)/time.Second); n > most {
				t.Errorf("%d requests for schema 99, want at most %d", n, most)
			}
			if n := reg.askedFor(1); n != 1 {
				t.Errorf("%d requests for schema 1", n)
			}
			reg.add(99)
			testenv.Eventually(t, 15*time.Second, "the rest is counted once the schema is there", func() error {
				if n := got.tweets(0); n != 50 {
					return fmt.Errorf("%d tweets of partition 0", n)
				}
				return nil
			})
			if got.dead > 0 {
				t.Errorf("%d dead letters", got.dead)
			}
		})
	}
}
