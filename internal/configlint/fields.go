package configlint

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// withFields returns the message of a finding, with its field in front unless the
// message names it, and the variables of its value at the end. A message about several
// fields, whose line is that of the first field of their object, gets the line and the
// value of each.
func (c *configuration) withFields(f Finding) string {
	here := c.on(f.Line)
	var about *place
	for i := range here {
		if mentions(f.What, here[i].name) {
			about = &here[i]
		}
	}
	says := about != nil && (about.field.Scrubber != "" || strings.Contains(f.What, about.name+" is "+shown(about.node)))
	if others := c.mentioned(f); len(others) > 0 && !says {
		return f.What + " (" + strings.Join(others, "; ") + ")"
	}
	what := f.What
	if about == nil && len(here) == 1 {
		about = &here[0]
		what = about.path + ": " + what
	}
	if about == nil {
		return what
	}
	if from := c.variablesOf(about.path); len(from) > 0 {
		what += " (from " + variables(from) + ")"
	}
	return what
}

// variablesOf returns the variables in a value, or in the list or object that contains
// it.
func (c *configuration) variablesOf(path string) []string {
	for {
		if from := c.from[path]; len(from) > 0 {
			return from
		}
		dot := strings.LastIndexByte(path, '.')
		if dot < 0 {
			return nil
		}
		path = path[:dot]
	}
}

// on returns the fields with a value on a line: a text or a number, or a list or object
// in its place.
func (c *configuration) on(line int) (here []place) {
	for _, p := range c.places {
		value := p.node.Kind == yaml.ScalarNode || isValue(p) && p.field.Type != "object" && p.field.Type != "unknown"
		if p.path != "" && value && (p.line == line || p.node.Line == line) {
			here = append(here, p)
		}
	}
	return here
}

// mentioned describes the fields that a finding names. It uses the innermost object
// that begins on the finding's line and has these fields, and describes all of it if
// the finding names the object itself.
func (c *configuration) mentioned(f Finding) (described []string) {
	for i := len(c.places) - 1; i >= 0; i-- {
		object := c.places[i]
		if object.node.Kind != yaml.MappingNode || object.node.Line != f.Line {
			continue
		}
		for _, p := range c.places {
			inner, under := strings.CutPrefix(p.path, object.path+".")
			about := mentions(f.What, p.name) || object.name != "" && mentions(f.What, object.name) && !strings.Contains(inner, ".")
			if under && strings.Count(inner, ".") < 2 && p.node.Kind == yaml.ScalarNode && about {
				described = append(described, c.described(p))
			}
		}
		if len(described) > 0 {
			return described
		}
	}
	return nil
}

func (c *configuration) described(p place) string {
	text := p.name + " is in line " + fmt.Sprint(p.node.Line)
	// A secret may have been written where the name of its variable belongs.
	if p.field.Scrubber == "" && !strings.HasSuffix(p.name, "_env") {
		text = fmt.Sprintf("%s is %s in line %d", p.name, shown(p.node), p.node.Line)
	}
	if from := c.variablesOf(p.path); len(from) > 0 {
		text += ", from " + variables(from)
	}
	return text
}

func variables(names []string) string {
	if len(names) == 1 {
		return "the environment variable " + names[0]
	}
	return "the environment variables " + strings.Join(names, ", ")
}

// mentions reports whether a message contains the name of a field as a word.
func mentions(what, name string) bool {
	return name != "" && regexp.MustCompile(`(^|[^a-z_])`+regexp.QuoteMeta(name)+`($|[^a-z_])`).MatchString(what)
}
