package influxbench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	_ "github.com/brandpulse/brandpulse-connect/plugins/influxdb"
)

// inFlight is the default of `max_in_flight`.
const inFlight = 256

// outputLines is the output `influxdb` in a Benthos stream, with batches of one
// message of so many lines.
func outputLines(size, maxInFlight int) writer {
	name := fmt.Sprintf("influxdb, %d lines per message", size)
	if maxInFlight != inFlight {
		name += fmt.Sprintf(", `max_in_flight: %d`", maxInFlight)
	}
	return writer{name, func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func()) {
		return stream(t, p.lineMessages(size), to, zipped, maxInFlight)
	}}
}

// outputPoints is the output `influxdb` in a Benthos stream, with batches of so
// many messages of one point each.
func outputPoints(size int) writer {
	return writer{fmt.Sprintf("influxdb, %d one-point messages per batch", size), func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func()) {
		return stream(t, p.pointMessages(size), to, zipped, inFlight)
	}}
}

// The metrics are those of the shipped pipelines, and all that is not set is at
// its default.
const streamConfig = `
input:
  prepared: {}
output:
  influxdb:
    url: "%s"
    token: '%s'
    org: "%s"
    bucket: "%s"
    gzip: %t
    max_in_flight: %d
metrics:
  prometheus: {}
`

// stream starts a stream. run hands it the batches and waits for their acks.
func stream(t testing.TB, batches []service.MessageBatch, to *influxd.Database, zipped bool, maxInFlight int) (run, end func()) {
	in := &prepared{t: t, batches: batches, open: make(chan struct{}), done: make(chan struct{})}
	in.left.Store(int64(len(batches)))

	env := service.GlobalEnvironment().Clone()
	err := env.RegisterBatchInput("prepared", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return in, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	builder := env.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err := builder.SetYAML(fmt.Sprintf(streamConfig, to.URL, to.Token, to.Org, to.Bucket, zipped, maxInFlight)); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	run = func() {
		close(in.open)
		<-in.done
	}
	return run, func() {
		if err := <-ended; err != nil { // the input has ended, and so does the stream
			t.Error(err)
		}
	}
}

// prepared is an input that has all its batches from the start.
type prepared struct {
	t       testing.TB
	batches []service.MessageBatch
	next    int
	open    chan struct{} // closed when they may be read
	left    atomic.Int64  // without an ack
	done    chan struct{} // closed when all are acked
}

func (p *prepared) Connect(context.Context) error { return nil }

func (p *prepared) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case <-p.open:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if p.next == len(p.batches) {
		return nil, nil, service.ErrEndOfInput
	}
	p.next++
	return p.batches[p.next-1], p.ack, nil
}

func (p *prepared) ack(_ context.Context, err error) error {
	if err != nil {
		p.t.Error(err)
	}
	if p.left.Add(-1) == 0 {
		close(p.done)
	}
	return nil
}

func (p *prepared) Close(context.Context) error { return nil }

var _ service.BatchInput = (*prepared)(nil)
