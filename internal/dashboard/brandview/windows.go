package brandview

// window is what was counted in some seconds, by brand.
type window struct {
	start    int64  // unix seconds
	revision uint64 // of the store, when a count last changed
	brands   [1 + maxBrands]Counts
}

// ring keeps the newest windows of one length.
type ring struct {
	step    int64
	windows []window
	// filled is the start of the oldest window from which on all have been asked
	// for; head is the newest.
	filled, head int64
}

func newRing(step int64, windows int) *ring {
	r := &ring{step: step, windows: make([]window, windows)}
	for i := range r.windows {
		r.windows[i].start = -1
	}
	return r
}

// at gives the window that starts at a second, and empties it when it still
// holds one of an earlier round.
func (r *ring) at(start int64) *window {
	w := &r.windows[mod(start/r.step, int64(len(r.windows)))]
	if w.start != start {
		*w = window{start: start}
	}
	return w
}

// advance makes a second the newest, and says whether that is a new window.
func (r *ring) advance(second int64) bool {
	head := second - mod(second, r.step)
	if head <= r.head {
		return false
	}
	r.head = head
	r.filled = max(r.filled, r.oldest())
	return true
}

// oldest is the start of the oldest window that there is room for.
func (r *ring) oldest() int64 { return r.head - int64(len(r.windows)-1)*r.step }

// forget says that nothing has been asked for.
func (r *ring) forget() { r.filled = r.head + r.step }

// set replaces what a window holds.
func (w *window) set(brands *[1 + maxBrands]Counts, revision uint64) bool {
	if w.brands == *brands {
		return false
	}
	w.brands, w.revision = *brands, revision
	return true
}
