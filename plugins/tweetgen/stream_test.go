package tweetgen

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// counters collects metrics as a Benthos exporter does.
type counters struct {
	mu     sync.Mutex
	values map[string]float64
}

type counterOf struct {
	*counters
	name string
}

func (c *counters) ctor(name string) func(labels ...string) counterOf {
	return func(labels ...string) counterOf {
		// Benthos adds the component's label and path in front.
		if len(labels) > 2 {
			name = fmt.Sprintf("%s %s", name, labels[len(labels)-1])
		}
		return counterOf{c, name}
	}
}

func (c *counters) NewCounterCtor(name string, _ ...string) service.MetricsExporterCounterCtor {
	return func(labels ...string) service.MetricsExporterCounter { return c.ctor(name)(labels...) }
}

func (c *counters) NewGaugeCtor(name string, _ ...string) service.MetricsExporterGaugeCtor {
	return func(labels ...string) service.MetricsExporterGauge { return c.ctor(name)(labels...) }
}

func (c *counters) NewTimerCtor(name string, _ ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return counterOf{c, name} }
}

func (c *counters) Close(context.Context) error { return nil }

func (c counterOf) change(f func(float64) float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[c.name] = f(c.values[c.name])
}

func (c counterOf) Incr(n int64)          { c.change(func(v float64) float64 { return v + float64(n) }) }
func (c counterOf) IncrFloat64(n float64) { c.change(func(v float64) float64 { return v + n }) }
func (c counterOf) Set(n int64)           { c.change(func(float64) float64 { return float64(n) }) }
func (c counterOf) SetFloat64(n float64)  { c.change(func(float64) float64 { return n }) }
func (c counterOf) Timing(int64)          {}

// The whole input in a real stream, with an output that refuses every third
// batch: it must end by itself, with every tweet delivered once.
func TestStreamEndsWithExactlyTheCount(t *testing.T) {
	env := service.NewEnvironment()
	if err := Register(env, "tweets_by_another_name"); err != nil {
		t.Fatal(err)
	}
	seen := &counters{values: make(map[string]float64)}
	if err := env.RegisterMetricsExporter("collect", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) { return seen, nil }); err != nil {
		t.Fatal(err)
	}
	builder := env.NewStreamBuilder()
	for _, err := range []error{
		builder.AddInputYAML(`
tweets_by_another_name:
  count: 100100
  batch_size: 700
  interval: 0s
  sentiment: { positive: 50, negative: 30, neutral: 20 }
  progress: never`),
		builder.SetMetricsYAML("collect: {}"),
		builder.SetLoggerYAML("level: NONE"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	stored := make(map[string]tweet.Sentiment)
	calls, doubled := 0, 0
	if err := builder.AddBatchConsumerFunc(func(_ context.Context, msgs service.MessageBatch) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%3 == 0 {
			return errors.New("refused")
		}
		for _, m := range msgs {
			b, err := m.AsBytes()
			if err != nil {
				return err
			}
			var tw tweet.Tweet
			if err := tw.DecodeAvro(b); err != nil {
				t.Error(err)
			}
			if _, twice := stored[string(tw.ID)]; twice {
				doubled++
			}
			stored[string(tw.ID)] = tw.Sentiment
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := stream.Run(ctx); err != nil {
		t.Fatal(err)
	}
	var got counts
	for _, s := range stored {
		got[s]++
	}
	if want := (counts{50_050, 30_030, 20_020}); got != want || doubled > 0 {
		t.Errorf("stored %v, want %v; %d twice", got, want, doubled)
	}

	refused := float64(calls / 3)
	for name, want := range map[string]float64{
		"tweet_generator_generated": 100_100, "tweet_generator_delivered": 100_100, "tweet_generator_batches": 143,
		"tweet_generator_errors": refused, "tweet_generator_mix positive": 50, "tweet_generator_mix negative": 30, "tweet_generator_mix neutral": 20,
	} {
		if got := seen.values[name]; got != want {
			t.Errorf("metric %s is %v, want %v", name, got, want)
		}
	}
}
