package dlq_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/letterlog"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func BenchmarkList(b *testing.B) {
	c := testenv.Kafka(b)
	dead := c.Topic(b, 3)
	const letters = 100_000
	records := make([]*kgo.Record, 0, letters)
	for i := range letters {
		records = append(records, letter(dead, i/100, strings.Repeat("x", 120), ours([]string{"undecodable", "unstorable", "rejected"}[i%3], "tweets", int32(i%7), int64(i))))
	}
	c.Produce(b, records...)
	log, err := letterlog.Open(b.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics()}, dead)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	b.ReportAllocs()
	for b.Loop() {
		s, err := deadletter.NewSummary([]deadletter.Grouping{deadletter.ByReason, deadletter.ByTopic})
		if err != nil {
			b.Fatal(err)
		}
		if err := log.Each(b.Context(), func(r deadletter.Record) error {
			l := deadletter.Read(r)
			s.Add(&l)
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		if s.Letters != letters {
			b.Fatalf("%d letters", s.Letters)
		}
	}
	b.ReportMetric(float64(b.N)*letters/b.Elapsed().Seconds(), "letters/s")
}
