package subpartition_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"

	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/subpartition"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

// children are the inputs around which it runs. Each has a topic and a group to fill in,
// after the brokers.
var children = map[string]string{
	"kafka_batches": `kafka_batches: { seed_brokers: [ %q ], topics: [ %q ], consumer_group: %q, emit: records, fetch_max_wait: 100ms, commit_period: 200ms, session_timeout: 2s, heartbeat_interval: 300ms }`,
	"kafka_franz":   `kafka_franz: { seed_brokers: [ %q ], topics: [ %q ], consumer_group: %q, fetch_max_wait: 100ms, checkpoint_limit: 20000, commit_period: 200ms, session_timeout: 2s, heartbeat_interval: 300ms, batching: { count: 50, period: 20ms } }`,
	"redpanda":      `redpanda: { seed_brokers: [ %q ], topics: [ %q ], consumer_group: %q, fetch_max_wait: 100ms, commit_period: 200ms, session_timeout: 2s, heartbeat_interval: 300ms, unordered_processing: { enabled: true, checkpoint_limit: 20000, batching: { count: 50, period: 20ms } } }`,
}

// fill writes records whose value is "key:n", n counting up by key, and returns how many
// each key has. key returns the key of a record.
func fill(t testing.TB, c *testenv.Cluster, topic string, records int, key func(i int) string) map[string]int {
	t.Helper()
	last := map[string]int{}
	var all []*kgo.Record
	for i := range records {
		k := key(i)
		last[k]++
		all = append(all, &kgo.Record{Topic: topic, Key: []byte(k), Value: []byte(k + ":" + strconv.Itoa(last[k]))})
	}
	// Record batches of a few hundred: kafka_batches commits whole ones.
	client := c.Client(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchMaxBytes(4096))
	if err := client.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return last
}

// sink is the output of a stream. It checks the order of each key.
type sink struct {
	work  func(key string, n int) error // of each message, nil for none
	store *fencedStore                  // nil for none

	mu         sync.Mutex
	last       map[string]int  // accepted, by key; below in order
	seen       map[string]bool // accepted messages
	inFlight   map[string]bool
	most       int
	total      int       // messages that end the run
	begun      time.Time // first delivery
	ended      time.Time // when the last of total was accepted
	delivered  int
	accepted   int
	wrong      []string // the first of them
	violations int
	replays    bool // a key may go back: a stop or a rebalance has happened
}

func newSink() *sink {
	return &sink{last: map[string]int{}, seen: map[string]bool{}, inFlight: map[string]bool{}}
}

func (*sink) Connect(context.Context) error { return nil }
func (*sink) Close(context.Context) error   { return nil }

func (s *sink) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	for _, m := range batch {
		content, err := m.AsBytes()
		if err != nil {
			return err
		}
		key, number, _ := strings.Cut(string(content), ":")
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		if err := s.one(key, n); err != nil {
			return err
		}
		if s.store != nil {
			if err := s.store.write(m, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sink) one(key string, n int) error {
	s.mu.Lock()
	if s.delivered++; s.delivered == 1 {
		s.begun = time.Now()
	}
	if s.inFlight[key] {
		s.complain("two messages of %s are in flight", key)
	}
	// The last one comes again when another message of its batch failed.
	if last := s.last[key]; n > last+1 || n < last && !s.replays {
		s.complain("%s:%d is delivered after %d", key, n, last)
	}
	s.inFlight[key] = true
	s.most = max(s.most, len(s.inFlight))
	s.mu.Unlock()

	var err error
	if s.work != nil {
		err = s.work(key, n)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, key)
	if err != nil {
		return err
	}
	s.accepted++
	s.seen[key+":"+strconv.Itoa(n)] = true
	s.last[key] = max(s.last[key], n)
	if len(s.seen) == s.total && s.ended.IsZero() {
		s.ended = time.Now()
	}
	return nil
}

// complain must be called with mu held.
func (s *sink) complain(format string, args ...any) {
	s.violations++
	if len(s.wrong) < 10 {
		s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
	}
}

// done reports what is missing.
func (s *sink) done(want map[string]int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range want {
		if s.last[key] != n {
			return fmt.Errorf("%s has %d of %d; %d accepted, %d delivered", key, s.last[key], n, s.accepted, s.delivered)
		}
	}
	return nil
}

func (s *sink) check(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wrong {
		t.Error(w)
	}
}

// concurrency is how many batches the sink accepts at the same time.
const concurrency = 64

// run starts a stream of an input into the sink.
func run(t testing.TB, input string, to *sink, log *instream.Log) (stop func()) {
	t.Helper()
	env := service.NewEnvironment()
	if err := env.RegisterBatchOutput("sink", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		return to, service.BatchPolicy{}, concurrency, nil
	}); err != nil {
		t.Fatal(err)
	}
	b := env.NewStreamBuilder()
	if err := b.AddInputYAML(input); err != nil {
		t.Fatal(err)
	}
	if log == nil {
		log = &instream.Log{}
	}
	b.SetLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err := b.AddOutputYAML("sink: {}"); err != nil {
		t.Fatal(err)
	}
	return instream.Run(t, b)
}

// around returns the input around a child.
func around(child, settings string) string {
	return "subpartition:\n  key: root = @kafka_key\n  on_exhausted: block\n  " + strings.ReplaceAll(settings, "\n", "\n  ") + "\n  input:\n    " + child
}

func childOf(name string, c *testenv.Cluster, topic, group string) string {
	return fmt.Sprintf(children[name], c.Brokers[0], topic, group)
}

// awaitAll waits until the sink has everything and the group has committed it.
func awaitAll(t testing.TB, c *testenv.Cluster, group, topic string, to *sink, want map[string]int) {
	t.Helper()
	testenv.Eventually(t, 60*time.Second, "everything is accepted", func() error { return to.done(want) })
	awaitCommitted(t, 30*time.Second, c, group, topic)
}

// awaitCommitted waits until a group has committed all of a topic.
func awaitCommitted(t testing.TB, within time.Duration, c *testenv.Cluster, group, topic string) {
	t.Helper()
	testenv.Eventually(t, within, "everything is committed", func() error {
		lag, err := c.Lag(t.Context(), group, topic)
		if err == nil && lag != 0 {
			err = fmt.Errorf("%d offsets are not committed", lag)
		}
		return err
	})
}
