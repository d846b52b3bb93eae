package configcreate

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// mark follows each value that must be replaced or confirmed.
const mark = " # required"

// writer writes the fields of components as YAML.
type writer struct {
	schema *schema
	small  bool
	routes routes
	chosen map[string]any // values by type, component and path
	// fitted are the values that follow from the other components.
	fitted map[string]bool
	used   map[string]bool
}

// lines are lines of YAML without common indentation.
type lines []string

// under returns the lines below a key, one level deeper.
func (l lines) under(key string) lines {
	return append(lines{key + ":"}, l.deeper("  ", "  ")...)
}

// item returns the lines as an element of a list.
func (l lines) item() lines { return l.deeper("- ", "  ") }

func (l lines) deeper(first, rest string) (out lines) {
	for i, line := range l {
		prefix := rest
		if i == 0 {
			prefix = first
		}
		out = append(out, strings.TrimRight(prefix+line, " "))
	}
	return out
}

// comment returns the lines as comments.
func (l lines) comment() lines { return l.deeper("# ", "# ") }

// component writes a component under its name.
func (w *writer) component(kind, name string) lines {
	config := w.schema.components[kind][name]
	where := kind + " " + name + " "
	if value, is := w.chosen[where]; is {
		w.used[where] = true
		return w.value(name, value, mark)
	}
	switch {
	case len(config.Children) > 0 && config.scalar():
		return w.object(name, where, "", config.Children)
	case config.Default != nil:
		return w.value(name, *config.Default, "")
	case config.Kind == "array":
		return lines{name + ": []"}
	case config.Kind == "map":
		return lines{name + ": {}"}
	case w.schema.components[config.Type] != nil:
		return w.standIn(config.Type).under(name)
	case config.Type == "string":
		return w.value(name, "", "")
	}
	return lines{name + ": {}"}
}

// object writes fields under a key.
func (w *writer) object(key, where, path string, children []field) lines {
	var inner lines
	set := false
	for _, child := range children {
		written := w.field(child, where, path)
		for _, line := range written {
			set = set || !strings.HasPrefix(line, "#")
		}
		inner = append(inner, written...)
	}
	if !set {
		return lines{key + ": {}"}
	}
	return inner.under(key)
}

// field writes a field: its value or, as a comment, an example.
func (w *writer) field(f field, where, path string) lines {
	path = strings.TrimPrefix(path+"."+f.Name, ".")
	if value, is := w.chosen[where+path]; is {
		w.used[where+path] = true
		note := mark
		if w.fitted[where+path] {
			note = ""
		}
		written := w.value(f.Name, value, note)
		if route, is := value.(*yaml.Node); is {
			written = append(lines{"# Points that InfluxDB rejects, each as one line of line protocol."}, written...)
			unlabel(route)
		}
		return written
	}
	if f.Deprecated || w.small && f.Advanced && !f.required() {
		return nil
	}
	switch {
	case f.Default != nil:
		return w.value(f.Name, *f.Default, "")
	case len(f.Children) > 0 && f.scalar() && !f.Optional:
		object := w.object(f.Name, where, path, f.Children)
		if w.small && len(object) == 1 {
			return nil // all its fields are advanced
		}
		return object
	case f.Optional && len(f.Children) > 0 && f.scalar():
		return w.object(f.Name, where, path, f.Children).comment()
	case f.Optional:
		return w.example(f, "").comment()
	}
	return w.example(f, mark)
}

// example writes a field with a value that shows its form.
func (w *writer) example(f field, note string) lines {
	if len(f.Examples) > 0 {
		return w.value(f.Name, f.Examples[0], note)
	}
	if value, is := placeholders[f.Name]; is {
		return w.value(f.Name, value, note)
	}
	if w.schema.components[f.Type] != nil {
		inner := w.standIn(f.Type)
		if f.Kind == "array" {
			inner = inner.item()
		}
		return inner.under(f.Name)
	}
	var value any
	switch {
	case f.Kind == "map":
		value = map[string]any{}
	case !f.scalar():
		value = []any{}
	case f.Type == "int" || f.Type == "float":
		value = 0
	case f.Type == "bool":
		value = false
	default:
		value = f.option()
	}
	return w.value(f.Name, value, note)
}

// standIn returns a component that a user replaces with one of their own.
func (w *writer) standIn(kind string) lines {
	name := map[string]string{"input": "stdin", "output": "stdout", "processor": "noop", "scanner": "lines", "buffer": "none", "tracer": "none", "metrics": "none", "cache": "memory", "rate_limit": "local"}[kind]
	return lines{name + ": {}"}
}

// value writes a value under a key, on one line if it is a scalar or empty.
func (w *writer) value(key string, value any, note string) lines {
	all, err := encoded(map[string]any{key: whole(value)})
	if err != nil {
		return lines{fmt.Sprintf("# %s: %v", key, err)} // JSON schemas have no such values
	}
	all[0] += note
	return all
}

// whole returns a JSON value with whole numbers as integers, which YAML would write as
// 1e+06, and variables in quotes, since YAML would interpret their values without.
func whole(value any) any {
	switch value := value.(type) {
	case string:
		if strings.Contains(value, "${") {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle}
		}
	case float64:
		if number := int64(value); float64(number) == value {
			return number
		}
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = whole(element)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(value))
		for name, element := range value {
			object[name] = whole(element)
		}
		return object
	}
	return value
}
