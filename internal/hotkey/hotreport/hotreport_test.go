package hotreport

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// If this fails, a hot key is not named in the log, or many of them fill it.
func TestHotKeysAreLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	var set metric.Set
	log := service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil)))
	r := Declare(&set, "test").New(nil, log, hotkey.ActionReport)
	w, err := hotkey.NewWatch(0.05)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	for second := range 40 {
		now = now.Add(time.Second)
		held := hotkey.Held{Key: "a", Count: 4812, Of: 5000}
		if second >= 20 {
			held = hotkey.Held{}
		}
		news, turned := w.Turn(now, held)
		if turned {
			r.Turned(w.Hot(), news, now)
		}
		if second >= 20 {
			continue
		}
		for i := range 5000 {
			key := fmt.Sprint(i)
			if i < 3000 {
				key = "a"
			} else if i < 3000+1600 {
				key = fmt.Sprint("b", i%4) // four more, one line
			}
			w.Record(key, 1)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], `has 60 % of the records of the last 2s`) ||
		!strings.Contains(lines[0], "holds 4,812 of 5,000 messages that wait") || !strings.Contains(lines[0], "Action: report") ||
		!strings.Contains(lines[0], `b3`) || !strings.Contains(lines[1], "level=INFO") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
	if len(set.All()) != 3 {
		t.Errorf("%d metrics are declared", len(set.All()))
	}
}
