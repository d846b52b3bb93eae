package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxStreams bounds how many pages are fed at once.
	maxStreams = 64
	// heartbeat is how often a stream sends the event alive. The page takes a stream
	// that is silent for three of them for broken: a network that drops packets does
	// not end a connection.
	heartbeat = 5 * time.Second
	// writeTimeout is how long a page may take to take an event.
	writeTimeout = 10 * time.Second
	// pace is the shortest time between two updates of a stream.
	pace = 250 * time.Millisecond
)

// streams gives the slots of streams, and an identity of this process for the
// ids of events: a page that comes back from another one gets all anew.
type streams struct {
	open  atomic.Int64
	epoch string
}

func newStreams() *streams { return &streams{epoch: strconv.FormatInt(time.Now().UnixNano(), 36)} }

// take gives a slot, unless all are taken.
func (s *streams) take() (done func(), ok bool) {
	if s.open.Add(1) > maxStreams {
		s.open.Add(-1)
		return nil, false
	}
	return func() { s.open.Add(-1) }, true
}

// since is the revision after which a page that reconnects wants to go on; 0 for
// one that is new.
func (s *streams) since(r *http.Request) uint64 {
	epoch, revision, _ := strings.Cut(r.Header.Get("Last-Event-ID"), "-")
	if epoch != s.epoch {
		return 0
	}
	n, err := strconv.ParseUint(revision, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// source is what a stream shows: watch registers a viewer until done is called, changed
// returns a channel that is closed at the next change, and look returns what has
// changed since a revision.
type source struct {
	watch   func() (done func())
	changed func() <-chan struct{}
	look    func(since uint64) (revision uint64, update any)
}

// serve feeds one page until it goes or the server stops.
func (s *streams) serve(w http.ResponseWriter, r *http.Request, stopping <-chan struct{}, from source) {
	done, ok := s.take()
	if !ok {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many pages are open.", http.StatusServiceUnavailable)
		return
	}
	defer done()
	// Registered only now: a refused viewer must not cause queries.
	gone := from.watch()
	defer gone()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	write := func(format string, args ...any) error {
		if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return err
		}
		return control.Flush()
	}
	if write("retry: 1000\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	since := s.since(r)
	for {
		// Asked for before looking, so that no change is missed in between.
		changed := from.changed()
		revision, update := from.look(since)
		if revision != since || since == 0 {
			data, err := json.Marshal(update)
			if err != nil || write("id: %s-%d\ndata: %s\n\n", s.epoch, revision, data) != nil {
				return
			}
			since = revision
		}
		rest := time.NewTimer(pace)
		select {
		case <-r.Context().Done():
			rest.Stop()
			return
		case <-stopping:
			rest.Stop()
			return
		case <-rest.C:
		}
		for waiting := true; waiting; {
			select {
			case <-r.Context().Done():
				return
			case <-stopping:
				return
			case <-changed:
				waiting = false
			case <-beat.C:
				if write("event: alive\ndata: 1\n\n") != nil {
					return
				}
			}
		}
	}
}
