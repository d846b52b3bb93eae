// Package influxstream runs a stream of Benthos with the output influxdb in the process
// of a test.
package influxstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io" // the file of rejected lines
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	_ "github.com/brandpulse/brandpulse-connect/plugins/influxdb" // the output
)

const (
	writeTimeout = 2 * time.Minute
	stopTimeout  = 10 * time.Second
)

// Output is an output that writes to a bucket. It appends rejected points to a file,
// each as `line | reason`. settings are further fields in YAML, or empty.
func Output(db *influxd.Database, rejected, settings string) string {
	output := fmt.Sprintf(`
influxdb:
  url: %q
  token: %q
  org: %q
  bucket: %q
  rejected:
    processors:
      - mapping: root = content().string() + " | " + meta("influxdb_reason")
    file: { path: %q, codec: lines }
`, db.URL, db.Token, db.Org, db.Bucket, rejected)
	for line := range strings.Lines(settings) {
		output += "  " + line
	}
	return output
}

// Write writes batches into a bucket, all at the same time, and stops the stream when
// each is acknowledged. An error fails the test. It returns the rejected points, each
// as `line | reason`, in order.
func Write(t testing.TB, db *influxd.Database, settings string, batches []service.MessageBatch) (rejected []string) {
	t.Helper()
	dead := filepath.Join(t.TempDir(), "rejected")
	Run(t, Output(db, dead, settings), batches)
	return Rejected(t, dead)
}

// Run is Write for an output of any YAML.
func Run(t testing.TB, output string, batches []service.MessageBatch) {
	t.Helper()
	builder := service.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.DiscardHandler))
	produce, err := builder.AddBatchProducerFunc()
	if err != nil {
		t.Fatal(err)
	}
	if err := builder.AddOutputYAML(output); err != nil {
		t.Fatal(err)
	}
	s, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), writeTimeout)
	defer cancel()
	acks := make([]error, len(batches))
	var stopping error
	var stopped sync.WaitGroup
	stopped.Go(func() {
		var produced sync.WaitGroup
		for i, batch := range batches {
			produced.Go(func() { acks[i] = produce(ctx, batch) })
		}
		produced.Wait()
		stopping = s.StopWithin(stopTimeout)
	})
	err = s.Run(ctx)
	stopped.Wait()
	if err := errors.Join(errors.Join(acks...), stopping, err); err != nil {
		t.Fatalf("writing %d batches: %v", len(batches), err)
	}
}

// Rejected returns the lines of the file of an Output, in order.
func Rejected(t testing.TB, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if len(content) == 0 {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	slices.Sort(lines)
	return lines
}
