package avrospec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of a schema.
const (
	maxSchemaBytes = 1 << 20
	maxSchemaDepth = 500 // depth of nested types
	// maxTypes is how many types a schema has when each type is written out at every
	// use, but not within itself: records nested as a graph double them at each step.
	maxTypes = 4096
)

// Parse reads a schema in JSON. The schemas that it refers to come first, each after
// the schemas that it refers to.
func Parse(schema []byte, references ...[]byte) (*Schema, error) {
	size := len(schema)
	for _, r := range references {
		size += len(r)
	}
	if size > maxSchemaBytes {
		return nil, fmt.Errorf("parsing an Avro schema: it has %d bytes, more than %d", size, maxSchemaBytes)
	}
	p := parser{named: map[string]*node{}}
	for _, r := range references {
		if _, err := p.text(r); err != nil {
			return nil, fmt.Errorf("parsing an Avro schema that another refers to: %w", err)
		}
	}
	root, err := p.text(schema)
	if err == nil {
		if n := expanded(root, map[*node]int{}); n > maxTypes {
			err = fmt.Errorf("written out, it has more than %d types", maxTypes)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("parsing an Avro schema: %w", err)
	}
	return &Schema{root: root, canonical: canonical(root)}, nil
}

// expanded counts types and stops soon after maxTypes. sizes has the named types
// counted so far, and 1 for those that are being counted.
func expanded(n *node, sizes map[*node]int) int {
	if size, ok := sizes[n]; ok {
		return size
	}
	if n.name != "" {
		sizes[n] = 1
	}
	parts := slices.Clone(n.branches)
	for _, f := range n.fields {
		parts = append(parts, f.node)
	}
	if n.items != nil {
		parts = append(parts, n.items)
	}
	size := 1
	for _, part := range parts {
		if size <= maxTypes {
			size += expanded(part, sizes)
		}
	}
	size = min(size, maxTypes+1)
	if n.name != "" {
		sizes[n] = size
	}
	return size
}

// text parses one schema. The next one may use its names.
func (p *parser) text(schema []byte) (*node, error) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(schema, []byte("\ufeff"))))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more text follows it")
		}
	}
	if err != nil {
		return nil, err
	}
	return p.parse(v, "", 0)
}

type parser struct {
	named map[string]*node // by full name
}

// parse reads the schema v, which is part of a type in this namespace.
func (p *parser) parse(v any, namespace string, depth int) (*node, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("types are nested more than %d deep", maxSchemaDepth)
	}
	switch v := v.(type) {
	case string:
		return p.reference(v, namespace)
	case []any:
		return p.union(v, namespace, depth)
	case map[string]any:
		return p.object(v, namespace, depth)
	}
	return nil, fmt.Errorf("%v is not a type: it must be a name, an object or an array", v)
}

func (p *parser) reference(name, namespace string) (*node, error) {
	if kind := slices.Index(kindNames[:Record], name); kind >= 0 {
		return &node{kind: Kind(kind)}, nil
	}
	full := name
	if !strings.Contains(name, ".") && namespace != "" {
		full = namespace + "." + name
	}
	if n, ok := p.named[full]; ok {
		return n, nil
	}
	return nil, fmt.Errorf("unknown type %q", full)
}

func (p *parser) union(branches []any, namespace string, depth int) (*node, error) {
	n := &node{kind: Union}
	var seen []string
	for _, v := range branches {
		branch, err := p.parse(v, namespace, depth+1)
		if err != nil {
			return nil, err
		}
		if branch.kind == Union {
			return nil, errors.New("a union is directly inside a union")
		}
		name := branch.kind.String()
		if branch.name != "" {
			name = branch.name
		}
		if slices.Contains(seen, name) {
			return nil, fmt.Errorf("a union has the type %s twice", name)
		}
		seen = append(seen, name)
		n.branches = append(n.branches, branch)
	}
	return n, nil
}

