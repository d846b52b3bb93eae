package produce_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // generate
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

// If this fails, a pipeline that cannot write to Kafka looks healthy, or has not
// recovered when its brokers have, or has lost what it was told to write again.
func TestNotReadyWhileAllBrokersAreDown(t *testing.T) {
	kafka := testenv.OwnKafka(t, kafkad.Options{})
	topic := kafka.Topic(t, 4)
	for _, inFlight := range []int{1, 16} {
		t.Run(fmt.Sprintf("max_in_flight %d", inFlight), func(t *testing.T) { notReady(t, kafka, topic, inFlight) })
	}
}

func notReady(t *testing.T, kafka *testenv.RealKafka, topic string, inFlight int) {
	topic += strconv.Itoa(inFlight)
	kafka.CreateTopic(t, topic, 4, nil)
	b := service.NewStreamBuilder()
	mux := http.NewServeMux()
	b.SetHTTPMux(mux)
	var sent atomic.Int64
	produce, err := b.AddBatchProducerFunc()
	if err == nil {
		err = b.AddOutputYAML(fmt.Sprintf("kafka_batches: { seed_brokers: [ %q ], topic: %s, message: record, max_in_flight: %d }", kafka.Brokers[0], topic, inFlight))
	}
	if err == nil {
		err = b.SetLoggerYAML(`level: "off"`)
	}
	if err != nil {
		t.Fatal(err)
	}
	instream.Run(t, b)
	status := func(want int) {
		t.Helper()
		testenv.Eventually(t, 40*time.Second, fmt.Sprintf("/ready is %d", want), func() error {
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
			if answer.Code != want {
				return fmt.Errorf("/ready is %d: %s", answer.Code, answer.Body)
			}
			return nil
		})
	}
	const writers = 20
	var next atomic.Int64
	stop, done := make(chan struct{}), make(chan error, writers)
	for range writers {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				var batch service.MessageBatch
				for range 10 {
					batch = append(batch, service.NewMessage([]byte(strconv.FormatInt(next.Add(1), 10))))
				}
				if err := produce(t.Context(), batch); err != nil {
					done <- err
					return
				}
				sent.Add(int64(len(batch)))
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	status(http.StatusOK)
	testenv.Eventually(t, 20*time.Second, "records are stored", func() error {
		if sent.Load() == 0 {
			return fmt.Errorf("none is")
		}
		return nil
	})
	if err := kafka.Kill(); err != nil {
		t.Fatal(err)
	}
	status(http.StatusServiceUnavailable)
	before := sent.Load()
	if err := kafka.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	status(http.StatusOK)
	testenv.Eventually(t, 20*time.Second, "records are stored again", func() error {
		if sent.Load() < before+100 {
			return fmt.Errorf("%d are, as many as before", sent.Load())
		}
		return nil
	})
	close(stop)
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	stored := map[string]int{}
	for _, r := range kafka.Read(t, topic, int(next.Load())) {
		stored[string(r.Value)]++
	}
	for i := range next.Load() {
		if stored[strconv.FormatInt(i+1, 10)] == 0 {
			t.Fatalf("record %d is lost, of %d", i+1, next.Load())
		}
	}
}
