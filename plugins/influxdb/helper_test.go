package influxdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// testConfig is the defaults of the spec, with waits that suit a test.
func testConfig() config {
	return config{
		url:              &url.URL{Scheme: "http", Host: "influxdb.test:8086"},
		version:          versionAuto,
		org:              "org",
		bucket:           "bucket",
		onUnsupported:    onUnsupportedReject,
		onReject:         onRejectBlock,
		letterBytes:      1_000_000,
		gzip:             true,
		timeout:          5 * time.Second,
		flushPeriod:      time.Second,
		maxPoints:        4000,
		maxBodyBytes:     4_000_000,
		requestsInFlight: 2,
		maxInFlight:      256,
		order:            orderNone,
		backoffInitial:   time.Millisecond,
		backoffMax:       4 * time.Millisecond,
	}
}

// startOutput makes an output whose requests go to the fake without a socket.
func startOutput(t testing.TB, conf config, fake http.RoundTripper, rejected rejectedOutput) (*output, *logBuffer) {
	t.Helper()
	if err := conf.check(); err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	o := newLoggedOutput(conf, fake, rejected, log)
	t.Cleanup(func() {
		if err := o.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return o, log
}

func newLoggedOutput(conf config, fake http.RoundTripper, rejected rejectedOutput, log *logBuffer) *output {
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})
	o := newOutput(conf, rejected, service.NewLoggerFromSlog(slog.New(handler)), service.MockResources().Metrics())
	o.client.http.Transport = fake
	return o
}

// write does with a batch what Benthos does.
func write(ctx context.Context, o *output, batch service.MessageBatch) error {
	for {
		err := o.WriteBatch(ctx, batch)
		if !errors.Is(err, service.ErrNotConnected) {
			return err
		}
		if err := connect(ctx, o); err != nil {
			return err
		}
	}
}

// connecting has a channel for each output, which lets one connect at a time: a
// mutex would stop fake time.
var connecting sync.Map

// connect does what Benthos does until an output is connected.
func connect(ctx context.Context, o *output) error {
	value, _ := connecting.LoadOrStore(o, make(chan struct{}, 1))
	turn := value.(chan struct{})
	turn <- struct{}{}
	defer func() { <-turn }()
	for {
		err := o.Connect(ctx)
		var wait *service.ErrBackOff
		if !errors.As(err, &wait) {
			return err
		}
		if err := sleep(ctx, wait.Wait); err != nil {
			return err
		}
	}
}

// logBuffer is what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// bin is an output for refused points that keeps them.
type bin struct {
	fail func(batch service.MessageBatch) error // asked first

	mu       sync.Mutex
	messages []*service.Message
}

func (b *bin) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.fail != nil {
		if err := b.fail(batch); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, batch...)
	return nil
}

func (b *bin) Prime() error { return nil }

func (b *bin) Close(context.Context) error { return nil }

func (b *bin) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for _, m := range b.messages {
		content, _ := m.AsBytes()
		lines = append(lines, string(content))
	}
	slices.Sort(lines)
	return lines
}

func message(lines ...string) *service.Message {
	return service.NewMessage([]byte(strings.Join(lines, "\n") + "\n"))
}

func lineOf(i int) string { return fmt.Sprintf("m,t=v f=%di %d", i, 1_700_000_000_000_000_000+i) }

func linesOf(from, to int) []string {
	var lines []string
	for i := from; i < to; i++ {
		lines = append(lines, lineOf(i))
	}
	return lines
}

// mustStore is that the fake holds exactly these lines.
func mustStore(t testing.TB, fake *influxfake.Server, want []string) {
	t.Helper()
	stored := fake.Stored()
	for _, line := range want {
		if stored[line] == 0 {
			t.Errorf("lost: %s", line)
		}
		delete(stored, line)
	}
	for line := range stored {
		t.Errorf("stored, but not to be: %s", line)
	}
}
