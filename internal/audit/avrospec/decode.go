package avrospec

// Decode reads the single value in b, which must be used up. It returns
//
//   - nil, bool, float32, float64 for null, boolean, float, double,
//   - int64 for int and long,
//   - []byte for bytes and fixed, which alias b,
//   - string for string and for the symbol of an enum,
//   - []any for array, map[string]any for map and record,
//   - and for a union the value of its branch.
//
// It accepts nothing that the specification does not allow.
func (s *Schema) Decode(b []byte) (any, error) {
	w := wire{b: b}
	v, err := w.value(s.root)
	if err == nil && w.i != len(b) {
		err = ErrTrailing
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (w *wire) value(n *node) (any, error) {
	switch n.kind {
	case Null:
		return nil, nil
	case Boolean:
		return w.boolean()
	case Int:
		return w.int()
	case Long:
		return w.long()
	case Float:
		return w.float()
	case Double:
		return w.double()
	case Bytes:
		return w.bytes()
	case Fixed:
		return w.take(n.size)
	case String:
		s, err := w.string()
		return string(s), err
	case Enum:
		i, err := w.enum(n)
		if err != nil {
			return nil, err
		}
		return n.symbols[i], nil
	}
	if err := w.enter(); err != nil {
		return nil, err
	}
	defer func() { w.depth-- }()
	switch n.kind {
	case Union:
		which, err := w.branch(n)
		if err != nil {
			return nil, err
		}
		return w.value(n.branches[which])
	case Array:
		items := []any{}
		err := w.blocks(func() error {
			v, err := w.value(n.items)
			items = append(items, v)
			return err
		})
		return items, err
	case Map:
		values := map[string]any{}
		err := w.blocks(func() error {
			key, err := w.string()
			if err != nil {
				return err
			}
			if _, twice := values[string(key)]; twice {
				return ErrKey
			}
			v, err := w.value(n.items)
			values[string(key)] = v
			return err
		})
		return values, err
	default: // Record
		fields := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			v, err := w.value(f.node)
			if err != nil {
				return nil, err
			}
			fields[f.name] = v
		}
		return fields, nil
	}
}

// blocks reads the items of an array or map one by one.
func (w *wire) blocks(item func() error) error {
	for {
		count, size, err := w.block()
		if err != nil || count == 0 {
			return err
		}
		start := w.i
		for range count {
			at := w.i
			if err := item(); err != nil {
				return err
			}
			if w.i == at {
				if w.empty++; w.empty > maxEmptyItems {
					return ErrItems
				}
			}
		}
		if size >= 0 && size != int64(w.i-start) {
			return ErrBlock
		}
	}
}
