package avrospec

import (
	"encoding/binary"
	"strconv"
)

// canonical returns the Parsing Canonical Form ("Transforming into Parsing Canonical
// Form" in the specification). Names are [A-Za-z0-9_.], so no string needs an escape.
func canonical(root *node) string {
	return string(appendCanonical(nil, root, map[string]bool{}))
}

// appendCanonical appends the form of n. written has the named types that came before:
// a type that occurs again is written as its name.
func appendCanonical(b []byte, n *node, written map[string]bool) []byte {
	if n.name != "" {
		if written[n.name] {
			return appendQuoted(b, n.name)
		}
		written[n.name] = true
	}
	switch n.kind {
	case Union:
		b = append(b, '[')
		for i, branch := range n.branches {
			b = appendCanonical(comma(b, i), branch, written)
		}
		return append(b, ']')
	case Array:
		b = appendCanonical(append(b, `{"type":"array","items":`...), n.items, written)
	case Map:
		b = appendCanonical(append(b, `{"type":"map","values":`...), n.items, written)
	case Enum:
		b = append(appendNamed(b, n), `,"symbols":[`...)
		for i, symbol := range n.symbols {
			b = appendQuoted(comma(b, i), symbol)
		}
		b = append(b, ']')
	case Fixed:
		b = strconv.AppendInt(append(appendNamed(b, n), `,"size":`...), int64(n.size), 10)
	case Record:
		b = append(appendNamed(b, n), `,"fields":[`...)
		for i, f := range n.fields {
			b = appendQuoted(append(comma(b, i), `{"name":`...), f.name)
			b = append(appendCanonical(append(b, `,"type":`...), f.node, written), '}')
		}
		b = append(b, ']')
	default:
		return appendQuoted(b, n.kind.String())
	}
	return append(b, '}')
}

func appendNamed(b []byte, n *node) []byte {
	b = appendQuoted(append(b, `{"name":`...), n.name)
	return appendQuoted(append(b, `,"type":`...), n.kind.String())
}

func appendQuoted(b []byte, s string) []byte {
	return append(append(append(b, '"'), s...), '"')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// emptyCRC is the fingerprint of an empty input, from the specification's code.
const emptyCRC = 0xc15d213aa4d7a795

var crcTable = func() (table [256]uint64) {
	for i := range table {
		crc := uint64(i)
		for range 8 {
			crc = crc>>1 ^ emptyCRC&-(crc&1)
		}
		table[i] = crc
	}
	return table
}()

func fingerprint(canonical string) (sum [8]byte) {
	crc := uint64(emptyCRC)
	for i := range len(canonical) {
		crc = crc>>8 ^ crcTable[byte(crc)^canonical[i]]
	}
	binary.LittleEndian.PutUint64(sum[:], crc)
	return sum
}
