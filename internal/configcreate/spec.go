// Package configcreate writes a configuration to start from: the named components, with
// a value for each required field and a mark where a value must be replaced.
//
// Benthos's own create sets optional fields to their examples and leaves required lists
// empty, so its output fails Benthos's own lint.
package configcreate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// field is a field of the schema in Benthos's JSON.
type field struct {
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Kind       string  `json:"kind"`
	Default    *any    `json:"default"`
	Optional   bool    `json:"is_optional"`
	Advanced   bool    `json:"is_advanced"`
	Deprecated bool    `json:"is_deprecated"`
	Examples   []any   `json:"examples"`
	Linter     string  `json:"linter"`
	Children   []field `json:"children"`
}

// required reports whether a configuration must set the field.
func (f field) required() bool { return !f.Optional && f.Default == nil }

// scalar reports whether the field has one value, or one object, rather than a list or map.
func (f field) scalar() bool { return f.Kind == "" || f.Kind == "scalar" }

// schema has the fields of a configuration, and those of each component by type and
// name.
type schema struct {
	root       []field
	components map[string]map[string]field
}

// plurals are the JSON names of the component types.
var plurals = map[string]string{
	"input": "inputs", "processor": "processors", "output": "outputs", "buffer": "buffers", "cache": "caches",
	"rate_limit": "rate-limits", "metrics": "metrics", "tracer": "tracers", "scanner": "scanners",
}

func parse(text []byte) (*schema, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	s := &schema{components: map[string]map[string]field{}}
	if err := json.Unmarshal(all["config"], &s.root); err != nil {
		return nil, err
	}
	for kind, plural := range plurals {
		var components []struct {
			Name   string `json:"name"`
			Config field  `json:"config"`
		}
		if len(all[plural]) == 0 {
			continue
		}
		if err := json.Unmarshal(all[plural], &components); err != nil {
			return nil, fmt.Errorf("%s: %w", plural, err)
		}
		s.components[kind] = map[string]field{}
		for _, c := range components {
			s.components[kind][c.Name] = c.Config
		}
	}
	return s, nil
}

func (s *schema) has(kind, name string) bool {
	_, is := s.components[kind][name]
	return is
}

// names returns the names of all components of a type.
func (s *schema) names(kind string) (names []string) {
	for name := range s.components[kind] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// option matches the list of an enumeration's values in a lint rule of Benthos.
var option = regexp.MustCompile(`(?s)let options = \{\s*"([^"]+)": true`)
