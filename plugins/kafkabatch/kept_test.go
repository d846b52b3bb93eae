package kafkabatch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// A buffer acknowledges what it keeps, and copies it before, as Benthos asks of
// whatever keeps a message for longer. What would break, if it did not any more:
// batches in it would be overwritten by others, and be refused or counted wrongly.
func TestABufferKeepsBatchesWhoseMemoryIsReused(t *testing.T) {
	c := testenv.FakeKafka(t)
	const batches, each = 8, 1000
	topic := c.Topic(t, 1)
	for range batches {
		produceTweets(t, c, topic, each)
	}
	client := admin(t, c)
	taken := func() bool {
		offsets, err := client.FetchOffsets(t.Context(), topic) // of the group of that name
		o, _ := offsets.Lookup(topic, 0)
		return err == nil && o.At == batches*each
	}
	counted, wrong := throughABuffer(t, c, topic, taken, batches)
	if counted != batches*each || len(wrong) != 0 {
		t.Errorf("%d of %d tweets are counted, refused: %q", counted, batches*each, wrong)
	}
}

// throughABuffer gives how many tweets are counted of a topic and the errors of
// what is refused, once so many messages have come. They leave the buffer only when
// ready says that it has taken all.
func throughABuffer(t *testing.T, c *testenv.Cluster, topic string, ready func() bool, messages int) (counted int, wrong []string) {
	t.Helper()
	env := service.NewEnvironment()
	opened := make(chan struct{})
	for _, err := range []error{
		Register(env, Name),
		sentimentwindow.Register(env, sentimentwindow.Name),
		env.RegisterBatchProcessor("gate", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchProcessor, error) {
			return gate(opened), nil
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	builder := env.NewStreamBuilder()
	builder.SetThreads(1)
	for _, err := range []error{
		builder.SetLoggerYAML("level: NONE"),
		builder.SetBufferYAML("memory: {}"),
		builder.AddProcessorYAML("gate: {}"),
		builder.AddProcessorYAML("sentiment_window: { message: record_batch }"),
		builder.AddInputYAML(fmt.Sprintf(`
kafka_batches:
  seed_brokers: [ %q ]
  topics: [ %s ]
  consumer_group: %s
  commit_period: 20ms
  reuse_memory: true
`, c.Brokers[0], topic, topic)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	came := 0
	if err := builder.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range batch {
			came++
			if err := m.GetError(); err != nil {
				wrong = append(wrong, err.Error())
			} else if n, ok := m.MetaGetMut("tweets"); ok {
				counted += n.(int)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	testenv.Eventually(t, 20*time.Second, "the buffer has taken all", func() error {
		if !ready() {
			return fmt.Errorf("it has not")
		}
		return nil
	})
	close(opened)
	testenv.Eventually(t, 20*time.Second, "all messages have come", func() error {
		mu.Lock()
		defer mu.Unlock()
		if came < messages {
			return fmt.Errorf("%d of %d have", came, messages)
		}
		return nil
	})
	if err := stream.StopWithin(10 * time.Second); err != nil {
		t.Error(err)
	}
	<-ended
	return counted, wrong
}

// gate lets nothing through before it is closed.
type gate <-chan struct{}

func (g gate) ProcessBatch(ctx context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	select {
	case <-g:
		return []service.MessageBatch{batch}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (gate) Close(context.Context) error { return nil }

func produceTweets(t *testing.T, c *testenv.Cluster, topic string, n int) {
	t.Helper()
	client := c.Client(t, kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerLinger(100*time.Millisecond))
	defer client.Close()
	var records []*kgo.Record
	for i := range n {
		tw := tweet.Tweet{ID: fmt.Appendf(nil, "id %d", i), Text: []byte("good"), Brand: []byte("SuperCoffee"), Millis: 1_700_000_000_000}
		records = append(records, &kgo.Record{Topic: topic, Value: tw.AppendAvro(nil)})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
