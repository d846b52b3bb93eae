package influxdb

import (
	"context"
	"slices"
	"time"
)

// delivery is the state of sending one request.
type delivery struct {
	*sender
	r *request
	// heard is true once the server has accepted a request, so that a rejection is the
	// fault of a line and not of the whole request.
	heard bool
	// misled is true if an answer has blamed lines that were then accepted. Such a
	// server's information about lines is ignored from then on, so that the number of
	// requests stays bounded.
	misled bool
	// isolating is true if some of the current lines are at fault, and no answer says
	// which.
	isolating bool
	packed    []byte // the body of lines that are not adjacent

	// With order: series, isolated lines, the later lines of their series, and these
	// series.
	waiting []int
	held    map[uint64]bool
}

// deliver sends some lines of the request, in order, until each has its verdict, and
// reports whether all are stored.
//
// A request that is too large is halved. If one is rejected, the lines that the answer
// blames are separated from the rest (see blamed). If it blames none, the request is
// halved until a rejected line is by itself or the answer is certain about each line. The
// same happens if a request keeps failing, with any answer, while its bucket accepts
// other points (see suspicious). Good lines are then written more than once, which
// changes nothing.
//
// suspect is true if a rejected line is known to be among them. Then the whole need not
// be tried: of two halves of a rejected request, the second is suspect if the first is
// good. So k rejected lines among n cost at most about 2·k·log2(n) requests, and 2 or 3
// if the server identifies them.
func (d *delivery) deliver(set []int, suspect bool) (good bool, err error) {
	var (
		guilty  blame
		tooMany bool // bytes
	)
	if set = d.unheld(set); len(set) == 0 {
		return false, nil
	}
	if !suspect || len(set) == 1 {
		answered, b, err := d.try(set)
		if err != nil {
			return false, err
		}
		guilty, tooMany = b, answered.verdict == verdictSplit
		switch {
		case answered.verdict == verdictStored:
			d.heard = true
			d.r.accept(set)
			return true, nil
		case answered.unclear && len(set) == 1:
			return false, d.isolated(set[0], answered)
		case answered.unclear:
			was := d.isolating
			d.isolating = true
			defer func() {
				d.isolating = was
				if good {
					d.witness.flapped(d.r.bucket)
				}
			}()
		case len(set) == 1 || guilty.all(len(set)):
			for i, line := range set {
				d.r.refuse(line, answered, guilty.reason(i, answered))
			}
			return false, nil
		}
	}
	d.metrics.splits.Incr(1)
	if n := len(guilty.lines); n > 0 && n < len(set) && !d.misled && !d.samePoint(set, guilty) {
		return d.part(set, guilty)
	}
	middle := len(set) / 2
	good, err = d.deliver(set[:middle], false)
	if err != nil {
		return false, err
	}
	rest, err := d.deliver(set[middle:], good && !tooMany && !d.isolating)
	return good && rest, err
}

// samePoint reports whether a blamed line and another one are values of the same point.
// They must not be separated: if the blame is wrong, the earlier line would be written
// last.
func (d *delivery) samePoint(set []int, guilty blame) bool {
	blamed := make(map[uint64]bool, len(guilty.lines))
	for _, i := range guilty.lines {
		blamed[pointOfLine(d.r.lines.line(set[i]))] = true
	}
	for i, line := range set {
		if _, found := slices.BinarySearch(guilty.lines, i); !found && blamed[pointOfLine(d.r.lines.line(line))] {
			return true
		}
	}
	return false
}

// part delivers the lines that are not blamed, then the blamed ones.
func (d *delivery) part(set []int, guilty blame) (good bool, err error) {
	var rest, blamed []int
	for i, line := range set {
		if _, found := slices.BinarySearch(guilty.lines, i); found {
			blamed = append(blamed, line)
		} else {
			rest = append(rest, line)
		}
	}
	if good, err = d.deliver(rest, false); err != nil {
		return false, err
	}
	wrongly, err := d.deliver(blamed, false)
	d.misled = d.misled || wrongly
	return good && wrongly, err
}

