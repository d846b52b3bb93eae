package deadletter

import (
	"math"
	"strconv"
)

// ReplaysHeader is the header of a replayed record that counts its replays. It is one of
// the record's own headers, not one of its letter's (dead_*), because the next letter
// carries those: so the count survives however often the record fails.
const ReplaysHeader = "dlq_replays"

// Replays returns how often a record was replayed.
func (r *Record) Replays() (n int64) {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Name == ReplaysHeader {
			n = 0
			if count, ok := digits(h.Value); ok {
				n = count
			}
		}
	}
	return n
}

// Replayed returns the record with its next replay counted. It shares r's bytes.
func (r *Record) Replayed() Record {
	n := *r
	n.Headers = make([]Header, 0, len(r.Headers)+1)
	for _, h := range r.Headers {
		if h.Name != ReplaysHeader {
			n.Headers = append(n.Headers, h)
		}
	}
	count := min(r.Replays(), math.MaxInt64-1) + 1
	n.Headers = append(n.Headers, Header{Name: ReplaysHeader, Value: strconv.AppendInt(nil, count, 10)})
	return n
}
