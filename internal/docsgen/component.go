package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// A component is the content of a component's page.
type component struct {
	Name        string
	Type        string // input, processor, output, …
	Status      string
	Summary     string
	Description string
	Footnotes   string
	Examples    []service.TemplatDataPluginExample
	// CommonYAML and AdvancedYAML are configs with the defaults of the common fields
	// and of all fields.
	CommonYAML   string
	AdvancedYAML string
	Fields       []field
}

// A field is a config field, at any depth.
type field struct {
	// Path is the name with the names of its parents: `tls.enabled`, `brands[].name`.
	Path        string
	Description string
	Type        string
	Default     string // as JSON; empty if there is none
	Required    bool   // a config must set it
	With        string // if not empty, Required applies only if this field is set
	Advanced    bool
	Secret      bool
	Interpolate bool
	Bloblang    bool
	Options     [][2]string // value and, if known, its meaning
	Examples    []string    // as YAML, with the field's name
}

// spec is the part of ConfigView.FormatJSON that TemplateData lacks: which fields are
// optional, and the types of lists' elements.
type spec struct {
	Config fieldSpec `json:"config"`
}

type fieldSpec struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Kind       string      `json:"kind"`
	Default    *any        `json:"default"`
	Advanced   bool        `json:"is_advanced"`
	Deprecated bool        `json:"is_deprecated"`
	Optional   bool        `json:"is_optional"`
	Bloblang   bool        `json:"bloblang"`
	Children   []fieldSpec `json:"children"`

	// with is the closest parent that is optional.
	with string
}

// required reports whether a config without the field is rejected. An object is
// required if one of its own fields is.
func (f fieldSpec) required() bool {
	if f.Default != nil || f.Optional || f.Deprecated {
		return false
	}
	if f.Type == "object" && f.Kind == "scalar" && len(f.Children) > 0 {
		return slices.ContainsFunc(f.Children, fieldSpec.required)
	}
	return true
}

// Common returns the fields that most configs set, Advanced the others, for the tables.
// The fields of TLS are left out: they are the same everywhere.
func (c component) Common() []field   { return c.only(false) }
func (c component) Advanced() []field { return c.only(true) }

func (c component) only(advanced bool) []field {
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f field) bool {
		return f.Advanced != advanced || strings.Contains("."+f.Path, ".tls.")
	})
}

// componentsOf returns the components of env that are also in ours, in the order of a
// pipeline: inputs first, outputs last. Benthos formats the defaults of child
// components, so env must also have the stock components.
func componentsOf(env, ours *service.Environment) ([]component, error) {
	views := map[string]*service.ConfigView{}
	walk(env, func(kind, name string, view *service.ConfigView) { views[kind+" "+name] = view })

	var found []component
	var errs []error
	walk(ours, func(kind, name string, _ *service.ConfigView) {
		view, ok := views[kind+" "+name]
		if !ok {
			errs = append(errs, fmt.Errorf("the %s %s does not register itself", kind, name))
			return
		}
		c, err := componentFrom(view)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading the spec of %s: %w", name, err))
			return
		}
		found = append(found, c)
	})
	if len(found) == 0 {
		errs = append(errs, errors.New("there is no component"))
	}
	return found, errors.Join(errs...)
}

// walk visits the kinds of components that this project has. An empty environment still
// has stock scanners, metrics and tracers, so these cannot be told apart.
func walk(env *service.Environment, visit func(kind, name string, view *service.ConfigView)) {
	for _, w := range []struct {
		kind string
		walk func(func(string, *service.ConfigView))
	}{
		{"input", env.WalkInputs},
		{"processor", env.WalkProcessors},
		{"output", env.WalkOutputs},
	} {
		w.walk(func(name string, view *service.ConfigView) { visit(w.kind, name, view) })
	}
}

func componentFrom(view *service.ConfigView) (component, error) {
	data, err := view.TemplateData()
	if err != nil {
		return component{}, fmt.Errorf("generating its template data: %w", err)
	}
	raw, err := view.FormatJSON()
	if err != nil {
		return component{}, fmt.Errorf("formatting it: %w", err)
	}
	var s spec
	if err := json.Unmarshal(raw, &s); err != nil {
		return component{}, fmt.Errorf("parsing it: %w", err)
	}
	common, err := runnable(data.CommonConfigYAML, data.Name, s.Config.Children)
	if err != nil {
		return component{}, fmt.Errorf("reading its common config: %w", err)
	}
	advanced, err := runnable(data.AdvancedConfigYAML, data.Name, s.Config.Children)
	if err != nil {
		return component{}, fmt.Errorf("reading its advanced config: %w", err)
	}
	return component{
		Name:         data.Name,
		Type:         data.Type,
		Status:       data.Status,
		Summary:      markdown(data.Summary),
		Description:  markdown(data.Description),
		Footnotes:    markdown(data.Footnotes),
		Examples:     data.Examples,
		CommonYAML:   common,
		AdvancedYAML: advanced,
		Fields:       fieldsFrom(data.Fields, s.Config),
	}, nil
}

// fieldsFrom joins the flat list of fields with the tree that has the remaining
// properties.
func fieldsFrom(flat []service.TemplateDataPluginField, root fieldSpec) []field {
	byPath := map[string]fieldSpec{}
	index(byPath, rootPrefix(root), root.Children, fieldSpec{})

	fields := make([]field, len(flat))
	for i, f := range flat {
		s := byPath[f.FullName]
		fields[i] = field{
			Path:        f.FullName,
			Description: markdown(f.Description),
			Type:        typeName(s),
			Default:     f.DefaultMarshalled,
			Required:    s.required(),
			With:        s.with,
			Advanced:    s.Advanced,
			Secret:      f.IsSecret,
			Interpolate: f.IsInterpolated,
			Bloblang:    s.Bloblang,
			Options:     options(f),
			Examples:    slices.DeleteFunc(f.ExamplesMarshalled, func(e string) bool { return e == "" }),
		}
	}
	return fields
}

func index(byPath map[string]fieldSpec, prefix string, fields []fieldSpec, parent fieldSpec) {
	for _, f := range fields {
		f.Advanced = f.Advanced || parent.Advanced
		f.with = parent.with
		path := prefix + f.Name
		byPath[path] = f
		if !f.required() && (f.Optional || f.Kind != "scalar") {
			f.with = path
		}
		index(byPath, path+below(f)+".", f.Children, f)
	}
}

// below returns how Benthos writes the step from a field to its children, without the
// dot.
func below(f fieldSpec) string {
	switch f.Kind {
	case "array":
		return "[]"
	case "2darray":
		return "[][]"
	case "map":
		return ".<name>"
	}
	return ""
}

func rootPrefix(f fieldSpec) string {
	switch f.Kind {
	case "array":
		return "[]."
	case "map":
		return "<name>."
	}
	return ""
}

func typeName(f fieldSpec) string {
	of := f.Type
	if f.Bloblang {
		of = "Bloblang mapping"
	}
	switch f.Kind {
	case "array":
		return "list of " + of
	case "2darray":
		return "list of lists of " + of
	case "map":
		return "map of " + of
	}
	return of
}

func options(f service.TemplateDataPluginField) [][2]string {
	if len(f.AnnotatedOptions) > 0 {
		return f.AnnotatedOptions
	}
	var plain [][2]string
	for _, o := range f.Options {
		plain = append(plain, [2]string{o})
	}
	return plain
}

// markdown removes AsciiDoc from the fields that Benthos provides to plugins, such as
// those of TLS: cross-references into its own manual.
func markdown(text string) string {
	return strings.TrimSpace(crossReference.ReplaceAllString(text, "$1"))
}