// try posts lines until the verdict is stored, split, rejected or unclear, and reads what
// the answer says about them. Its errors are those of the context.
func (d *delivery) try(set []int) (decision, blame, error) {
	line := func(i int) []byte { return d.r.lines.line(set[i]) }
	pause := newPause(d.conf)
	watch := d.witness.watch(d.r.bucket)
	defer watch.end()
	var (
		failures int
		refusals bool
	)
	for {
		answered, err := d.once(d.r.ctx, d.r.bucket, d.body(set), len(set))
		if err != nil {
			return decision{}, blame{}, err
		}
		if answered.class == classBucket {
			d.notes.well()
			return answered, everyone(len(set)), nil
		}
		guilty := blamed(answered, len(set), line)
		if answered.verdict == verdictRejected && len(set) == 1 && !guilty.all(1) {
			if !d.heard {
				if answered, err = d.doubt(answered); err != nil {
					return decision{}, blame{}, err
				}
			}
		}
		if answered.verdict == verdictRejected && !answered.explained() && len(guilty.lines) == 0 {
			answered.verdict = verdictMisconfigured
		}
		if answered.verdict <= verdictRejected {
			d.notes.well()
			if refusals && answered.verdict == verdictStored {
				d.witness.flapped(d.r.bucket)
			}
			return answered, guilty, nil
		}
		failures++
		if answered.unclear, err = d.suspicious(set, answered, failures, watch); answered.unclear || err != nil {
			return answered, blame{}, err
		}
		refusals = refusals || answered.isRefusal()
		if answered.verdict == verdictMisconfigured {
			d.notes.complain(answered, d.r.about(set))
			if err := d.r.committer.disconnect(d.r); err != nil {
				return decision{}, blame{}, err
			}
			failures, pause = 0, newPause(d.conf)
			watch.renew()
			continue
		}
		wait := pause.next(answered)
		d.notes.failure(answered, d.r.about(set), wait)
		if err := sleep(d.r.ctx, wait); err != nil {
			return decision{}, blame{}, err
		}
		d.metrics.retries.Incr(1)
	}
}

// doubt checks whether the server accepts a request without points before a rejected line
// is believed to be at fault: a proxy, or a wrong setting, would reject every line, one
// by one.
func (d *delivery) doubt(answered decision) (decision, error) {
	empty, err := d.once(d.r.ctx, d.r.bucket, nil, 0)
	if err != nil {
		return decision{}, err
	}
	switch {
	case empty.verdict == verdictRejected && empty.reason == answered.reason:
		answered.verdict = verdictMisconfigured
	case empty.verdict == verdictRetry, empty.verdict == verdictMisconfigured:
		return empty, nil
	default:
		d.heard = true
	}
	return answered, nil
}

// body returns the body of lines. It is valid until the next call.
func (d *delivery) body(set []int) []byte {
	l := &d.r.lines
	first, last := set[0], set[len(set)-1]
	if last-first == len(set)-1 {
		return l.buf[l.start(first):l.ends[last]]
	}
	d.packed = d.packed[:0]
	for _, i := range set {
		d.packed = append(d.packed, l.buf[l.start(i):l.ends[i]]...)
	}
	return d.packed
}

// everyone returns a blame of all n lines with the answer's reason.
func everyone(n int) blame {
	b := blame{certain: true}
	for i := range n {
		b.lines = append(b.lines, i)
	}
	return b
}

// once sends one request. Its only error is that of the context.
func (s *sender) once(ctx context.Context, bucket string, body []byte, points int) (decision, error) {
	began := time.Now()
	a, wire := s.post(ctx, bucket, body)
	if a.err != nil && ctx.Err() != nil {
		return decision{}, ctx.Err()
	}
	d := judge(a, time.Now())
	if points > 0 && s.conf.bucketOf != nil && (bucketMissing(d) || bucketRefused(d)) {
		// The name comes from a message, so no setting is wrong, and no other message has
		// to wait.
		d.verdict, d.class = verdictRejected, classBucket
	}
	if d.verdict == verdictStored && points > 0 {
		s.witness.accepted(bucket)
	}
	s.metrics.request(d.verdict, points, len(body), wire, time.Since(began))
	return d, nil
}
