package configcreate

import (
	"fmt"
	"maps"
	"strings"
)

// Options are the settings of Create.
type Options struct {
	// Schema is the schema of configurations, as written by
	// service.ConfigSchema.MarshalJSONV0.
	Schema []byte
	// Expression is INPUTS/PROCESSORS/OUTPUTS. If it is empty, the input is stdin and
	// the output stdout.
	Expression string
	// Small leaves out advanced fields and all sections except input, pipeline and
	// output.
	Small bool
	// Command is shown at the top of the configuration as the command that wrote it.
	Command string
}

// Create returns a configuration that lint accepts.
func Create(o Options) (string, error) {
	s, err := parse(o.Schema)
	if err != nil {
		return "", fmt.Errorf("reading the schema of configurations: %w", err)
	}
	p, err := s.read(o.Expression)
	if err != nil {
		return "", err
	}
	if len(p.inputs) == 0 {
		p.inputs = []string{"stdin"}
	}
	if len(p.outputs) == 0 {
		p.outputs = []string{"stdout"}
	}
	w := &writer{schema: s, small: o.Small, chosen: maps.Clone(values), used: map[string]bool{}, fitted: map[string]bool{}}
	if w.routes, err = routesOf(p.inputs); err != nil {
		return "", fmt.Errorf("finding a route for dead letters: %w", err)
	}
	w.fit(p)
	text := fmt.Sprintf("# Written by: %s\n# Replace the values marked \"required\", and check the file with\n#   brandpulse-connect lint FILE\n# ${NAME:default} is the environment variable NAME. Fields after a # are optional\n# examples. All other fields have their default.\n\n", o.Command)
	for _, f := range s.root {
		part, err := w.section(f, p)
		if err != nil {
			return "", err
		}
		if len(part) > 0 {
			text += strings.Join(part, "\n") + "\n\n"
		}
	}
	if name := w.unused(p); name != "" {
		return "", fmt.Errorf("create has a value for the field %q, which the schema does not have", name)
	}
	return strings.TrimRight(text, "\n") + "\n", nil
}

// unused returns a value of create for a field that no component has, since the field
// was renamed.
func (w *writer) unused(p parts) string {
	for kind, names := range map[string][]string{"input": p.inputs, "processor": p.processors, "output": p.outputs} {
		for _, name := range names {
			for where := range w.chosen {
				if strings.HasPrefix(where, kind+" "+name+" ") && !w.used[where] {
					return where
				}
			}
		}
	}
	return ""
}

// fit chooses the values that depend on the other components.
func (w *writer) fit(p parts) {
	there := map[string]bool{}
	for kind, names := range map[string][]string{"input": p.inputs, "processor": p.processors, "output": p.outputs} {
		for _, name := range names {
			there[kind+" "+name] = true
		}
	}
	fit := func(chosen map[string]any) {
		for where, value := range chosen {
			w.chosen[where], w.fitted[where] = value, true
		}
	}
	fit(map[string]any{rejectedOutput: w.routes.rejected})
	fit(settled)
	for pair, chosen := range together {
		if there[pair[0]] && there[pair[1]] {
			fit(chosen)
		}
	}
	for pair, chosen := range alone {
		if there[pair[0]] && !there[pair[1]] {
			fit(chosen)
		}
	}
}

// section writes a field of the configuration with all its fields.
func (w *writer) section(f field, p parts) (lines, error) {
	switch f.Name {
	case "input":
		return w.several("input", "inputs", p.inputs).under("input"), nil
	case "output":
		output, err := w.withRoutes(w.several("output", "outputs", p.outputs), p)
		return output.under("output"), err
	case "pipeline":
		return w.pipeline(f, p.processors), nil
	}
	if w.small || f.Advanced {
		return nil, nil
	}
	return w.field(f, "", ""), nil
}

// several writes one component, or a broker of several.
func (w *writer) several(kind, plural string, names []string) lines {
	if len(names) == 1 {
		return w.component(kind, names[0])
	}
	var items lines
	for _, name := range names {
		items = append(items, w.component(kind, name).item()...)
	}
	return items.under(plural).under("broker")
}

func (w *writer) pipeline(f field, processors []string) lines {
	var inner lines
	for _, child := range f.Children {
		switch {
		case child.Name != "processors":
			inner = append(inner, w.field(child, "", "pipeline")...)
		case len(processors) == 0:
			inner = append(inner, "processors: []")
		default:
			var items lines
			for _, name := range processors {
				items = append(items, w.component("processor", name).item()...)
			}
			inner = append(inner, items.under("processors")...)
		}
	}
	return inner.under("pipeline")
}
