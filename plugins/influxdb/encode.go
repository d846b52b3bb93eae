package influxdb

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// encoder turns messages into lines.
type encoder struct {
	bucket      string
	bucketOf    *service.InterpolatedString // nil: bucket, for all
	measurement *service.InterpolatedString // nil: messages are points already
	tags        *bloblang.Executor
	fields      *bloblang.Executor
	timestamp   *bloblang.Executor
	replace     bool // what line protocol cannot carry
	maxLine     int  // bytes, with the newline
}

func newEncoder(conf config) *encoder {
	return &encoder{conf.bucket, conf.bucketOf, conf.measurement, conf.tags, conf.fields, conf.timestamp, conf.onUnsupported == onUnsupportedReplace, conf.maxBodyBytes}
}

// encode appends the points of a batch to l and returns what cannot be one.
//
// With mappings, each message makes one point. Without, a message that is an
// object is a point, {measurement, tags, fields, timestamp}, and any other is
// line protocol.
func (e *encoder) encode(batch service.MessageBatch, l *lines) []refusal {
	var (
		refusals []refusal
		scratch  = pointScratch{replace: e.replace}
		mapped   *mappedPoints
		buckets  *service.MessageBatchInterpolationExecutor
	)
	l.bucket = e.bucket
	if e.bucketOf != nil {
		buckets = batch.InterpolationExecutor(e.bucketOf)
	}
	if e.measurement != nil {
		mapped = e.mapping(batch)
	}
	for i, message := range batch {
		var err error
		mark := len(l.buf)
		if buckets != nil {
			l.bucket, err = bucketOf(buckets, i)
		}
		switch {
		case err != nil:
		case mapped != nil:
			var p point
			if p, err = mapped.point(i); err == nil {
				l.buf, err = scratch.append(l.buf, p)
			}
		case message.HasStructured():
			err = e.structured(message, l, &scratch)
		default:
			var content []byte
			if content, err = message.AsBytes(); err != nil {
				break
			}
			if text := bytes.TrimLeft(content, " \t\r\n"); len(text) > 0 && text[0] == '{' {
				err = e.structured(message, l, &scratch)
				break
			}
			refusals = e.lines(content, i, len(batch) == 1, l, refusals)
			continue
		}
		if err == nil && len(l.buf)-mark >= e.maxLine {
			err = errLineTooLong
		}
		if err != nil {
			l.buf = l.buf[:mark]
			refusals = append(refusals, refusedHere(i, nil, err))
			continue
		}
		l.add(i)
		if i == 0 {
			l.grow(len(batch)-1, len(l.buf)) // as if all were as long
		}
	}
	return refusals
}

// errBucket is what every error of bucketOf is, but an empty name.
var errBucket = errors.New("filling in bucket")

func bucketOf(buckets *service.MessageBatchInterpolationExecutor, i int) (string, error) {
	bucket, err := buckets.TryString(i)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", errBucket, err)
	case bucket == "":
		return "", errNoBucket
	}
	return bucket, nil
}

