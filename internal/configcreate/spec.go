// Package configcreate writes a configuration to start from: the named components, with
// a value for each required field and a mark where a value must be replaced.
//
// Benthos's own create sets optional fields to their examples and leaves required lists
// empty, so its output fails Benthos's own lint.
package configcreate

import (
	"encoding/json"
	"fmt"
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
	Children   []field `json:"children"`

	// One of them has the values of an enumeration, the second with descriptions.
	Options          []string    `json:"options"`
	AnnotatedOptions [][2]string `json:"annotated_options"`
}

// required reports whether a configuration must set the field.
func (f field) required() bool { return !f.Optional && f.Default == nil }

// option returns the first value of an enumeration, or the empty text. The lint rule of
// the field does not have it in a form that all components share.
func (f field) option() string {
	switch {
	case len(f.Options) > 0:
		return f.Options[0]
	case len(f.AnnotatedOptions) > 0:
		return f.AnnotatedOptions[0][0]
	}
	return ""
}

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
