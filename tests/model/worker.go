package model

// reading is what a worker has read at once, and must have stored before it may
// commit past it.
type reading struct {
	partition *partition
	base      int64 // offset that the design keys the points by
	from      int64 // first offset that was read
	next      int64 // where the worker reads on
	records   []record

	points points // as they were written last
	stored bool   // acked
}

// claim is a partition that a worker believes to own.
type claim struct {
	position int64 // where it reads on
	prefix   int64 // all before is acked
	readings []*reading
}

// settle moves the prefix over what is acked without a gap.
func (c *claim) settle() {
	for len(c.readings) > 0 && c.readings[0].stored {
		c.prefix = c.readings[0].next
		c.readings = c.readings[1:]
	}
}

// worker is one process. What it believes is true only while it is a member of
// the group's generation: a paused or cut off one goes on with its old claims.
type worker struct {
	name       string
	dead       bool
	generation int      // the last that it took part in
	claims     []*claim // by partition, nil: not its own
	stamped    int64    // points so far, for the design that counts them
}

// unstored gives what it has read and not seen acked.
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

// forget drops all claims, as a worker does that stops or learns that it is out.
func (w *worker) forget() { clear(w.claims) }

// claimed says whether it believes to own anything.
func (w *worker) claimed() bool {
	for _, c := range w.claims {
		if c != nil {
			return true
		}
	}
	return false
}
