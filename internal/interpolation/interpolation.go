// Package interpolation finds the expressions ${! … } of a setting, and those without a
// value. Benthos interpolates a missing key as the text null, which is no name of a topic
// or tenant and no key of a record.
package interpolation

import (
	"bytes"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// Expressions returns the expressions in a text, and whether the text is nothing but one.
// As in Benthos, an expression ends at the first closing brace before which it is
// complete. An expression that uses functions of a private Bloblang environment is not
// returned: it cannot be evaluated here, and is not checked.
func Expressions(text string) (sources []string, alone bool) {
	all := text
	for {
		_, rest, more := strings.Cut(text, "${")
		if !more {
			return sources, alone
		}
		text = rest
		if strings.HasPrefix(text, "{!") { // escaped: ${{!text}} is ${!text}
			_, text, _ = strings.Cut(text, "}}")
			continue
		}
		if text, more = strings.CutPrefix(text, "!"); !more {
			continue
		}
		for end := range len(text) {
			if text[end] != '}' {
				continue
			}
			source := strings.TrimSpace(text[:end])
			if _, err := bloblang.Parse(Mapping(source)); err != nil {
				continue
			}
			sources = append(sources, source)
			alone = len(all) == len("${!")+end+len("}")
			text = text[end+1:]
			break
		}
	}
}

// Mapping returns a mapping for Value: an array with the value of an expression.
func Mapping(source string) string { return "root = [ (" + source + ") ]" }

// Value returns the value of an expression: nil for null, and for an expression that
// assigns nothing. ok reports whether it could be evaluated.
func Value(mapping *service.MessageBatchBloblangExecutor, i int) (value any, ok bool) {
	result, err := mapping.Query(i)
	if err != nil || result == nil {
		return nil, false
	}
	array, err := result.AsStructured()
	if err != nil {
		return nil, false
	}
	elements, ok := array.([]any)
	if !ok || len(elements) == 0 { // deleted(), or an if without else
		return nil, ok
	}
	return elements[0], true
}

// Nulls finds expressions of a setting that are null. Text that a method such as .string()
// makes of null is not found.
type Nulls struct {
	Alone    bool // the setting is one expression
	sources  []string
	mappings []*bloblang.Executor
}

// NullsOf returns nil if the text has no expressions.
func NullsOf(text string) *Nulls {
	n := &Nulls{}
	n.sources, n.Alone = Expressions(text)
	for _, source := range n.sources {
		mapping, err := bloblang.Parse(Mapping(source))
		if err != nil {
			return nil // not possible: it was parsed before
		}
		n.mappings = append(n.mappings, mapping)
	}
	if len(n.mappings) == 0 {
		return nil
	}
	return n
}

// Of returns what finds them in the messages of a batch.
func (n *Nulls) Of(batch service.MessageBatch) *Finder { return &Finder{nulls: n, batch: batch} }

// Finder finds the expressions that are null for messages of a batch.
type Finder struct {
	nulls    *Nulls
	batch    service.MessageBatch
	mappings []*service.MessageBatchBloblangExecutor // made when first needed
}

var null = []byte("null")

// Find returns an expression that is null for message i, if there is one. text is how
// Benthos has interpolated the setting: only if it contains null is anything evaluated.
func (f *Finder) Find(i int, text []byte) (source string, found bool) {
	if !bytes.Contains(text, null) {
		return "", false
	}
	if f.mappings == nil {
		for _, m := range f.nulls.mappings {
			f.mappings = append(f.mappings, f.batch.BloblangExecutor(m))
		}
	}
	for at, mapping := range f.mappings {
		if value, ok := Value(mapping, i); ok && value == nil {
			return f.nulls.sources[at], true
		}
	}
	return "", false
}
