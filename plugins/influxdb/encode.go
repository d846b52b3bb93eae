package influxdb

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// encoder turns messages into lines.
type encoder struct {
	bucket      string
	bucketOf    *template // nil: all use bucket
	measurement *template // nil: messages are points already
	tags        *bloblang.Executor
	tagsTraced  *bloblang.Executor // tags in traceEnvironment; nil if it does not compile there
	tagsOther   *bloblang.Executor // see otherOf; nil: none
	fields      *bloblang.Executor
	timestamp   *bloblang.Executor
	form        form
	maxLine     int // bytes, with the newline
}

func newEncoder(conf config) *encoder {
	return &encoder{
		conf.bucket, conf.bucketOf, conf.measurement, conf.tags, conf.tagsTraced, conf.tagsOther, conf.fields, conf.timestamp,
		form{replace: conf.onUnsupported == onUnsupportedReplace, unsigned: conf.unsigned}, conf.maxBodyBytes,
	}
}

// encode appends the points of a batch to l and returns the refusals.
//
// With mappings, each message becomes one point. Without, a message that is an object is
// a point, {measurement, tags, fields, timestamp}, and any other is line protocol.
// Messages without a point are counted in l.
func (e *encoder) encode(batch service.MessageBatch, l *lines) []refusal {
	batch = withoutMarks(batch)
	l.bucket = e.bucket
	l.times.begin()
	r := encoding{encoder: e, batch: batch, lines: l, scratch: pointScratch{form: e.form}}
	if e.bucketOf != nil {
		r.buckets = e.bucketOf.of(batch)
	}
	if e.measurement != nil {
		r.mapped = e.mapping(batch)
	}
	for i := range batch {
		r.message(i)
	}
	return r.refusals
}

// encoding is the state of encoding one batch.
type encoding struct {
	*encoder
	batch    service.MessageBatch
	lines    *lines
	refusals []refusal
	scratch  pointScratch
	buckets  *filling      // nil: one bucket for all
	mapped   *mappedPoints // nil: messages are points already
}

func (r *encoding) message(i int) {
	message := r.batch[i]
	if message.HasStructured() {
		r.point(i, nil)
		return
	}
	content, err := message.AsBytes()
	if err != nil {
		r.refuse(i, err)
		return
	}
	switch first := firstOf(content); {
	case first == '{':
		r.point(i, content)
	case r.mapped != nil:
		r.point(i, nil)
	case blank(content):
		r.lines.blank++
	default:
		if err := noText(content); err != nil {
			r.refuse(i, err)
		} else if r.choose(i) {
			r.text(i, content)
		}
	}
}

// choose sets the bucket of the lines that are added next. If message i has none, it
// refuses the message and returns false.
func (r *encoding) choose(i int) bool {
	if r.buckets == nil {
		return true
	}
	bucket, err := r.buckets.text(i)
	if err == nil && bucket == "" {
		err = errNoBucket
	} else if err != nil {
		err = noBucket{err}
	}
	if err != nil {
		r.refuse(i, err)
		return false
	}
	r.lines.bucket = bucket
	return true
}

func (r *encoding) refuse(i int, err error) {
	r.refusals = append(r.refusals, refusedHere(i, nil, err))
}

// point appends the point of message i. json is the content of the message if it is a
// JSON object that is not parsed yet.
func (r *encoding) point(i int, json []byte) {
	l := r.lines
	mark := len(l.buf)
	p, err := r.pointOf(i, json)
	if errors.Is(err, errBlank) {
		l.blank++
		return
	}
	if err == nil {
		l.buf, err = r.scratch.append(l.buf, p)
	}
	if err == nil && len(l.buf)-mark >= r.maxLine {
		err = errLineTooLong
	}
	if err != nil {
		if r.mapped != nil && isArray(r.batch[i]) {
			err = fmt.Errorf("%w (%w)", err, errArray) // a mapping finds no keys in an array
		}
		l.buf = l.buf[:mark]
		r.refuse(i, err)
		return
	}
	if !r.choose(i) {
		l.buf = l.buf[:mark]
		return
	}
	l.times.check(p.ns, i)
	l.add(i)
	if i == 0 {
		l.grow(len(r.batch)-1, len(l.buf)) // assuming that all are as long
	}
}

// pointOf returns the point of message i, from the mappings or from its object.
func (r *encoding) pointOf(i int, json []byte) (point, error) {
	if json != nil {
		if err := checkJSON(json); err != nil {
			return point{}, err
		}
	}
	if r.mapped != nil {
		return r.mapped.point(i)
	}
	value, err := r.batch[i].AsStructured()
	if err != nil {
		hint := ""
		if strings.Contains(err.Error(), "multiple") { // Benthos's error for several documents
			hint = "; split it, with `unarchive: { format: lines }`"
		}
		return point{}, fmt.Errorf("reading the message as JSON: %w%s", err, hint)
	}
	object, ok := value.(map[string]any)
	if _, array := value.([]any); array {
		return point{}, errArray
	}
	if !ok {
		return point{}, fmt.Errorf("a structured message must be an object {measurement, tags, fields, timestamp}, this is %s", valuetype.Of(value))
	}
	return pointOf(object)
}

// text appends a message of line protocol. Each invalid line is refused by itself: in a
// request it could affect its neighbours.
//
// Consecutive lines that are sent unchanged are copied in one piece. If all of them are,
// and the message is the only one of its batch, they are not copied at all.
func (r *encoding) text(message int, content []byte) {
	l := r.lines
	// content[copied:at] are lines that are noted, but not in l.buf yet.
	copied, at, points := 0, 0, 0
	for {
		line, rest := lineproto.NextLine(content[at:])
		if len(line.Bytes) == 0 {
			break
		}
		taken := content[at : len(content)-len(rest)]
		if points++; points == 1 {
			l.grow(len(content)/len(taken), 0) // assuming that all are as long
		}
		var err error
		switch {
		case line.Err != nil:
			err = fmt.Errorf("the line %w", line.Err)
		case !line.Timed():
			err = errNoTime
		case len(line.Bytes) >= r.maxLine:
			err = errLineTooLong
		default:
			l.times.checkDigits(line.Stamp, message)
			if asSent(taken, line.Bytes) {
				at += len(taken)
				l.note(message, len(l.buf)+at-copied)
				continue
			}
		}
		l.buf = append(l.buf, content[copied:at]...)
		at += len(taken)
		copied = at
		if err != nil {
			r.refusals = append(r.refusals, refusedHere(message, line.Bytes, err))
			continue
		}
		l.buf = append(l.buf, line.Bytes...)
		l.add(message)
	}
	if len(r.batch) == 1 && copied == 0 {
		l.borrow(content[:at])
	} else {
		l.buf = append(l.buf, content[copied:at]...)
	}
}

// asSent reports whether taken, the bytes of a message that a line was read from, are the
// line and one newline, without anything that was skipped.
func asSent(taken, line []byte) bool {
	return len(taken) == len(line)+1 && taken[0] == line[0] && taken[len(line)] == '\n'
}
