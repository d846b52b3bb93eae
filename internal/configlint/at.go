package configlint

import (
	"slices"
	"strings"
)

// Value is a scalar of a configuration with its variables replaced, as Benthos reads
// it.
type Value struct {
	Text      string
	Variables []string // the variables in it, set or not
}

// Values returns the scalars at some paths, such as http.address. Paths that the
// configuration does not set are absent.
func (l *Linter) Values(text []byte, paths ...string) map[string]Value {
	found := uses(text, l.lookup)
	c := l.read(text, found)
	if c.root == nil {
		return nil // Invalid YAML: Benthos reports it.
	}
	values := map[string]Value{}
	for _, p := range c.places {
		if !slices.Contains(paths, p.path) {
			continue
		}
		value := Value{p.node.Value, slices.Clone(c.from[p.path])}
		for _, u := range found {
			// The default of a variable leaves no mark, so it is found by its position
			// and text.
			if !u.set && u.line == p.node.Line && u.value != "" && strings.Contains(value.Text, u.value) {
				value.Variables = append(value.Variables, u.name)
			}
		}
		values[p.path] = value
	}
	return values
}

// Hide returns a function that masks the secrets of a configuration in a text.
func (l *Linter) Hide(text []byte) func(string) string {
	return l.read(text, uses(text, l.lookup)).hidden
}

// Unset returns a finding for each variable that is not set and has no default.
func (l *Linter) Unset(text []byte) []Finding { return missing(uses(text, l.lookup)) }
