package exactbench_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
)

// Those of the program: see internal/memory.
const (
	memoryLimit = 200 << 20
	gcPercent   = 400
)

// readPipeline runs a shipped pipeline whose output is replaced by one that drops all
// messages.
func readPipeline(ctx context.Context, config string, j job, pass int, m *meter) error {
	debug.SetMemoryLimit(memoryLimit)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	text, err := withoutOutput(config)
	if err != nil {
		return err
	}
	counting.Store(m)
	builder := service.NewStreamBuilder()
	variables := map[string]string{
		"KAFKA_BROKERS":  j.Broker,
		"TOPIC":          j.Topic,
		"CONSUMER_GROUP": fmt.Sprintf("%s-%d-%d", j.Topic, os.Getpid(), pass),
	}
	builder.SetEnvVarLookupFunc(func(name string) (string, bool) {
		if value, ok := variables[name]; ok {
			return value, true
		}
		return os.LookupEnv(name)
	})
	builder.SetLogger(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err := builder.SetYAML(text); err != nil {
		return err
	}
	stream, err := builder.Build()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()
	select {
	case <-m.done:
	case err := <-ended:
		return errors.Join(errors.New("the pipeline has ended before all tweets were counted"), err)
	}
	if err := stream.StopWithin(30 * time.Second); err != nil {
		return err
	}
	return <-ended
}

// withoutOutput returns a shipped pipeline with the counting output instead of its own.
func withoutOutput(config string) (string, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return "", err
	}
	above, rest, found := strings.Cut(string(text), "\noutput:\n")
	_, below, foundEnd := strings.Cut(rest, "\nmetrics:\n")
	if !found || !foundEnd {
		return "", fmt.Errorf("%s has no output followed by metrics", config)
	}
	return above + "\noutput:\n  " + dropName + ": {}\nmetrics:\n" + below, nil
}

const dropName = "count_and_drop"

// counting is the meter of the output.
var counting atomic.Pointer[meter]

// drop is the stock output of that name, except that it counts the tweets that it
// drops.
type drop struct{}

func init() {
	err := service.RegisterBatchOutput(dropName, service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			return drop{}, service.BatchPolicy{}, 1, nil
		})
	if err != nil {
		panic(err)
	}
}

func (drop) Connect(context.Context) error { return nil }

func (drop) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	var tweets int64
	for _, message := range batch {
		// sentiment_window sets the number of tweets in a message.
		n, ok := message.MetaGetMut("tweets")
		if !ok {
			return errors.New("a message without tweets")
		}
		tweets += int64(n.(int))
	}
	counting.Load().add(tweets)
	return nil
}

func (drop) Close(context.Context) error { return nil }

var _ service.BatchOutput = drop{}
