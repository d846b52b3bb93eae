package configlint

import (
	"strconv"

	"gopkg.in/yaml.v3"
)

// place is a field of a configuration, with its path and its schema.
type place struct {
	path  string
	name  string
	line  int // the node of its name, or of the element of a list
	node  *yaml.Node
	field field
}

// walker walks a configuration along its schema. It skips fields that the schema does
// not have, or whose form Benthos rejects: stock lint reports those.
type walker struct {
	spec  *spec
	visit func(place)
}

func (w walker) value(p place) {
	if p.node.Kind == yaml.AliasNode && p.node.Alias != nil {
		p.node = p.node.Alias
	}
	w.visit(p)
	switch p.field.Kind {
	case "array", "2darray":
		inner := p.field
		if inner.Kind = "scalar"; p.field.Kind == "2darray" {
			inner.Kind = "array"
		}
		if p.node.Kind == yaml.SequenceNode {
			for i, element := range p.node.Content {
				w.value(place{p.path + "." + strconv.Itoa(i), p.name, element.Line, element, inner})
			}
		}
		return
	case "map":
		inner := p.field
		inner.Kind = "scalar"
		each(p.node, func(key, value *yaml.Node) {
			w.value(place{p.path + "." + key.Value, key.Value, key.Line, value, inner})
		})
		return
	}
	if components, is := w.spec.components[p.field.Type]; is {
		w.component(p, components)
		return
	}
	w.fields(p, p.field.Children)
}

func (w walker) fields(p place, children []field) {
	if len(children) == 0 {
		return
	}
	each(p.node, func(key, value *yaml.Node) {
		for _, child := range children {
			if child.Name == key.Value {
				w.value(place{joined(p.path, key.Value), key.Value, key.Line, value, child})
			}
		}
	})
}

// component walks the configuration of a component, which is under its name, or under
// `plugin` with the name as `type`.
func (w walker) component(p place, components map[string]field) {
	named := ""
	each(p.node, func(key, value *yaml.Node) {
		if key.Value == "type" {
			named = value.Value
		}
	})
	each(p.node, func(key, value *yaml.Node) {
		name := key.Value
		if name == "plugin" {
			name = named
		}
		config, is := components[name]
		switch {
		case name == "processors":
			w.value(place{joined(p.path, name), name, key.Line, value, field{Name: name, Type: "processor", Kind: "array"}})
		case is && (named == "" || named == name):
			config.Name = name
			w.value(place{joined(p.path, name), name, key.Line, value, config})
		}
	})
}

// each visits the pairs of an object, including merged ones.
func each(node *yaml.Node, visit func(key, value *yaml.Node)) {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			each(value, visit)
			continue
		}
		visit(key, value)
	}
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
