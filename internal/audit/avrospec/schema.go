// Package avrospec reads Avro data as the Apache Avro specification defines it (1.12,
// https://avro.apache.org/docs/1.12.0/specification/). It shares no code with the
// decoder of the pipeline or the library behind that, so that a comparison of the two
// shows a mistake in either.
//
// Its input is untrusted: any bytes result in a value or an error, in bounded time and
// memory. Logical types are ignored, as the specification allows: a value has the type
// underneath.
package avrospec

import (
	"fmt"
)

// Kind is a type of Avro.
type Kind uint8

// The types of Avro.
const (
	Null Kind = iota
	Boolean
	Int
	Long
	Float
	Double
	Bytes
	String
	Record
	Enum
	Array
	Map
	Union
	Fixed
)

var kindNames = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string",
	"record", "enum", "array", "map", "union", "fixed"}

// String returns the name of the type in a schema.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// Schema is a parsed schema. It can be used by many goroutines at once.
type Schema struct {
	root      *node
	canonical string
}

// node is a type. A named type that is used again is the same node, so the nodes of a
// recursive type form a cycle.
type node struct {
	kind     Kind
	name     string  // full name, for a record, enum or fixed
	logical  string  // name of the logical type, or ""
	fields   []field // for a record
	symbols  []string
	items    *node // for an array; the values of a map
	branches []*node
	size     int // for a fixed, in bytes
}

type field struct {
	name string
	node *node
}

// Type describes a type of a schema, as far as readers of its values need it.
type Type struct {
	Kind    Kind
	Name    string   // full name, for a record, enum or fixed
	Logical string   // name of the logical type, or ""
	Symbols []string // for an enum
	Fields  []Field  // for the schema's record, or records of its union
	Union   []Type   // the branches of a union
}

// Field is a field of a record.
type Field struct {
	Name string
	Type Type
}

// Type returns a description of the schema: the fields of its record, or of the records
// in its union, and the branches of unions. Deeper types are left out.
func (s *Schema) Type() Type { return s.root.describe(true) }

func (n *node) describe(fields bool) Type {
	t := Type{Kind: n.kind, Name: n.name, Logical: n.logical, Symbols: n.symbols}
	for _, branch := range n.branches {
		t.Union = append(t.Union, branch.describe(fields))
	}
	if fields {
		for _, f := range n.fields {
			t.Fields = append(t.Fields, Field{f.name, f.node.describe(false)})
		}
	}
	return t
}

// Canonical returns the schema's Parsing Canonical Form. Two schemas with the same form
// read the same data in the same way.
func (s *Schema) Canonical() string { return s.canonical }

// Fingerprint returns the CRC-64-AVRO of the canonical form, little-endian, as in the
// header of a single object.
func (s *Schema) Fingerprint() [8]byte { return fingerprint(s.canonical) }
