package influxdb

import "slices"

// lines are points as line protocol, in one reusable buffer.
type lines struct {
	buf  []byte
	own  []byte  // the buffer, while buf is borrowed
	ends []int   // where line i ends in buf, after its newline
	from []int32 // index of the message of line i in the batch
	runs []run   // the buckets of the lines

	blank int // messages without a point: blank lines and comments
	times unlikelyTimes

	bucket   string // of the lines that are added next
	borrowed bool   // buf is a message, and read-only
}

// run is a sequence of lines of one bucket: from the end of the previous run to line to,
// exclusive.
type run struct {
	bucket string
	to     int
	lane   int // see intoLanes
}

func (l *lines) reset() {
	if l.borrowed {
		l.buf, l.own, l.borrowed = l.own, nil, false
	}
	l.buf, l.ends, l.from = l.buf[:0], l.ends[:0], l.from[:0]
	clear(l.runs)
	l.runs = l.runs[:0]
	l.blank = 0
}

func (l *lines) len() int { return len(l.ends) }

// start returns where line i begins; l.start(l.len()) is the length of buf.
func (l *lines) start(i int) int {
	if i == 0 {
		return 0
	}
	return l.ends[i-1]
}

// line returns line i without its newline. It aliases buf.
func (l *lines) line(i int) []byte { return l.buf[l.start(i) : l.ends[i]-1] }

// add makes a line of message m of the bytes appended to buf since the last line, and
// appends a newline.
func (l *lines) add(m int) {
	l.buf = append(l.buf, '\n')
	l.note(m, len(l.buf))
}

// note records that the next line, of message m, ends at end, after its newline. Its bytes
// must be in buf before anything else is added.
func (l *lines) note(m, end int) {
	l.ends = append(l.ends, end)
	l.from = append(l.from, int32(m))
	if n := len(l.runs); n > 0 && l.runs[n-1].bucket == l.bucket {
		l.runs[n-1].to++
		return
	}
	l.runs = append(l.runs, run{bucket: l.bucket, to: len(l.ends)})
}

// Limits of the memory that grow reserves by an estimate.
const (
	maxGuess      = 1 << 16 // lines
	maxGuessBytes = 1 << 20
)

// grow reserves memory for about n more lines of size bytes in buf.
func (l *lines) grow(n, size int) {
	n = min(n+n/4+1, maxGuess)
	l.ends = slices.Grow(l.ends, n)
	l.from = slices.Grow(l.from, n)
	l.buf = slices.Grow(l.buf, min(n*size, maxGuessBytes))
}

// borrow uses a message as buf, until reset. It is never written to: an append copies it
// first.
func (l *lines) borrow(content []byte) {
	l.own, l.buf, l.borrowed = l.buf, slices.Clip(content), true
}
