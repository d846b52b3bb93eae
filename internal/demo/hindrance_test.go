package demo

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// If this fails, the rates are 0 and no reason is printed.
func TestReasonForNoProgressIsPrinted(t *testing.T) {
	const room, none = uint64(1 << 30), uint64(1 << 10)
	for name, c := range map[string]struct {
		free   func(second int) uint64
		known  bool
		stored func(second int) int64
		says   map[string]int // expected texts, with their number
		ends   int            // second in which the demo ends; 0: it does not
	}{
		"all is well": {
			func(int) uint64 { return room }, true, func(s int) int64 { return int64(s) }, nil, 0,
		},
		"the disk is full": {
			func(s int) uint64 { return map[bool]uint64{true: room, false: none}[s < 5] }, true, func(s int) int64 { return int64(min(s, 5)) },
			map[string]int{"the disk of DIR is full (1.0 KiB free)": 1, "Nothing has been stored": 0}, 35,
		},
		"the disk is full for a while": {
			func(s int) uint64 {
				return map[bool]uint64{true: none, false: room}[s > 5 && s < 15 || s > 30 && s < 50]
			}, true, func(s int) int64 { return int64(s) },
			map[string]int{"is full": 2, "has space again": 2}, 0,
		},
		"the ingest is stuck twice": {
			func(int) uint64 { return 0 }, false, func(s int) int64 { return int64(min(s, 5) + s/60) },
			map[string]int{"Nothing has been stored for 10s, and 95 tweets are waiting. The end of the ingest's log:\nrefused": 1, "Nothing has been stored": 2, "full": 0}, 0,
		},
		"all is stored": {
			func(int) uint64 { return room }, true, func(int) int64 { return 100 }, nil, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			second, begin := 0, time.Now()
			h := &hindrance{
				dir: "DIR", storedAt: begin,
				free:      func(string) (uint64, bool) { return c.free(second), c.known },
				lastError: func() string { return "refused" },
				say:       func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) },
			}
			for ; second < 90; second++ {
				now := begin.Add(time.Duration(second) * time.Second)
				err := h.lookAtDisk(now)
				err = errors.Join(err, h.look(now, counts{100}, counts{c.stored(second)}, false))
				if err != nil {
					if !strings.Contains(err.Error(), "TMPDIR") {
						t.Error(err)
					}
					break
				}
			}
			if ended := second % 90; ended != c.ends {
				t.Errorf("the demo ends in second %d, want %d", ended, c.ends)
			}
			for text, times := range c.says {
				if n := strings.Count(strings.ReplaceAll(said.String(), "The disk", "the disk"), text); n != times {
					t.Errorf("%q is printed %d times, want %d, in\n%s", text, n, times, said.String())
				}
			}
			if len(c.says) == 0 && said.Len() > 0 {
				t.Errorf("it prints: %s", said.String())
			}
		})
	}
}

// If this fails, a demo whose tweets are never stored does not end, or its error has no
// reason, or an idle demo ends.
func TestDemoEndsWithoutProgress(t *testing.T) {
	for name, c := range map[string]struct {
		stored int64
		down   bool
		ends   bool
	}{
		"waiting tweets":          {0, false, true},
		"a server is down":        {0, true, true},
		"down with stored tweets": {100, true, true},
		"idle":                    {100, false, false},
	} {
		begin := time.Now()
		h := &hindrance{storedAt: begin, lastError: func() string { return "status 404" }, say: func(string, ...any) {}}
		var err error
		second := 0
		for ; second < 300 && err == nil; second++ {
			err = h.look(begin.Add(time.Duration(second)*time.Second), counts{100}, counts{c.stored}, c.down)
		}
		if c.ends != (err != nil) || err != nil && (!strings.Contains(err.Error(), "status 404") || second > 130) {
			t.Errorf("%s: %v in second %d", name, err, second)
		}
	}
}
