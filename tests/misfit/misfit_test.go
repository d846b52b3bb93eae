// Package misfit_test runs kafka_batches and sentiment_window in one process with
// settings that do not match each other: they must be reported and lose nothing.
package misfit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	_ "github.com/brandpulse/brandpulse-connect/plugins/all"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// pipeline is a running pipeline and its output.
type pipeline struct {
	mux *http.ServeMux

	mu     sync.Mutex
	log    bytes.Buffer
	tweets int
	dead   int
}

func (p *pipeline) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(line)
}

func (p *pipeline) take(_ context.Context, batch service.MessageBatch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range batch {
		if m.GetError() != nil {
			p.dead++
		} else if n, ok := m.MetaGetMut("tweets"); ok {
			p.tweets += n.(int)
		}
	}
	return nil
}

// says returns an error unless this many tweets and dead letters were written, the log
// contains the words, and /ready responds with the status.
func (p *pipeline) says(tweets, dead, ready int, words ...string) error {
	answer := httptest.NewRecorder()
	p.mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tweets != tweets || p.dead != dead || answer.Code != ready {
		return fmt.Errorf("%d tweets, %d dead letters, /ready is %d: %s", p.tweets, p.dead, answer.Code, answer.Body)
	}
	for _, w := range words {
		if !strings.Contains(p.log.String(), w) {
			return fmt.Errorf("the log does not contain %q: %s", w, &p.log)
		}
	}
	return nil
}

func inputOf(c *testenv.Cluster, topic, extra string) string {
	return fmt.Sprintf("kafka_batches: { seed_brokers: [ %q ], topics: [ %s ], consumer_group: %s, commit_period: 50ms, fetch_max_wait: 50ms, %s }", c.Brokers[0], topic, topic, extra)
}

func run(t *testing.T, input, processor string) *pipeline {
	t.Helper()
	p := &pipeline{mux: http.NewServeMux()}
	b := service.NewStreamBuilder()
	b.SetThreads(1)
	b.SetHTTPMux(p.mux)
	b.SetLogger(slog.New(slog.NewTextHandler(p, &slog.HandlerOptions{Level: slog.LevelWarn})))
	for _, err := range []error{
		b.AddInputYAML(input),
		b.AddProcessorYAML(fmt.Sprintf("sentiment_window: { %s }", processor)),
		b.AddBatchConsumerFunc(p.take),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	instream.Run(t, b)
	return p
}

func produce(t *testing.T, c *testenv.Cluster, topic string, batches, records int, value []byte) {
	t.Helper()
	client := c.Client(t)
	defer client.Close()
	for range batches {
		var all []*kgo.Record
		for range records {
			all = append(all, &kgo.Record{Topic: topic, Value: value})
		}
		if err := client.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func aTweet() []byte {
	tw := tweet.Tweet{ID: []byte("1"), Text: []byte("hi"), Brand: []byte("Tea"), Sentiment: tweet.Positive, Millis: 1_700_000_000_000}
	return tw.AppendAvro(nil)
}

func committed(t *testing.T, c *testenv.Cluster, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(c.Client(t)).FetchOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return o.At
}

// If this fails, each record batch becomes one dead letter "the id is empty", all
// offsets are committed, and the only symptom is that counts are missing.
func TestSettingsThatDoNotFitEachOther(t *testing.T) {
	for name, test := range map[string]struct {
		input, processor string
		words            []string
	}{
		"record batches read as records":         {"emit: record_batch", "encoding: avro", []string{"set `message: record_batch`", "level=ERROR"}},
		"records read as record batches":         {"emit: records", "message: record_batch", []string{"set message: record", "level=ERROR"}},
		"topics that only the input tells apart": {"identity: source", "message: record_batch", []string{"Set the same identity in both", "level=ERROR"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 1)
			produce(t, c, topic, 30, 10, aTweet())
			p := run(t, inputOf(c, topic, test.input), test.processor)
			testenv.Eventually(t, 10*time.Second, "it is not ready, and the log says which setting to change", func() error {
				return p.says(0, 0, http.StatusServiceUnavailable, test.words...)
			})
			for range 20 {
				time.Sleep(50 * time.Millisecond)
				if err := p.says(0, 0, http.StatusServiceUnavailable); err != nil {
					t.Fatal(err)
				}
			}
			if at := committed(t, c, topic); at > 0 {
				t.Errorf("offset %d is committed", at)
			}
		})
	}
}

// Of two topics in one process only one is counted. The other stays in Kafka: as dead
// letters its offsets would be committed, and chance would decide which of the two it
// is.
func TestTwoTopicsInOneProcess(t *testing.T) {
	c := testenv.FakeKafka(t)
	one, two := c.Topic(t, 1), c.Topic(t, 1)
	produce(t, c, one, 3, 10, aTweet())
	produce(t, c, two, 3, 10, aTweet())
	p := run(t, fmt.Sprintf("broker: { inputs: [ { %s }, { %s } ] }", inputOf(c, one, "emit: record_batch"), inputOf(c, two, "emit: record_batch")), "message: record_batch")
	testenv.Eventually(t, 10*time.Second, "one topic is counted, and the input of the other is not ready", func() error {
		return p.says(30, 0, http.StatusServiceUnavailable, "counts topic", "level=ERROR")
	})
	testenv.Eventually(t, 5*time.Second, "the offsets of one topic are committed", func() error {
		if a, b := committed(t, c, one), committed(t, c, two); max(a, b) != 30 || min(a, b) > 0 {
			return fmt.Errorf("%d and %d are", a, b)
		}
		return nil
	})
}

// Records that all become dead letters go to their topic, but the pipeline is not ready
// until one counts.
func TestATopicOfDeadLettersIsNotReady(t *testing.T) {
	for name, test := range map[string]struct{ input, processor string }{
		"record batches": {"emit: record_batch", "message: record_batch"},
		"records":        {"emit: records", "message: record"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 1)
			produce(t, c, topic, 20, 150, []byte(`{"brand":"Tea"}`))
			p := run(t, inputOf(c, topic, test.input), test.processor)
			testenv.Eventually(t, 20*time.Second, "all are dead letters, and it is not ready", func() error {
				return p.says(0, 3000, http.StatusServiceUnavailable, "level=ERROR", "`encoding: avro`", "looks like JSON")
			})
			testenv.Eventually(t, 5*time.Second, "the dead letters are committed", func() error {
				if at := committed(t, c, topic); at != 3000 {
					return fmt.Errorf("%d are", at)
				}
				return nil
			})
			produce(t, c, topic, 1, 10, aTweet())
			testenv.Eventually(t, 10*time.Second, "it is ready once a record counts", func() error {
				return p.says(10, 3000, http.StatusOK)
			})
			produce(t, c, topic, 10, 150, []byte("nonsense"))
			testenv.Eventually(t, 10*time.Second, "it stays ready with later dead letters", func() error {
				return p.says(10, 4500, http.StatusOK)
			})
		})
	}
}

