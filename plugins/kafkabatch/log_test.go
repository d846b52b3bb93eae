package kafkabatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// TestStoppedPartitionIsLoggedWithItsPlace breaks if whoever searches the log for a
// partition has to take a sentence apart.
func TestStoppedPartitionIsLoggedWithItsPlace(t *testing.T) {
	var out bytes.Buffer
	s := &session{
		log:     service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&out, nil))).With(logComponent, Name),
		metrics: newMetrics(nil),
	}
	p := newPartition(topicPartition{"tweets", 3}, fetchedCommit{})
	p.next = position{offset: 1723}
	s.halt(p, "corrupt", errors.New("the batch cannot be read"))
	p.failures = 3 // in a row: leaders change without a word
	s.trouble(p, "fetch", errors.New("the broker does not answer"))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines:\n%s", len(lines), &out)
	}
	for _, line := range lines {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		for field, want := range map[string]string{"component": Name, "topic": "tweets", "partition": "3", "offset": "1723"} {
			if got[field] != want {
				t.Errorf("%s is %v, want %s: %s", field, got[field], want, line)
			}
		}
	}
}

// What would break: a line for each batch at each redelivery, several per second,
// since no two of their errors are the same.
func TestPartitionThatWaitsIsLoggedOncePerMinute(t *testing.T) {
	var out bytes.Buffer
	s := &session{log: service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil)))}
	p := newPartition(topicPartition{"tweets", 3}, fetchedCommit{})
	for i := range 100 {
		b := &batch{partition: p, nacks: patientNacks}
		s.waits(b, fmt.Errorf("batch %d: %w", i, delivery.ErrFull))
	}
	if lines := strings.Count(out.String(), "\n"); lines != 1 {
		t.Errorf("%d lines, want 1:\n%s", lines, &out)
	}
}
