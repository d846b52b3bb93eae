package sentimentwindow

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// A topic of nonsense must not fill a disk with the log, and whoever reads the log
// must find the record without taking a sentence apart.
func TestRefusedMessagesAreLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := processorWith(t, "", service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&out, nil))))
		for i := range 100 { // a second apart
			process(t, p, kafkaMessage("tweets", 3, 2*i, []byte("nonsense")), kafkaMessage("tweets", 3, 2*i+1, []byte("nonsense")))
			time.Sleep(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 10 {
			t.Fatalf("%d lines in 100 seconds, want 10:\n%s", len(lines), &out)
		}
		for i, line := range lines {
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"component": Name, "reason": contract.ReasonUndecodable, "topic": "tweets", "partition": "3",
				"offset": []string{"0", "20", "40", "60", "80", "100", "120", "140", "160", "180"}[i],
			}
			for field, value := range want {
				if got[field] != value {
					t.Errorf("%s is %v, want %v: %s", field, got[field], value, line)
				}
			}
			if message, _ := got["msg"].(string); !strings.Contains(message, "19 more") && i > 0 {
				t.Errorf("line %d does not say how many there were: %s", i, line)
			}
		}
	})
}

// Where the place is not known to be genuine it must not be logged as if it were.
func TestReplacedPlaceIsNotLogged(t *testing.T) {
	var out bytes.Buffer
	n := newNotes(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&out, nil))))
	n.refused(place{Position: contract.Position{Topic: "", Partition: -1, Offset: -1}, inKafka: true, after: -1}, contract.ReasonOrigin, errors.New("its header stands in for where it lies"), 1)
	for _, field := range []string{"topic", "partition", "offset"} {
		if strings.Contains(out.String(), `"`+field+`"`) {
			t.Errorf("%s is logged: %s", field, &out)
		}
	}
}

// What would break: among a topic of nonsense nobody reads that a record batch is
// too large, and waits for its setting.
func TestRefusedMessagesDoNotHidePostponedOnes(t *testing.T) {
	var out bytes.Buffer
	n := newNotes(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&out, nil))))
	n.refused(place{}, contract.ReasonUndecodable, errors.New("nonsense"), 1)
	n.postponed(place{}, postponedTooLarge, errors.New("raise `max_batch_bytes`"))
	if !strings.Contains(out.String(), "max_batch_bytes") {
		t.Errorf("the log does not say it:\n%s", &out)
	}
}