// With matching settings it is ready with tweets, with a few dead letters, and without
// any record.
func TestSettingsThatFitAreReady(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	p := run(t, inputOf(c, topic, "emit: record_batch"), "message: record_batch")
	testenv.Eventually(t, 10*time.Second, "it is ready without a record", func() error { return p.says(0, 0, http.StatusOK) })
	produce(t, c, topic, 9, 100, []byte("nonsense"))
	testenv.Eventually(t, 10*time.Second, "it is ready with 900 dead letters", func() error { return p.says(0, 900, http.StatusOK) })
	produce(t, c, topic, 1, 100, aTweet())
	testenv.Eventually(t, 10*time.Second, "it is ready with tweets", func() error { return p.says(100, 900, http.StatusOK) })
}

// What would break: a batch above max_batch_bytes stops the only partition, nothing is
// counted any more, and the pipeline looks healthy.
func TestAProcessWhoseOnlyPartitionIsStoppedIsNotReady(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 1, 10, aTweet())
	p := run(t, inputOf(c, topic, "emit: record_batch, max_batch_bytes: 10KB"), "message: record_batch")
	testenv.Eventually(t, 10*time.Second, "it is ready", func() error { return p.says(10, 0, http.StatusOK) })
	random := make([]byte, 20_000) // no codec makes it smaller
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	produce(t, c, topic, 1, 1, random)
	testenv.Eventually(t, 10*time.Second, "it is not ready, and says why", func() error {
		answer := httptest.NewRecorder()
		p.mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
		if !strings.Contains(answer.Body.String(), "max_batch_bytes") {
			return fmt.Errorf("/ready is %d: %s", answer.Code, answer.Body)
		}
		return p.says(10, 0, http.StatusServiceUnavailable, "level=ERROR", "partition 0 of "+topic+", the only one of this process, is stopped")
	})
}
