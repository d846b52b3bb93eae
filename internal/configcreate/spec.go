// Package configcreate writes the configuration that a person starts from: of named
// components, with a value for each required field and a mark where their own belongs.
//
// Benthos's own create writes examples of optional fields as if they were set, and
// nothing for required lists, so its own lint refuses the result.
package configcreate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// field is a field of the schema, as Benthos writes it in JSON.
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

// schema is the fields of a configuration, and of each component by type and name.
type schema struct {
	root       []field
	components map[string]map[string]field
}

// plurals are the names that the JSON has for the types of components.
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

// names are those of all components of a type.
func (s *schema) names(kind string) (names []string) {
	for name := range s.components[kind] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// option is how a lint rule of Benthos lists the values of an enumeration.
var option = regexp.MustCompile(`(?s)let options = \{\s*"([^"]+)": true`)
