package configlint

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Finding is a mistake in a line of a configuration.
type Finding struct {
	Line, Column int
	What         string

	general bool // concerns no field
}

// environment finds the variables whose text does not arrive unchanged. Benthos inserts
// it into the configuration before it parses the YAML: a quote can end the quotes
// around it and set another field, a backslash starts an escape, a # a comment.
//
// It parses the configuration with words in place of the variables, and again with
// their values. The two must be equal except for the values, and each value must be
// unchanged. Only a variable that is a whole value without quotes may be a list or
// object in YAML's flow style, since that can be intended.
func (s *spec) environment(text []byte, found []use) (findings []Finding) {
	m := newMarks(text)
	wanted, err := parse(substitute(text, found, m.of))
	if err != nil {
		return nil // Without any variables it is invalid YAML: Benthos reports why.
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
		findings = append(findings, Finding{Line: 1, Column: 1, What: "together, the values of the environment variables would be read as different YAML than each alone. Choose other values"})
	}
	return findings
}

// changed returns what to do about a variable. It does not show the value, which may be
// a secret.
func changed(u use, p place) string {
	advice := "No quotes would preserve it: choose another value, or write it into the configuration itself"
	for _, quote := range []struct{ mark, name string }{{`"`, "double"}, {"'", "single"}} {
		var got map[string]string
		text := escaped.ReplaceAll([]byte("a: "+quote.mark+u.replacement+quote.mark), []byte("$$$1"))
		if yaml.Unmarshal(text, &got) == nil && got["a"] == u.value && len(got) == 1 {
			advice = "Put it into " + quote.name + " quotes"
			break
		}
	}
	if p.field.Secret {
		advice += fmt.Sprintf(", or use the field %s_env if the component has it", p.name)
	}
	about := ""
	if p.name != "" {
		about = p.name + ": "
	}
	why := "it has characters with a meaning in YAML"
	if isNull(u.value) {
		why = "YAML reads it as null"
	}
	return fmt.Sprintf("%sthe value of the environment variable %s would change, since %s. %s", about, u.name, why, advice)
}

// nullTag is YAML's type of null, which is ~ or nothing. A field that is null counts as
// not set: without quotes, a token "null" would be no token.
const nullTag = "!!null"

// isNull reports whether YAML reads a text without quotes as null.
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

// same reports whether got equals wanted with the marks replaced. A mark that both
// still contain stands for itself.
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

// partly returns wanted with the values of the marks that got does not contain.
func partly(wanted, got string, m marks, found []use) string {
	return m.all.ReplaceAllStringFunc(wanted, func(mark string) string {
		if strings.Contains(got, mark) {
			return mark
		}
		return found[m.in(mark)[0]].value
	})
}

// alone reports whether a variable that is a whole value without quotes is read as its
// text, or as a list or object in YAML's flow style.
func alone(got *yaml.Node, value string) bool {
	switch got.Kind {
	case yaml.ScalarNode:
		return got.Style == 0 && got.Value == value && got.Anchor == "" && got.ShortTag() != nullTag
	case yaml.SequenceNode:
		return got.Style == yaml.FlowStyle && got.Anchor == "" && strings.HasPrefix(value, "[")
	case yaml.MappingNode: // a: b in a list is an object too, but is not intended
		return got.Style == yaml.FlowStyle && got.Anchor == "" && strings.HasPrefix(value, "{")
	}
	return false
}

// placeOf returns the path of the field whose value contains a mark, or "" outside of
// values.
func (s *spec) placeOf(root *yaml.Node, mark string) (found place) {
	walker{s, func(p place) {
		if p.node.Kind == yaml.ScalarNode && strings.Contains(p.node.Value, mark) {
			found = p
		}
	}}.value(place{node: root, line: 1, field: s.root})
	return found
}
