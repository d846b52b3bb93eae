package influxdb

import (
	"context"
	"sort"
)

// placed is a part with the index of its first line in the request.
type placed struct {
	part
	first int
}

// request has the points of a group that is being sent.
type request struct {
	committer *committer
	ctx       context.Context // ends when no caller waits for its lines
	cancel    context.CancelFunc
	lane      lane
	bucket    string
	lines     lines // without runs: all go to bucket
	parts     []placed
	order     []int // see all
	live      int   // parts whose caller waits; guarded by committer.mu
}

// all returns the indexes of all lines of r.
func (r *request) all() []int {
	for i := len(r.order); i < r.lines.len(); i++ {
		r.order = append(r.order, i)
	}
	return r.order[:r.lines.len()]
}

// partOf returns the index of the part that contains line i.
func (r *request) partOf(i int) int {
	return sort.Search(len(r.parts), func(p int) bool { return r.parts[p].first > i }) - 1
}

// accept reports to the callers of lines, in order, that they are stored.
func (r *request) accept(set []int) {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	for p := r.partOf(set[0]); len(set) > 0; p++ {
		part := r.parts[p]
		n := sort.SearchInts(set, part.first+part.to-part.from)
		part.call.settle(n)
		set = set[n:]
	}
}

// refuse reports to the caller of line i that it is rejected.
func (r *request) refuse(i int, d decision, reason string) {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	part := r.parts[r.partOf(i)]
	line := part.from + i - part.first
	part.call.refusals = append(part.call.refusals, refusal{
		message: int(part.call.lines.from[line]),
		bucket:  r.bucket,
		line:    line,
		text:    part.call.lines.line(line),
		status:  d.status,
		reason:  reason,
		class:   classOf(d, reason),
	})
	part.call.settle(1)
}

// settle counts n lines that have got their verdict.
func (cl *call) settle(n int) {
	if cl.left -= n; cl.left == 0 && n > 0 && cl.failure == nil {
		cl.done <- struct{}{}
	}
}
