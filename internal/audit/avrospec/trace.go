package avrospec

import (
	"strconv"
	"strings"
)

// Traced is a value of a datum that is neither a record, nor an array or a map.
type Traced struct {
	From, To int // its bytes are b[From:To]
	Value    any // as in Decode
	steps    []traceStep
}

// Path returns where in the datum the value is, such as user.tags[3].
func (t *Traced) Path() string { return pathOf(t.steps) }

// traceStep leads from a value to one inside it.
type traceStep struct {
	name  string // of a field, or the key of a map
	index int    // of the item of an array; -1 otherwise
}

func pathOf(steps []traceStep) string {
	var path strings.Builder
	for _, s := range steps {
		switch {
		case s.index >= 0:
			path.WriteString("[" + strconv.Itoa(s.index) + "]")
		case path.Len() == 0:
			path.WriteString(s.name)
		default:
			path.WriteString("." + s.name)
		}
	}
	return path.String()
}

// Trace reads the single value in b as Decode does, and passes each value inside it to
// visit, in the order of the bytes, until an error. stopped is then where the value
// begins that could not be read, and path where in the datum that is.
func (s *Schema) Trace(b []byte, visit func(*Traced)) (stopped int, path string, err error) {
	t := tracer{wire: wire{b: b, steps: maxSteps + stepsPerByte*len(b)}, visit: visit}
	if err := t.value(s.root); err != nil {
		return t.begun, pathOf(t.path), err
	}
	if t.i != len(b) {
		return t.i, "", ErrTrailing
	}
	return t.i, "", nil
}

type tracer struct {
	wire
	path  []traceStep
	begun int // start of the value, length or number that is being read
	visit func(*Traced)
}

func (t *tracer) value(n *node) error {
	t.begun = t.i
	if err := t.step(); err != nil {
		return err
	}
	switch n.kind {
	case Union, Array, Map, Record:
	default:
		from := t.i
		v, err := t.wire.value(n)
		if err == nil {
			t.visit(&Traced{from, t.i, v, t.path})
		}
		return err
	}
	if err := t.enter(); err != nil {
		return err
	}
	switch n.kind {
	case Union:
		which, err := t.branch(n)
		if err == nil {
			err = t.value(n.branches[which])
		}
		if err != nil {
			return err
		}
	case Record:
		for _, f := range n.fields {
			if err := t.inside(traceStep{f.name, -1}, f.node); err != nil {
				return err
			}
		}
	default:
		if err := t.items(n); err != nil {
			return err
		}
	}
	t.depth--
	return nil
}

// inside reads a value inside another. After an error the path leads to its cause.
func (t *tracer) inside(step traceStep, n *node) error {
	t.path = append(t.path, step)
	err := t.value(n)
	if err == nil {
		t.path = t.path[:len(t.path)-1]
	}
	return err
}

func (t *tracer) items(n *node) error {
	for index := 0; ; {
		t.begun = t.i
		count, size, err := t.block()
		if err != nil || count == 0 {
			return err
		}
		head, start := t.begun, t.i
		for range count {
			step := traceStep{"", index}
			if n.kind == Map {
				t.begun = t.i
				key, err := t.string()
				if err != nil {
					return err
				}
				step = traceStep{string(key), -1}
			}
			if err := t.inside(step, n.items); err != nil {
				return err
			}
			index++
		}
		if size >= 0 && size != int64(t.i-start) {
			t.begun = head
			return ErrBlock
		}
	}
}
