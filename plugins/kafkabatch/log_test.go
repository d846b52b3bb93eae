package kafkabatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// logs has the reader log into memory from now on, and returns what it logs.
func (r *reader) logs() func() string {
	var mu sync.Mutex
	var out bytes.Buffer
	r.in.log = service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	}), nil)))
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// begun is a tracker of one partition, which is fetched from an offset.
func begun(offset int64) (*track.Tracker, *track.Claim) {
	tracker := track.New(track.Config{Topics: track.Topics{"tweets": {}}, Budget: delivery.NewBudget(1 << 20), Limit: 1 << 20})
	now := time.Now()
	tracker.Assign([]track.Assigned{{ID: track.ID{Topic: "tweets", Partition: 3}, Commit: track.FetchedCommit{Offset: offset}}}, now)
	due, _ := tracker.Due(track.Start, track.AnyBroker, now)
	claims := tracker.Claim(due, now)
	claims[0].Begin(track.Position{Offset: offset, Epoch: -1, Time: -1}, true, false)
	claims[0].Started(now)
	claims[0].SetLeader(1, 0)
	tracker.Release(claims)
	due, _ = tracker.Due(track.Fetch, 1, now)
	return tracker, tracker.Claim(due, now)[0]
}

// TestStoppedPartitionIsLoggedWithItsPlace breaks if whoever searches the log for a
// partition has to take a sentence apart.
func TestStoppedPartitionIsLoggedWithItsPlace(t *testing.T) {
	var out bytes.Buffer
	r := newReport(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&out, nil))).With(logComponent, Name), newMetrics(nil))
	_, c := begun(1723)
	r.paused(c.Partition, "fetch", patientFailures-1, errors.New("leaders change"))
	r.paused(c.Partition, "fetch", patientFailures, errors.New("the broker does not respond"))
	r.stop(c.Partition, "corrupt", errors.New("the batch cannot be read"))
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
	r := newReport(service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil))), newMetrics(nil))
	tracker, c := begun(0)
	s := &session{report: r, tracker: tracker}
	for i := range int64(100) {
		c.Enqueue(&track.Batch{}, track.Position{Offset: i + 1})
		b := tracker.Next()
		for n := range track.PatientNacks {
			s.nack(b, fmt.Errorf("batch %d, nack %d: %w", i, n, delivery.ErrFull))
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 1 {
		t.Errorf("%d lines, want 1:\n%s", lines, &out)
	}
	tracker.Close()
}
