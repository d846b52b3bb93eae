package influxdb

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// Values of order.
const (
	orderNone   = "none"
	orderSeries = "series"
)

// ordered reports whether lines of one series are written one request after the other.
func (c config) ordered() bool {
	return c.order == orderSeries || c.requestsInFlight == 1 && c.maxInFlight == 1
}

const maxLanes = 256

// lanes returns the number of shares of a bucket's series, each of which has one request
// at a time; 0 means that series are not distinguished.
func (c config) lanes() int {
	if c.order == orderSeries && c.requestsInFlight > 1 {
		return min(c.requestsInFlight, maxLanes)
	}
	return 0
}

// turn adds the lines of calls to the queue in the order in which the calls began:
// encoding takes some calls longer than others.
type turn struct{ before, own chan struct{} }

// turn must be called when a call begins. The result must be passed to write.
func (c *committer) turn() turn {
	if !c.ordered {
		return turn{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := turn{c.last, make(chan struct{})}
	c.last = t.own
	return t
}

// wait waits for earlier calls, which wait for nothing else.
func (t turn) wait() {
	if t.before != nil {
		<-t.before
	}
}

func (t turn) end() {
	if t.own != nil {
		close(t.own)
	}
}

var seriesSeed = maphash.MakeSeed()

// seriesOf returns a hash of measurement and tags, independent of the order of the tags,
// and where the rest of the line begins. Two series can have the same hash.
func seriesOf(line []byte) (hash uint64, rest int) {
	from, measurement := 0, true
	for i := 0; ; i++ {
		switch {
		case i == len(line) || line[i] == ' ' || line[i] == ',':
			h := maphash.Bytes(seriesSeed, line[from:i])
			if measurement {
				h *= 31 // a tag must not hash like a measurement
			}
			hash += h
			if i == len(line) || line[i] == ' ' {
				return hash, i
			}
			from, measurement = i+1, false
		case line[i] == '\\':
			i++ // an escaped character is not a delimiter
			if i == len(line) {
				i--
			}
		}
	}
}

// pointOfLine returns a hash of series and time.
func pointOfLine(line []byte) uint64 {
	series, _ := seriesOf(line)
	time := line[bytes.LastIndexByte(line, ' ')+1:]
	return series ^ maphash.Bytes(seriesSeed, time)*31
}

// intoLanes sorts the lines of a call by the lane of their series, and keeps the
// order within each.
func (cl *call) intoLanes(lanes int) {
	l := &cl.lines
	if lanes < 2 || l.len() == 0 {
		return
	}
	s := &cl.sorted
	s.buf = slices.Grow(s.buf, len(l.buf))
	s.ends = slices.Grow(s.ends, l.len())
	s.from = slices.Grow(s.from, l.len())
	from := 0
	numbers := make([]uint8, l.len())
	for _, r := range l.runs {
		for number := range lanes {
			s.bucket = r.bucket
			began := len(s.ends)
			for i := from; i < r.to; i++ {
				if number == 0 {
					hash, _ := seriesOf(l.line(i))
					numbers[i] = uint8(hash % uint64(lanes)) // below maxLanes
				}
				if int(numbers[i]) == number {
					s.buf = append(s.buf, l.buf[l.start(i):l.ends[i]]...)
					s.ends = append(s.ends, len(s.buf))
					s.from = append(s.from, l.from[i])
				}
			}
			if len(s.ends) > began {
				s.runs = append(s.runs, run{bucket: r.bucket, to: len(s.ends), lane: number})
			}
		}
		from = r.to
	}
	cl.lines, cl.sorted = cl.sorted, cl.lines
}