func (p *parser) object(o map[string]any, namespace string, depth int) (*node, error) {
	kind, ok := o["type"].(string)
	if !ok {
		return nil, errors.New("a type has no attribute type, or it is not a name")
	}
	n := &node{}
	n.logical, _ = o["logicalType"].(string)
	var err error
	switch kind {
	case "array":
		n.kind = Array
		n.items, err = p.parse(o["items"], namespace, depth+1)
	case "map":
		n.kind = Map
		n.items, err = p.parse(o["values"], namespace, depth+1)
	case "record", "enum", "fixed":
		n.kind = Kind(slices.Index(kindNames[:], kind))
		err = p.namedType(n, o, namespace, depth)
	default:
		var of *node
		if of, err = p.reference(kind, namespace); err == nil {
			if of.name != "" {
				return of, nil
			}
			n.kind = of.kind
		}
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (p *parser) namedType(n *node, o map[string]any, namespace string, depth int) error {
	var err error
	if n.name, err = fullName(o, namespace); err != nil {
		return err
	}
	if _, taken := p.named[n.name]; taken {
		return fmt.Errorf("the type %s is defined twice", n.name)
	}
	p.named[n.name] = n // before its fields, which may use it
	switch n.kind {
	case Record:
		err = p.fields(n, o, depth)
	case Enum:
		err = symbols(n, o)
	default:
		size, ok := o["size"].(json.Number)
		number, notInt := size.Int64()
		if !ok || notInt != nil || number < 0 || number > 1<<30 {
			return fmt.Errorf("the size of %s is %v, not a number of bytes", n.name, o["size"])
		}
		n.size = int(number)
	}
	return err
}

func (p *parser) fields(n *node, o map[string]any, depth int) error {
	fields, ok := o["fields"].([]any)
	if !ok {
		return fmt.Errorf("the record %s has no array of fields", n.name)
	}
	seen := map[string]bool{}
	for i, v := range fields {
		f, _ := v.(map[string]any)
		name, _ := f["name"].(string)
		if !isName(name) {
			return fmt.Errorf("field %d of %s has the invalid name %q", i, n.name, name)
		}
		if seen[name] {
			return fmt.Errorf("the record %s has the field %s twice", n.name, name)
		}
		seen[name] = true
		of, err := p.parse(f["type"], namespaceOf(n.name), depth+1)
		if err != nil {
			return fmt.Errorf("field %s of %s: %w", name, n.name, err)
		}
		n.fields = append(n.fields, field{name, of})
	}
	return nil
}

func symbols(n *node, o map[string]any) error {
	list, ok := o["symbols"].([]any)
	if !ok {
		return fmt.Errorf("the enum %s has no array of symbols", n.name)
	}
	for _, v := range list {
		symbol, _ := v.(string)
		if !isName(symbol) {
			return fmt.Errorf("the enum %s has the invalid symbol %v", n.name, v)
		}
		if slices.Contains(n.symbols, symbol) {
			return fmt.Errorf("the enum %s has the symbol %s twice", n.name, symbol)
		}
		n.symbols = append(n.symbols, symbol)
	}
	return nil
}

// fullName returns the full name of a named type ("Names" in the specification).
func fullName(o map[string]any, namespace string) (string, error) {
	name, _ := o["name"].(string)
	for part := range strings.SplitSeq(name, ".") {
		if !isName(part) {
			return "", fmt.Errorf("a %v has the invalid name %q", o["type"], name)
		}
	}
	if strings.Contains(name, ".") {
		return name, nil
	}
	if own, ok := o["namespace"].(string); ok {
		namespace = own
	}
	if namespace == "" {
		return name, nil
	}
	for part := range strings.SplitSeq(namespace, ".") {
		if !isName(part) {
			return "", fmt.Errorf("%s has the invalid namespace %q", name, namespace)
		}
	}
	return namespace + "." + name, nil
}

func namespaceOf(full string) string {
	if dot := strings.LastIndexByte(full, '.'); dot >= 0 {
		return full[:dot]
	}
	return ""
}

// isName reports whether s is [A-Za-z_][A-Za-z0-9_]*.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
