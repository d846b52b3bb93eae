package model

// reading is what a worker has read at once, and must have stored before it may commit
// past it.
type reading struct {
	partition *partition
	base      int64 // offset that the design keys the points by
	from      int64 // first offset that was read
	next      int64 // where the worker continues
	records   []record

	points points // as last written
	stored bool   // acked
}

// claim is a partition that a worker believes to own.
type claim struct {
	position int64 // where it continues
	prefix   int64 // everything before it is acked
	readings []*reading
}

// settle moves the prefix over acked readings without a gap.
func (c *claim) settle() {
	for len(c.readings) > 0 && c.readings[0].stored {
		c.prefix = c.readings[0].next
		c.readings = c.readings[1:]
	}
}

// worker is one process. Its beliefs are true only while it is a member of the group's
// generation: a paused or disconnected one continues with its old claims.
type worker struct {
	name       string
	dead       bool
	generation int      // the last generation that it took part in
	claims     []*claim // by partition, nil: not its own
	stamped    int64    // points so far, for the design that counts them
}

// unstored returns its readings whose ack it has not seen.
func (w *worker) unstored() (out []*reading) {
	for _, c := range w.claims {
		if c == nil {
			continue
		}
		for _, r := range c.readings {
			if !r.stored {
				out = append(out, r)
			}
		}
	}
	return out
}

// forget drops all claims, as a worker does that stops or learns that it was removed.
func (w *worker) forget() { clear(w.claims) }

// claimed reports whether it believes to own anything.
func (w *worker) claimed() bool {
	for _, c := range w.claims {
		if c != nil {
			return true
		}
	}
	return false
}
