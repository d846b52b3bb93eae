package real_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	outage     = 15 * time.Second
	outageRate = 20_000 // tweets per second
	// maxOutageMemory is the most memory of an ingest while InfluxDB is down.
	maxOutageMemory = 300 << 20
)

// If these fail, tweets are lost, counted twice or sent to the dead letters when
// InfluxDB is down for a while, or they accumulate in the memory of the ingest instead
// of in Kafka.
func TestKilledInfluxDBLosesNothing(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		server := testenv.OwnInflux(t, influxd.Options{Version: version})
		beAway(t, server, server.Kill, func() error { return server.Restart(t.Context()) })
	})
}

// A paused server accepts connections and requests, and never responds.
func TestPausedInfluxDBLosesNothing(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV2, func(t *testing.T, version string) {
		server := testenv.OwnInflux(t, influxd.Options{Version: version})
		beAway(t, server, server.Pause, server.Resume)
	})
}

// beAway takes InfluxDB down and up again while tweets are generated.
func beAway(t *testing.T, server *influxd.Server, leave, comeBack func() error) {
	t.Helper()
	s := stream.New(t, stream.Partitions)
	reader := s.Into(stream.IngestConfig, server.Database, nil)
	ingest := reader.Start(t)
	generator := s.Generate(t, stream.Env{"RATE": fmt.Sprint(outageRate)})
	stream.AwaitCounted(t, ingest, 2*outageRate)

	if err := leave(); err != nil {
		t.Fatal(err)
	}
	left, lags := time.Now(), []int64{reader.Lag(t)}
	for time.Since(left) < outage {
		time.Sleep(outage / 5)
		lags = append(lags, reader.Lag(t))
	}
	if err := comeBack(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	t.Logf("lag while InfluxDB was down: %d", lags)
	for i, lag := range lags[1:] {
		if lag <= lags[i] {
			t.Errorf("the lag does not rise: InfluxDB is not down, or no tweets are generated")
		}
	}

	testenv.Eventually(t, time.Minute, "the ingest has caught up", func() error {
		lag, err := s.Kafka.Lag(t.Context(), reader.Group, s.Topic)
		if err == nil && lag > 2*outageRate { // work in flight, and a commit per second
			err = fmt.Errorf("the lag is %d", lag)
		}
		return err
	})
	t.Logf("caught up %.1f s after InfluxDB was back", time.Since(back).Seconds())
	if code := generator.Stop(t); code != 0 {
		t.Fatalf("the generator has ended with exit code %d", code)
	}
	reader.Drained(t, patience)
	if !ingest.Running() {
		t.Error("the ingest has ended")
	}
	reader.MustEqual(t, s.Read(t))
	s.MustHaveNoDeadLetters(t)
	peak := ingest.PeakRSS(t)
	t.Logf("peak memory of the ingest: %d MB", peak>>20)
	if peak > maxOutageMemory {
		t.Errorf("the ingest has used %d MB, more than %d", peak>>20, maxOutageMemory>>20)
	}
}