// structured appends a message that is an object.
func (e *encoder) structured(message *service.Message, l *lines, scratch *pointScratch) error {
	value, err := message.AsStructured()
	if err != nil {
		return fmt.Errorf("reading the message as JSON: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("a structured message must be an object {measurement, tags, fields, timestamp}, this is %s", kindOf(value))
	}
	p, err := pointOf(object)
	if err != nil {
		return err
	}
	l.buf, err = scratch.append(l.buf, p)
	return err
}

// lines appends a message of line protocol. Each line that can be seen to be
// wrong is refused by itself: among others it could take its neighbours along.
//
// Lines that stand in the message as they are sent are copied in one piece. If
// all of them do, and the message is alone in its batch, they are not copied.
func (e *encoder) lines(content []byte, message int, alone bool, l *lines, refusals []refusal) []refusal {
	// content[copied:at] is lines that are noted, and not in l.buf yet.
	copied, at, points := 0, 0, 0
	for {
		line, rest := lineproto.NextLine(content[at:])
		if len(line.Bytes) == 0 {
			break
		}
		taken := content[at : len(content)-len(rest)]
		if points++; points == 1 {
			l.grow(len(content)/len(taken), 0) // as if all were as long
		}
		var err error
		switch {
		case line.Err != nil:
			err = fmt.Errorf("the line %w", line.Err)
		case !line.Timed:
			err = errNoTime
		case len(line.Bytes) >= e.maxLine:
			err = errLineTooLong
		case asSent(taken, line.Bytes):
			at += len(taken)
			l.note(message, len(l.buf)+at-copied)
			continue
		}
		l.buf = append(l.buf, content[copied:at]...)
		at += len(taken)
		copied = at
		if err != nil {
			refusals = append(refusals, refusedHere(message, line.Bytes, err))
			continue
		}
		l.buf = append(l.buf, line.Bytes...)
		l.add(message)
	}
	switch {
	case points == 0:
		refusals = append(refusals, refusedHere(message, nil, errNoPoints))
	case alone && copied == 0:
		l.borrow(content[:at])
	default:
		l.buf = append(l.buf, content[copied:at]...)
	}
	return refusals
}

// asSent says whether what was taken off a message for a line is this line, one
// newline, and nothing else. A line does not begin with what is skipped before one.
func asSent(taken, line []byte) bool {
	return len(taken) == len(line)+1 && taken[0] == line[0] && taken[len(line)] == '\n'
}

// mappedPoints makes points of messages by the mappings of the configuration.
type mappedPoints struct {
	batch       service.MessageBatch
	measurement *service.MessageBatchInterpolationExecutor
	tags        *service.MessageBatchBloblangExecutor
	fields      *service.MessageBatchBloblangExecutor
	timestamp   *service.MessageBatchBloblangExecutor
}

func (e *encoder) mapping(batch service.MessageBatch) *mappedPoints {
	m := &mappedPoints{
		batch:       batch,
		measurement: batch.InterpolationExecutor(e.measurement),
		fields:      batch.BloblangExecutor(e.fields),
		timestamp:   batch.BloblangExecutor(e.timestamp),
	}
	if e.tags != nil {
		m.tags = batch.BloblangExecutor(e.tags)
	}
	return m
}

func (m *mappedPoints) point(i int) (p point, err error) {
	if p.measurement, err = m.measurement.TryString(i); err != nil {
		return p, fmt.Errorf("filling in measurement: %w", err)
	}
	if m.tags != nil {
		if p.tags, err = object(fieldTags, m.tags, i); err != nil {
			return p, err
		}
	}
	if p.fields, err = object(fieldFields, m.fields, i); err != nil {
		return p, err
	}
	value, err := mapped(fieldTimestamp, m.timestamp, i)
	if err != nil {
		return p, err
	}
	p.ns, err = nanoseconds(value)
	return p, err
}

func object(field string, mapping *service.MessageBatchBloblangExecutor, i int) (map[string]any, error) {
	value, err := mapped(field, mapping, i)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("mapping %s: it must give an object, this is %s", field, kindOf(value))
	}
	return object, nil
}

// mapped is what a mapping gives for message i. QueryValue would be shorter, but
// gives a mapping no `this`.
func mapped(field string, mapping *service.MessageBatchBloblangExecutor, i int) (any, error) {
	m, err := mapping.Query(i)
	switch {
	case err != nil:
		return nil, fmt.Errorf("mapping %s: %w", field, err)
	case m == nil:
		return nil, fmt.Errorf("mapping %s: it must not delete the message: filter before this output", field)
	case !m.HasStructured(): // a string, or null
		text, err := m.AsBytes()
		if err != nil || string(text) == "null" {
			return nil, err
		}
		return text, nil
	}
	return m.AsStructured()
}
