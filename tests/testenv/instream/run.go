// Package instream runs a stream in the process of a test.
package instream

import (
	"context"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Run starts the stream that b describes, and stops it at the end of the test.
func Run(t testing.TB, b *service.StreamBuilder) {
	t.Helper()
	stream, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = stream.Run(context.Background()) // StopWithin returns the error
	}()
	t.Cleanup(func() {
		if err := stream.StopWithin(10 * time.Second); err != nil {
			t.Error(err)
		}
		<-ended
	})
}
