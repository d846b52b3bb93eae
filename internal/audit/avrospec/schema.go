// Package avrospec reads Avro data by the text of the Apache Avro specification
// (1.12, https://avro.apache.org/docs/1.12.0/specification/) and by nothing
// else: it shares no code with the decoder of the pipeline, nor with the library
// behind that, so that a mistake in one of them shows when the two are compared.
//
// It takes what comes from outside: any bytes are a value or an error, in
// bounded time and memory. Logical types are left out, as the specification
// allows: a value is that of the type underneath.
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

// String is the name of the type in a schema.
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

// node is a type. A named type that is used again is the same node, so the
// nodes of a recursive type are a cycle.
type node struct {
	kind     Kind
	name     string  // full name of a record, enum or fixed
	logical  string  // name of the logical type, or ""
	fields   []field // of a record
	symbols  []string
	items    *node // of an array; the values of a map
	branches []*node
	size     int // of a fixed, in bytes
}

type field struct {
	name string
	node *node
}

// Type describes a type of a schema, as far as it must be known to use its
// values.
type Type struct {
	Kind    Kind
	Name    string   // full name of a record, enum or fixed
	Logical string   // name of the logical type, or ""
	Symbols []string // of an enum
	Fields  []Field  // of the record that a schema is, or is a union of
	Union   []Type   // branches of a union
}

// Field is a field of a record.
type Field struct {
	Name string
	Type Type
}

// Type describes the schema: the fields of the record that it is, or of the
// records that it is a union of, and the branches of unions. What lies deeper is
// left out.
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

// Canonical is the schema's Parsing Canonical Form: two schemas with the same
// one read the same data alike.
func (s *Schema) Canonical() string { return s.canonical }

// Fingerprint is the CRC-64-AVRO of the canonical form, little-endian, as it
// stands in the header of a single object.
func (s *Schema) Fingerprint() [8]byte { return fingerprint(s.canonical) }
