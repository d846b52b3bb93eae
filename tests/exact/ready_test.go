package exact_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a setting that does not fit the topic commits its records as dead
// letters while everything looks well, or keeps real dead letters from their topic.
func TestNotReadyWhileNothingIsCounted(t *testing.T) {
	s := stream.New(t, stream.Partitions)
	nonsense := make([]*kgo.Record, 3000)
	for i := range nonsense {
		nonsense[i] = &kgo.Record{Topic: s.Topic, Value: []byte("nonsense")}
	}
	s.Kafka.Produce(t, nonsense...)
	reader := s.Into(stream.ExactConfig, testenv.Influx(t, testenv.InfluxV1), nil).QuickToNotice(session)
	right := reader.Args
	status := func(ingest *testenv.Program, ready bool, dead int64) {
		t.Helper()
		testenv.Eventually(t, time.Minute, fmt.Sprintf("ready is %t, with %d dead letters", ready, dead), func() error {
			_, answer := ingest.Get(t.Context(), "/ready")
			n, err := s.Kafka.Records(t.Context(), s.Dead)
			if err == nil && ((answer == nil) != ready || n != dead || !ready && !strings.Contains(answer.Error(), "503")) {
				err = fmt.Errorf("%d dead letters, /ready: %w", n, answer)
			}
			return err
		})
	}

	ingest := reader.Start(t)
	status(ingest, false, 3000)
	reader.Drained(t, time.Minute)
	if metrics, err := ingest.Metrics(t.Context()); err != nil || metrics.Sum("sentiment_window_nothing_counted") != 1 {
		t.Errorf("the metric is %g, error %v", metrics.Sum("sentiment_window_nothing_counted"), err)
	}
	ingest.Stop(t)

	stream.MustEndWell(t, s.Generate(t, stream.Env{"RATE": "0", "COUNT": "8000"}), time.Minute)
	reader.Args = append(right[:len(right):len(right)], "--set", "pipeline.processors.0.sentiment_window.message=record")
	ingest = reader.Start(t)
	testenv.Eventually(t, time.Minute, "the log says which setting is wrong", func() error {
		if log := ingest.Log(t); !strings.Contains(log, "set `message: record_batch`") {
			return fmt.Errorf("the log is %s", log)
		}
		return nil
	})
	status(ingest, false, 3000)
	if lag := reader.Lag(t); lag != 8000 {
		t.Errorf("the lag is %d, want all 8,000 tweets", lag)
	}
	ingest.Stop(t)

	reader.Args = right
	ingest = reader.Start(t)
	status(ingest, true, 3000)
	reader.Drained(t, time.Minute)
	topic, err := oracle.ReadTopic(t.Context(), s.Kafka.Brokers, s.Topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	reader.MustEqual(t, topic.Counts)
}
