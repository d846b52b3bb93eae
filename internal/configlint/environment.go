package configlint

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Finding is what is wrong with a line of a configuration.
type Finding struct {
	Line, Column int
	What         string

	general bool // about no field
}

// environment finds the variables whose text does not arrive as it is. Benthos puts
// it into the configuration before that is YAML: a quote in it can end the quotes
// around it and set another field, a backslash makes an escape, a # a comment.
//
// It reads the configuration with words in place of the variables, and again with
// their values: the two must be the same but for the values, each unchanged. Only
// where a variable stands alone and without quotes may it be a whole list or object
// in YAML's flow style, which is what somebody who leaves the quotes away can want.
func (s *spec) environment(text []byte, found []use) (findings []Finding) {
	m := newMarks(text)
	wanted, err := parse(substitute(text, found, m.of))
	if err != nil {
		return nil // Without any variable it is no YAML: Benthos says why.
	}
	arrives := func(write func(i int) string) bool {
		got, err := parse(substitute(text, found, write))
		return err == nil && same(wanted, got, m, found)
	}
	for i, u := range found {
		if u.set && !arrives(func(j int) string {
			if j == i {
				return u.replacement
			}
			return m.of(j)
		}) {
			findings = append(findings, Finding{Line: u.line, Column: 1, What: changed(u, s.placeOf(wanted, m.of(i)))})
		}
	}
	if len(findings) == 0 && !arrives(func(i int) string { return found[i].replacement }) {
		findings = append(findings, Finding{Line: 1, Column: 1, What: "the values of the environment's variables, together, would be read as other YAML than each alone: choose other values"})
	}
	return findings
}

// changed says what to do about a variable, and not what it holds: it may be a
// secret.
func changed(u use, p place) string {
	advice := "in no kind of quotes it would: choose another value, or write it into the configuration itself"
	for _, quote := range []struct{ mark, name string }{{`"`, "double"}, {"'", "single"}} {
		var got map[string]string
		text := escaped.ReplaceAll([]byte("a: "+quote.mark+u.replacement+quote.mark), []byte("$$$1"))
		if yaml.Unmarshal(text, &got) == nil && got["a"] == u.value && len(got) == 1 {
			advice = "in " + quote.name + " quotes it would"
			break
		}
	}
	if p.field.Secret {
		advice += fmt.Sprintf("; or name the variable in %s_env, where the component has such a field", p.name)
	}
	about := ""
	if p.name != "" {
		about = p.name + ": "
	}
	why := "it has characters that mean something in YAML"
	if isNull(u.value) {
		why = "YAML reads it as null, which is no value"
	}
	return fmt.Sprintf("%sthe value of the environment variable %s would not arrive as it is, since %s: %s", about, u.name, why, advice)
}

// nullTag is YAML's type of null, ~ and nothing. A field that is null is as one that is
// not set: without quotes, a token "null" would be none.
const nullTag = "!!null"

// isNull is whether a text without quotes is null in YAML.
func isNull(text string) bool {
	node, err := parse([]byte(text))
	return err == nil && node.Kind == yaml.ScalarNode && node.ShortTag() == nullTag
}

func parse(text []byte) (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if document.Kind == yaml.DocumentNode && len(document.Content) == 1 {
		return document.Content[0], nil
	}
	return &document, nil
}

// same is whether got is wanted with the marks replaced. Where some are still in
// both, they stand for themselves.
func same(wanted, got *yaml.Node, m marks, found []use) bool {
	if wanted.Kind == yaml.ScalarNode && wanted.Style == 0 && wanted.Value != got.Value {
		if in := m.in(wanted.Value); len(in) == 1 && wanted.Value == m.of(in[0]) {
			return alone(got, found[in[0]].value)
		}
	}
	if wanted.Kind != got.Kind || len(wanted.Content) != len(got.Content) || wanted.Anchor != got.Anchor {
		return false
	}
	if wanted.ShortTag() != nullTag && got.ShortTag() == nullTag {
		return false
	}
	switch wanted.Kind {
	case yaml.ScalarNode:
		return got.Value == wanted.Value || got.Value == m.filled(wanted.Value, found) ||
			got.Value == partly(wanted.Value, got.Value, m, found)
	case yaml.AliasNode:
		return wanted.Value == got.Value
	}
	for i := range wanted.Content {
		if !same(wanted.Content[i], got.Content[i], m, found) {
			return false
		}
	}
	return true
}

// partly is wanted with the values of those marks that got does not have.
func partly(wanted, got string, m marks, found []use) string {
	return m.all.ReplaceAllStringFunc(wanted, func(mark string) string {
		if strings.Contains(got, mark) {
			return mark
		}
		return found[m.in(mark)[0]].value
	})
}

// alone is whether a variable that is a whole value without quotes is its text, or
// a list or object of YAML's flow style.
func alone(got *yaml.Node, value string) bool {
	switch got.Kind {
	case yaml.ScalarNode:
		return got.Style == 0 && got.Value == value && got.Anchor == "" && got.ShortTag() != nullTag
	case yaml.SequenceNode:
		return got.Style == yaml.FlowStyle && got.Anchor == "" && strings.HasPrefix(value, "[")
	case yaml.MappingNode: // a: b in a list is one, too, that nobody has asked for
		return got.Style == yaml.FlowStyle && got.Anchor == "" && strings.HasPrefix(value, "{")
	}
	return false
}

// placeOf is the field whose value has a mark: none outside of values.
func (s *spec) placeOf(root *yaml.Node, mark string) (found place) {
	walker{s, func(p place) {
		if p.node.Kind == yaml.ScalarNode && strings.Contains(p.node.Value, mark) {
			found = p
		}
	}}.value(place{node: root, line: 1, field: s.root})
	return found
}
