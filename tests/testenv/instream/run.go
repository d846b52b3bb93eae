// Package instream runs a stream in the process of a test.
package instream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Run starts the stream that b describes, and returns a function that stops it. The
// stream is also stopped at the end of the test, which fails if it does not stop.
func Run(t testing.TB, b *service.StreamBuilder) (stop func()) {
	t.Helper()
	stream, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	stop = sync.OnceFunc(func() {
		if err := errors.Join(stream.StopWithin(20*time.Second), <-ended); err != nil {
			t.Errorf("stopping the stream: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
