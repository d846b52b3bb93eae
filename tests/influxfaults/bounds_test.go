package influxfaults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

const (
	endlessLines = 200 // in each message, which is a batch
	endlessBytes = 45 * endlessLines

	boundInFlight = 64
	boundRequests = 2
)

// endless is an input that never waits: the next batch is always ready, however many
// are not acknowledged.
type endless struct {
	read, acked atomic.Int64
	unacked     sync.Map // numbers of batches
}

func (e *endless) Connect(context.Context) error { return nil }
func (e *endless) Close(context.Context) error   { return nil }

func (e *endless) ReadBatch(context.Context) (service.MessageBatch, service.AckFunc, error) {
	n := e.read.Add(1) - 1
	lines := make([]string, endlessLines)
	for i := range lines {
		at := start + n*endlessLines + int64(i)
		lines[i] = line(at, 1)
	}
	e.unacked.Store(n, nil)
	return service.MessageBatch{message(lines)}, func(_ context.Context, err error) error {
		if err == nil {
			e.acked.Add(1)
			e.unacked.Delete(n)
		}
		return nil
	}, nil
}

// mustBeStored compares the acknowledged points with those in InfluxDB. Points read
// while the stream stopped may be neither.
func (e *endless) mustBeStored(t *testing.T, db *influxd.Database) {
	t.Helper()
	sent := points{}
	for n := range e.read.Load() {
		if _, unacked := e.unacked.Load(n); unacked {
			continue
		}
		for i := range int64(endlessLines) {
			sent[start+n*endlessLines+i] = 1
		}
	}
	t.Logf("%d batches were read, %d acknowledged", e.read.Load(), e.acked.Load())
	mustHold(t, db, sent)
}

// usage is the resource use of this process.
type usage struct {
	goroutines int
	heap       uint64 // bytes in use
}

func measure() usage {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{runtime.NumGoroutine(), memory.HeapAlloc}
}

func (u usage) String() string { return fmt.Sprintf("%d goroutines, %d KB", u.goroutines, u.heap>>10) }

// If this fails, while InfluxDB is down, the output accumulates points and goroutines
// until the program is killed, or leaks some.
func TestOutageNeedsNoMoreMemoryTheLongerItIs(t *testing.T) {
	db := testenv.Influx(t, testenv.InfluxV1)
	read(t, db) // the client of the queries has its connections
	before := measure()

	proxy, through := testenv.FaultyProxy(t, db, nil)
	proxy.Forget()
	input := &endless{}
	env := service.GlobalEnvironment().Clone()
	err := env.RegisterBatchInput("endless", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return input, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	builder := env.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.DiscardHandler))
	settings := fmt.Sprintf("timeout: 500ms\nbackoff: { initial_interval: 10ms, max_interval: 100ms }\nflush_period: 100ms\nmax_in_flight: %d\nrequests_in_flight: %d\n",
		boundInFlight, boundRequests)
	if err := errors.Join(
		builder.AddInputYAML("endless: {}"),
		builder.AddOutputYAML(influxstream.Output(through, filepath.Join(t.TempDir(), "rejected"), settings)),
	); err != nil {
		t.Fatal(err)
	}
	stop := instream.Run(t, builder)
	awaitAcks := func(n int64) {
		t.Helper()
		testenv.Eventually(t, 30*time.Second, "batches are acknowledged", func() error {
			if acked := input.acked.Load(); acked < n {
				return fmt.Errorf("%d of %d", acked, n)
			}
			return nil
		})
	}
	awaitAcks(20)

	// Benthos has two goroutines for each batch in flight: one in the output, one that
	// waits for its ack. Each request has one of its own and two for its connection
	// and, in the proxy, which is in this process too, two for the connection and two
	// for the one to InfluxDB. There are as many spare requests, and an abandoned
	// connection lasts a little longer. The rest is Benthos's own.
	limit := usage{goroutines: before.goroutines + 2*boundInFlight + 2*boundRequests*10 + 40}
	// A batch in flight exists as a message, as its own lines and, while its request is
	// in flight, as lines of that. Compressors and the buffers of connections are
	// extra.
	limit.heap = before.heap + (boundInFlight+8)*3*endlessBytes + 16<<20
	for _, outage := range []struct {
		name   string
		decide influxfault.Decide
		away   bool
	}{
		{name: "hangs", decide: influxfault.Always(influxfault.Fault{Kind: influxfault.Hang})},
		{name: "resets", decide: influxfault.Always(influxfault.Fault{Kind: influxfault.ResetBefore})},
		{name: "answers 503", decide: influxfault.Always(influxfault.Fault{Kind: influxfault.Unavailable})},
		{name: "is down", away: true},
	} {
		read, requests := input.read.Load(), proxy.Stats().Requests
		proxy.SetFaults(outage.decide)
		if outage.away {
			if err := proxy.Leave(); err != nil {
				t.Fatal(err)
			}
		}
		var most usage
		for range 15 {
			time.Sleep(100 * time.Millisecond)
			now := measure()
			most = usage{max(most.goroutines, now.goroutines), max(most.heap, now.heap)}
		}
		t.Logf("InfluxDB %s for 1.5 s: at most %s; before the stream %s; the bound is %s", outage.name, most, before, limit)
		if most.goroutines > limit.goroutines || most.heap > limit.heap {
			t.Errorf("InfluxDB %s: %s, more than %s", outage.name, most, limit)
		}
		// Requests in flight before may still have been answered.
		if more := input.read.Load() - read; more > 3*boundInFlight {
			t.Errorf("InfluxDB %s: %d batches more were read", outage.name, more)
		}
		if !outage.away && proxy.Stats().Requests < requests+2 {
			t.Errorf("InfluxDB %s: the output has tried %d times", outage.name, proxy.Stats().Requests-requests)
		}
		if outage.away {
			if err := proxy.Return(); err != nil {
				t.Fatal(err)
			}
		}
		proxy.SetFaults(nil)
		awaitAcks(input.read.Load() + boundInFlight)
	}

	stop()
	if err := proxy.Close(); err != nil {
		t.Fatal(err)
	}
	input.mustBeStored(t, db)
	testenv.Eventually(t, 10*time.Second, "all is as before the stream", func() error {
		after := measure()
		if after.goroutines > before.goroutines || after.heap > before.heap+8<<20 {
			return fmt.Errorf("%s, not %s\n%s", after, before, stacks())
		}
		t.Logf("after the stream %s", after)
		return nil
	})
}

// stacks returns the stacks of all goroutines except those of the tests.
func stacks() string {
	var text bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&text, 1)
	return strings.TrimSpace(text.String())
}
