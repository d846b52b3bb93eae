package avrospec

import (
	"errors"
	"fmt"
)

// Value is the value of a field. It is not a copy.
type Value struct {
	Kind Kind // for a union: the branch of the value
	// Bytes are the content of a string, bytes or fixed, and the encoded form of a
	// float, double, record, array or map. They alias the input.
	Bytes []byte
	// Int is the number of an int or long, and 0 or 1 of a boolean.
	Int int64
	// Symbol is the symbol of an enum.
	Symbol string
	// Name is the full name of a record, enum or fixed.
	Name string
	// Logical is the name of the logical type, or "".
	Logical string
}

// Selection reads some fields of a record and skips the others.
type Selection struct {
	root    *node
	records []selectedRecord // the record, or each branch of the union
	size    int
}

type selectedRecord struct {
	err    error // the reason why it is not wanted, or nil
	fields []selected
}

type selected struct {
	node *node
	slot int // position in the result; -1: skipped
}

// Select prepares to read these fields of the schema's record or, for a union, of each
// of its records. wanted returns the reason why a type is not wanted, which Read then
// returns for each value of that type. At least one type must be wanted and have all
// the fields.
func (s *Schema) Select(wanted func(Type) error, names ...string) (*Selection, error) {
	sel := &Selection{root: s.root, size: len(names)}
	records := []*node{s.root}
	if s.root.kind == Union {
		records = s.root.branches
	}
	err := errors.New("the schema is an empty union")
	some := false
	for _, record := range records {
		var one selectedRecord
		if one.err = wanted(record.describe(true)); one.err == nil {
			one.fields, one.err = record.selectFields(names)
		}
		some = some || one.err == nil
		if one.err != nil {
			err = one.err
		}
		sel.records = append(sel.records, one)
	}
	if !some {
		return nil, err
	}
	return sel, nil
}

func (n *node) selectFields(names []string) (fields []selected, err error) {
	if n.kind != Record {
		return nil, fmt.Errorf("the schema is %s, not a record", n.kind)
	}
	slots := map[string]int{}
	for i, name := range names {
		slots[name] = i
	}
	for _, f := range n.fields {
		slot, ok := slots[f.name]
		if !ok {
			slot = -1
		}
		delete(slots, f.name)
		fields = append(fields, selected{f.node, slot})
	}
	for _, name := range names {
		if _, missing := slots[name]; missing {
			return nil, fmt.Errorf("the record %s has no field %s", n.name, name)
		}
	}
	return fields, nil
}

// Read reads the record in b, which must be used up, into values, which has the length
// and order of the selected names. It does not allocate.
//
// Selected fields are checked as in Decode, except inside records, arrays and maps. For
// all others only the framing is checked, as the specification allows for fields that a
// reader does not use: the value of a boolean or an enum and the UTF-8 of strings do
// not matter there, and the byte counts of blocks are trusted.
func (s *Selection) Read(b []byte, values []Value) error {
	_ = values[:s.size]
	w := wire{b: b, depth: 1, steps: maxSteps + stepsPerByte*len(b)}
	which := int64(0)
	if s.root.kind == Union {
		w.depth++
		var err error
		if which, err = w.branch(s.root); err != nil {
			return err
		}
	}
	if err := s.records[which].err; err != nil {
		return err
	}
	fields := s.records[which].fields
	for i := range fields {
		f := &fields[i]
		var err error
		if f.slot < 0 {
			err = w.skip(f.node)
		} else {
			err = w.read(f.node, &values[f.slot])
		}
		if err != nil {
			return err
		}
	}
	if w.i != len(b) {
		return ErrTrailing
	}
	return nil
}

func (w *wire) read(n *node, v *Value) (err error) {
	if n.kind == Union {
		if err := w.enter(); err != nil {
			return err
		}
		defer func() { w.depth-- }()
		which, err := w.branch(n)
		if err != nil {
			return err
		}
		n = n.branches[which]
	}
	*v = Value{Kind: n.kind, Name: n.name, Logical: n.logical}
	switch n.kind {
	case String:
		v.Bytes, err = w.string()
	case Bytes:
		v.Bytes, err = w.bytes()
	case Fixed:
		v.Bytes, err = w.take(n.size)
	case Int:
		v.Int, err = w.int()
	case Long:
		v.Int, err = w.long()
	case Boolean:
		var is bool
		if is, err = w.boolean(); is {
			v.Int = 1
		}
	case Enum:
		var i int64
		if i, err = w.enum(n); err == nil {
			v.Symbol = n.symbols[i]
		}
	default:
		start := w.i
		if err = w.skip(n); err == nil {
			v.Bytes = w.b[start:w.i:w.i]
		}
	}
	return err
}

// skip skips a value.
func (w *wire) skip(n *node) (err error) {
	if err := w.step(); err != nil {
		return err
	}
	switch n.kind {
	case Null:
	case Boolean:
		_, err = w.take(1)
	case Int, Enum:
		_, err = w.int()
	case Long:
		_, err = w.long()
	case Float:
		_, err = w.take(4)
	case Double:
		_, err = w.take(8)
	case Bytes, String:
		_, err = w.bytes()
	case Fixed:
		_, err = w.take(n.size)
	default:
		if err := w.enter(); err != nil {
			return err
		}
		err = w.skipInside(n)
		w.depth--
	}
	return err
}

func (w *wire) skipInside(n *node) error {
	switch n.kind {
	case Union:
		which, err := w.branch(n)
		if err != nil {
			return err
		}
		return w.skip(n.branches[which])
	case Record:
		for _, f := range n.fields {
			if err := w.skip(f.node); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		if err := w.step(); err != nil {
			return err
		}
		count, size, err := w.block()
		switch {
		case err != nil || count == 0:
			return err
		case size > int64(len(w.b)-w.i):
			return ErrTruncated
		case size >= 0:
			w.i += int(size)
			continue
		}
		for range count {
			if n.kind == Map {
				if _, err := w.bytes(); err != nil {
					return err
				}
			}
			if err := w.skip(n.items); err != nil {
				return err
			}
		}
	}
}
