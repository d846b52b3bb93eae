package avro

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/avro"
)

// Bounds of a writer's schema, which may come from a registry.
const (
	// MaxSchemaBytes bounds its text, including the schemas it refers to.
	MaxSchemaBytes = 1 << 20
	// MaxTypes bounds how many types it has when each named type is written out at
	// every use, except within itself. Otherwise 60 records of two fields each, nested
	// as a graph, would be 2^60 types.
	MaxTypes = 4096
	// maxNesting bounds the depth of nested type definitions.
	maxNesting = 500
)

// kind is a type of Avro.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindRecord
	kindEnum
	kindArray
	kindMap
	kindUnion
	kindFixed
)

var kindNames = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string",
	"record", "enum", "array", "map", "union", "fixed"}

func (k kind) String() string { return kindNames[k] }

// primitives are the types that a schema uses without defining them.
var primitives = func() map[string]kind {
	m := map[string]kind{}
	for k := kindNull; k <= kindString; k++ {
		m[k.String()] = k
	}
	return m
}()

// node is a type of a schema. Every use of a named type is the same node, so
// that the nodes of a recursive type form a cycle.
type node struct {
	kind     kind
	name     string // full name, for a record, enum or fixed
	logical  string // logical type, for a primitive
	fields   []field
	symbols  []string
	items    *node // for an array; the values of a map
	branches []*node
	size     int64 // for a fixed
}

type field struct {
	name string
	node *node
}

// parse reads a writer's schema. The schemas it refers to come first, each after the
// schemas that it refers to itself.
func parse(schema string, references []string) (*avro.Schema, *node, error) {
	size := len(schema)
	for _, r := range references {
		size += len(r)
	}
	if size > MaxSchemaBytes {
		return nil, nil, fmt.Errorf("parsing an Avro schema: it has %d bytes, more than %d", size, MaxSchemaBytes)
	}
	// Some editors write a byte order mark at the beginning of a file.
	parsed, err := parseReferring(strings.TrimPrefix(schema, "\ufeff"), references)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	c := compiler{named: map[string]*node{}}
	root, err := c.compile(parsed.String())
	if err == nil && root.types(map[*node]int{}) > MaxTypes {
		err = fmt.Errorf("it has more than %d types when each is written out at every use", MaxTypes)
	}
	if err != nil {
		return nil, nil, unreadable(err)
	}
	return parsed, root, nil
}

// unreadable returns a short error: the library's names all enclosing types, which is
// 45 KB for 3,000 arrays.
func unreadable(err error) error {
	text := err.Error()
	return errors.New("parsing an Avro schema: " + text[:min(len(text), 500)])
}

func parseReferring(schema string, references []string) (*avro.Schema, error) {
	if len(references) == 0 {
		return avro.Parse(schema)
	}
	var cache avro.SchemaCache
	for _, r := range references {
		if _, err := cache.Parse(r); err != nil {
			return nil, fmt.Errorf("in a schema that it refers to: %w", err)
		}
	}
	return cache.Parse(schema)
}

// types counts n and all types that it consists of, up to a little more than MaxTypes.
// counted has the named types seen so far: 0 while they are being counted.
func (n *node) types(counted map[*node]int) int {
	if known, ok := counted[n]; ok {
		return max(1, known)
	}
	if n.name != "" {
		counted[n] = 0
	}
	total := 1
	add := func(of *node) {
		if total <= MaxTypes {
			total += of.types(counted)
		}
	}
	for _, f := range n.fields {
		add(f.node)
	}
	for _, b := range n.branches {
		add(b)
	}
	if n.items != nil {
		add(n.items)
	}
	total = min(total, MaxTypes+1)
	if n.name != "" {
		counted[n] = total
	}
	return total
}

// compiler creates nodes from the text of a schema that avro.Parse has accepted.
type compiler struct {
	named map[string]*node // by full name
	depth int
}

func (c *compiler) compile(schema string) (*node, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(schema))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return c.of(v, "")
}

// of returns the node of v, which is part of a type in this namespace.
func (c *compiler) of(v any, namespace string) (n *node, err error) {
	if c.depth > maxNesting {
		return nil, fmt.Errorf("its types are nested more than %d deep", maxNesting)
	}
	c.depth++
	defer func() { c.depth-- }()
	switch v := v.(type) {
	case string:
		return c.byName(v, namespace)
	case []any:
		n = &node{kind: kindUnion}
		for _, branch := range v {
			b, err := c.of(branch, namespace)
			if err != nil {
				return nil, err
			}
			n.branches = append(n.branches, b)
		}
		return n, nil
	case map[string]any:
		return c.object(v, namespace)
	}
	return nil, fmt.Errorf("a type is a %T, not a name, an object or an array", v)
}

func (c *compiler) byName(name, namespace string) (*node, error) {
	if k, ok := primitives[name]; ok {
		return &node{kind: k}, nil
	}
	for _, full := range []string{join(namespace, name), name} {
		if n := c.named[full]; n != nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("unknown type %.200q", name)
}

func (c *compiler) object(o map[string]any, namespace string) (n *node, err error) {
	name, ok := o["type"].(string)
	if !ok {
		return nil, errors.New("the attribute type of a type is not a name")
	}
	n = &node{}
	switch name {
	case "array":
		n.kind = kindArray
		n.items, err = c.of(o["items"], namespace)
	case "map":
		n.kind = kindMap
		n.items, err = c.of(o["values"], namespace)
	case "record", "error":
		n.kind = kindRecord
		err = c.record(n, o, namespace)
	case "enum":
		n.kind = kindEnum
		c.name(n, o, namespace)
		n.symbols, err = names(o["symbols"])
	case "fixed":
		n.kind = kindFixed
		c.name(n, o, namespace)
		size, _ := o["size"].(json.Number)
		n.size, err = size.Int64()
	default:
		of, err := c.byName(name, namespace)
		if err != nil || of.name != "" {
			return of, err
		}
		n.kind = of.kind
		n.logical, _ = o["logicalType"].(string)
	}
	return n, err
}

// name sets the full name of n, and makes n known to the types that follow.
func (c *compiler) name(n *node, o map[string]any, namespace string) {
	name, _ := o["name"].(string)
	if own, ok := o["namespace"].(string); ok {
		namespace = own
	}
	n.name = join(namespace, name)
	c.named[n.name] = n
}

func (c *compiler) record(n *node, o map[string]any, namespace string) error {
	c.name(n, o, namespace)
	namespace, _ = cutLast(n.name)
	fields, ok := o["fields"].([]any)
	if !ok {
		return errors.New("a record has no array of fields")
	}
	for _, v := range fields {
		f, _ := v.(map[string]any)
		name, _ := f["name"].(string)
		of, err := c.of(f["type"], namespace)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, field{name, of})
	}
	return nil
}

func names(v any) (all []string, err error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("an enum has no array of symbols")
	}
	for _, v := range list {
		name, ok := v.(string)
		if !ok {
			return nil, errors.New("a symbol of an enum is not a name")
		}
		all = append(all, name)
	}
	return all, nil
}

// join returns the full name of a type in a namespace. A name with a dot is a full
// name.
func join(namespace, name string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// cutLast splits a full name into the namespace and the name.
func cutLast(full string) (namespace, name string) {
	if i := strings.LastIndexByte(full, '.'); i >= 0 {
		return full[:i], full[i+1:]
	}
	return "", full
}
