package configlint

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/nearest"
)

// Messages of stock lint about a field that is not where it should be. They concern no
// value, so no variable is to blame: the line is that of another field.

// unknownField returns the message about a field that its object does not have, with
// the name of the field of the same object that was probably meant.
func (c *configuration) unknownField(line int, what string) string {
	name, is := strings.CutSuffix(strings.TrimPrefix(what, "field "), " not recognised")
	if !is {
		return what
	}
	for _, p := range c.places {
		if !hasKey(p.node, name, line) {
			continue
		}
		var free []string
		for _, child := range p.field.Children {
			if !hasKey(p.node, child.Name, 0) {
				free = append(free, child.Name)
			}
		}
		if near := nearest.Name(name, free); near != "" {
			return fmt.Sprintf("%s. Did you mean %s?", what, near)
		}
	}
	return what
}

// missingField returns the message about a required field that is not set, with the path
// of its object, which begins on that line.
func (c *configuration) missingField(line int, what string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(what, "field "), " is required")
	for _, p := range slices.Backward(c.places) {
		lacks := slices.ContainsFunc(p.field.Children, func(f field) bool { return f.Name == name }) && !hasKey(p.node, name, 0)
		if p.path != "" && p.node.Kind == yaml.MappingNode && p.node.Line == line && lacks {
			return p.path + ": " + what
		}
	}
	return what
}

// hasKey reports whether an object has a key, on a line unless that is 0.
func hasKey(node *yaml.Node, name string, line int) (has bool) {
	each(node, func(key, _ *yaml.Node) {
		has = has || key.Value == name && (line == 0 || key.Line == line)
	})
	return has
}
