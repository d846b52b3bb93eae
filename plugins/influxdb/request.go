package influxdb

import (
	"context"
	"sort"
)

// placed is a part with the place of its first line in the request.
type placed struct {
	part
	first int
}

// request is the points of a group, on their way.
type request struct {
	committer *committer
	ctx       context.Context // ends when nobody waits for any of its lines
	cancel    context.CancelFunc
	lines     lines
	parts     []placed
	live      int // parts whose caller waits; guarded by committer.mu
}

// body is lines lo to hi as they are sent.
func (r *request) body(lo, hi int) []byte { return r.lines.buf[r.lines.start(lo):r.lines.ends[hi-1]] }

// partOf is the index of the part that holds line i.
func (r *request) partOf(i int) int {
	return sort.Search(len(r.parts), func(p int) bool { return r.parts[p].first > i }) - 1
}

// accept tells the callers of lines lo to hi that they are stored.
func (r *request) accept(lo, hi int) {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	for p := r.partOf(lo); p < len(r.parts) && r.parts[p].first < hi; p++ {
		part := r.parts[p]
		end := min(part.first+part.to-part.from, hi)
		part.call.settle(end - max(part.first, lo))
	}
}

// refuse tells the caller of line i that InfluxDB does not take it.
func (r *request) refuse(i int, d decision) {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	part := r.parts[r.partOf(i)]
	line := part.from + i - part.first
	part.call.refusals = append(part.call.refusals, refusal{
		message: int(part.call.lines.from[line]),
		line:    line,
		text:    part.call.lines.line(line),
		status:  d.status,
		reason:  d.reason,
		class:   classOf(d.status, d.reason),
	})
	part.call.settle(1)
}

// settle counts n lines that have their verdict.
func (cl *call) settle(n int) {
	if cl.left -= n; cl.left == 0 {
		cl.done <- struct{}{}
	}
}
