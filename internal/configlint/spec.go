package configlint

import (
	"encoding/json"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// field is the schema of a field.
type field struct {
	Name         string  `json:"name"`
	Type         string  `json:"type"`
	Kind         string  `json:"kind"`
	Secret       bool    `json:"is_secret"`
	Interpolated bool    `json:"interpolated"`
	Linter       string  `json:"linter"`
	Scrubber     string  `json:"scrubber"` // a secret, or a URL with a password, that Benthos hides
	Default      any     `json:"default"`
	Examples     []any   `json:"examples"`
	Children     []field `json:"children"`
}

// component is the schema of a component.
type component struct {
	Name   string `json:"name"`
	Config field  `json:"config"`
}

// spec is the whole schema: the fields of a configuration, and those of each component
// by type and name.
type spec struct {
	root       field
	components map[string]map[string]field
}

// specOf reads a schema. No other public interface has the types of fields.
func specOf(schema *service.ConfigSchema) (*spec, error) {
	text, err := schema.MarshalJSONV0()
	if err != nil {
		return nil, err
	}
	var full struct {
		Config     []field     `json:"config"`
		Buffers    []component `json:"buffers"`
		Caches     []component `json:"caches"`
		Inputs     []component `json:"inputs"`
		Outputs    []component `json:"outputs"`
		Processors []component `json:"processors"`
		RateLimits []component `json:"rate-limits"`
		Metrics    []component `json:"metrics"`
		Tracers    []component `json:"tracers"`
		Scanners   []component `json:"scanners"`
	}
	if err := json.Unmarshal(text, &full); err != nil {
		return nil, err
	}
	s := &spec{root: field{Type: "object", Kind: "scalar", Children: full.Config}, components: map[string]map[string]field{}}
	for kind, components := range map[string][]component{
		"buffer": full.Buffers, "cache": full.Caches, "input": full.Inputs, "output": full.Outputs, "processor": full.Processors,
		"rate_limit": full.RateLimits, "metrics": full.Metrics, "tracer": full.Tracers, "scanner": full.Scanners,
	} {
		byName := make(map[string]field, len(components))
		for _, c := range components {
			byName[c.Name] = c.Config
		}
		s.components[kind] = byName
	}
	return s, nil
}
