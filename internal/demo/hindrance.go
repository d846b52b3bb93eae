package demo

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

const (
	// leastFree is the free space below which a disk counts as full. Servers fail
	// before the last byte, and other programs write to the disk too.
	leastFree = 8 << 20
	// fullLimit is how long a disk may stay full before the demo ends.
	fullLimit = 30 * time.Second
	// endLimit is the time without a stored tweet after which the demo ends.
	endLimit = 2 * time.Minute
	// stuckLimit is the time without a stored tweet after which the demo prints the
	// reason.
	stuckLimit = 10 * time.Second
)

// hindrance explains why there is no progress.
type hindrance struct {
	dir  string
	free func(dir string) (bytes uint64, ok bool)
	// lastError returns that of the ingest.
	lastError func() string
	say       func(format string, args ...any)

	fullSince  time.Time // zero: the disk is not full
	storedAt   time.Time
	lastStored int64
	stuckSaid  bool
}

func newHindrance(dir string, lastError func() string, v *view) *hindrance {
	return &hindrance{dir: dir, free: process.FreeBytes, lastError: lastError, say: v.say, storedAt: time.Now()}
}

// begin resets the time since the last progress.
func (h *hindrance) begin() { h.storedAt = time.Now() }

// stuck reports whether nothing has been stored for stuckLimit.
func (h *hindrance) stuck(now time.Time) bool { return now.Sub(h.storedAt) >= stuckLimit }

// failure is the error of a demo that ends because nothing is stored.
func (h *hindrance) failure(now time.Time) error {
	return fmt.Errorf("nothing has been stored for %s. The last error of the ingest:\n%s", now.Sub(h.storedAt).Round(time.Second), h.lastError())
}

// look reports why nothing is stored. It is called once a second, as is lookAtDisk. Its
// error ends the demo. down means that a server does not respond, so held and stored may
// be old.
func (h *hindrance) look(now time.Time, held, stored counts, down bool) error {
	if n := stored.total(); n != h.lastStored || held.total() <= n && !down {
		h.lastStored, h.storedAt, h.stuckSaid = n, now, false
		return nil
	}
	if h.stuck(now) && !h.stuckSaid && h.fullSince.IsZero() {
		h.stuckSaid = true
		h.say("Nothing has been stored for %s, and %s tweets are waiting. The end of the ingest's log:\n%s",
			stuckLimit, humanize.Comma(max(0, held.total()-stored.total())), h.lastError())
	}
	if now.Sub(h.storedAt) >= endLimit {
		return h.failure(now)
	}
	return nil
}

// lookAtDisk reports a full disk. Its error ends the demo.
func (h *hindrance) lookAtDisk(now time.Time) error {
	free, ok := h.free(h.dir)
	switch full := ok && free < leastFree; {
	case !full && !h.fullSince.IsZero():
		h.fullSince = time.Time{}
		h.say("The disk has space again.")
	case full && h.fullSince.IsZero():
		h.fullSince = now
		h.say("The disk of %s is full (%s free). Kafka and InfluxDB write to it.\nFree some space within %s, or the demo ends.", h.dir, humanize.IBytes(free), fullLimit)
	case full && now.Sub(h.fullSince) >= fullLimit:
		return fmt.Errorf("the disk of %s is full. Free some space, or set TMPDIR to a folder on another disk", h.dir)
	}
	return nil
}
