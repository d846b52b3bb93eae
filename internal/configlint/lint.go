// Package configlint finds mistakes in a Benthos configuration, including those that
// Benthos's own lint finds, and adds to each the field and the environment variable
// that its value comes from.
//
// Benthos replaces the variables before it parses the YAML, so its own messages do not
// name them, and its lint does not check the types of values.
package configlint

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// Linter lints configurations of a schema.
type Linter struct {
	spec   *spec
	schema *service.ConfigSchema
	lookup Lookup

	// As the flags of the lint command.
	RejectDeprecated, RequireLabels, SkipEnvVarCheck bool
}

// New returns a linter for a schema that looks up variables with lookup.
func New(schema *service.ConfigSchema, lookup Lookup) (*Linter, error) {
	spec, err := specOf(schema)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of configurations: %w", err)
	}
	return &Linter{spec: spec, schema: schema, lookup: lookup}, nil
}

// disabled is the first line of a file that is not to be linted.
var disabled = []byte("# BENTHOS LINT DISABLE")

// Variables returns the names of the environment variables in a text.
func Variables(text []byte) (names []string) {
	for _, u := range uses(text, func(string) (string, bool) { return "", false }) {
		names = append(names, u.name)
	}
	return names
}

// Safe returns the mistakes that are rejected even if lint is skipped: variables that
// would change, and secrets that Benthos would print.
func (l *Linter) Safe(text []byte) []Finding {
	found := uses(text, l.lookup)
	if findings := l.spec.environment(text, found); len(findings) > 0 {
		return findings
	}
	c := l.read(text, found)
	return c.named(c.secrets())
}

// Report is the result of All.
type Report struct {
	Findings []Finding
	// Stock are the messages of stock lint, as it prints them after the name of the
	// file, that the findings replace.
	Stock []string
	// Unsafe means that the findings are those of Safe. Stock lint would see another
	// configuration than the intended one, and could print a secret.
	Unsafe bool
}

// All returns all mistakes.
func (l *Linter) All(text []byte) (r Report) {
	found := uses(text, l.lookup)
	if findings := l.spec.environment(text, found); len(findings) > 0 {
		return Report{Findings: findings, Unsafe: true}
	}
	c := l.read(text, found)
	if c.root == nil {
		return r // Invalid YAML: stock lint reports why.
	}
	if findings := c.secrets(); len(findings) > 0 {
		return Report{Findings: c.named(findings), Unsafe: true}
	}
	if bytes.HasPrefix(text, disabled) {
		return r
	}
	findings := append(c.wrongValues(), c.disagreements()...)
	own := map[int]bool{}
	for _, f := range findings {
		own[f.Line] = true
	}
	linter := l.schema.NewStreamConfigLinter().
		SetRejectDeprecated(l.RejectDeprecated).SetRequireLabels(l.RequireLabels).SetSkipEnvVarCheck(l.SkipEnvVarCheck).
		SetEnvVarLookupFunc(func(_ context.Context, name string) (string, bool) { return l.lookup(name) })
	lints, err := linter.LintYAML(text)
	if err != nil {
		return Report{Findings: c.named(findings)}
	}
	for _, lint := range lints {
		if lint.Type == service.LintMissingEnvVar {
			// Its command prints column 1.
			r.Stock = append(r.Stock, "(1,1) "+lint.What)
			findings = append(findings, missing(found)...)
			continue
		}
		r.Stock = append(r.Stock, lint.Error())
		// Our finding about the type of the value replaces it.
		if !own[lint.Line] || lint.Type != service.LintExpectedObject && lint.Type != service.LintExpectedScalar {
			findings = append(findings, c.stock(lint))
		}
	}
	r.Findings = c.named(findings)
	return r
}

// stock returns the finding of stock lint.
func (c *configuration) stock(lint service.Lint) Finding {
	f := Finding{Line: lint.Line, Column: lint.Column, What: lint.What}
	switch lint.Type {
	case service.LintFailedRead:
		f.general = true
	case service.LintUnknown:
		f.What, f.general = c.unknownField(lint.Line, lint.What), true
	case service.LintMissing:
		f.What, f.general = c.missingField(lint.Line, lint.What), true
	case service.LintBadBloblang:
		return c.badMapping(f)
	}
	return f
}

// missing returns the variables with neither a value nor a default.
func missing(found []use) (findings []Finding) {
	for _, u := range found {
		if u.missing {
			what := fmt.Sprintf("the environment variable %s is not set and has no default. Set it, or write ${%s:DEFAULT}", u.name, u.name)
			findings = append(findings, Finding{u.line, 1, what, true})
		}
	}
	return findings
}

// configuration is a parsed configuration.
type configuration struct {
	uses   []use
	root   *yaml.Node // nil: invalid YAML
	places []place
	// from has the variables of a value, by the path of its field.
	from map[string][]string
}

func (l *Linter) read(text []byte, found []use) *configuration {
	c := &configuration{uses: found, from: map[string][]string{}}
	root, err := parse(substitute(text, found, func(i int) string { return found[i].replacement }))
	if err != nil {
		return c
	}
	c.root = root
	walker{l.spec, func(p place) { c.places = append(c.places, p) }}.value(place{node: root, line: 1, field: l.spec.root})
	m := newMarks(text)
	marked, err := parse(substitute(text, found, m.of))
	if err != nil {
		return c
	}
	walker{l.spec, func(p place) {
		for _, i := range m.in(p.node.Value) {
			c.from[p.path] = append(c.from[p.path], found[i].name)
		}
	}}.value(place{node: marked, line: 1, field: l.spec.root})
	return c
}

func (c *configuration) secrets() (findings []Finding) {
	for _, p := range c.places {
		if what := wrongSecret(p); what != "" {
			findings = append(findings, Finding{Line: p.node.Line, Column: 1, What: what})
		}
	}
	return findings
}

func (c *configuration) wrongValues() (findings []Finding) {
	for _, p := range c.places {
		if what := wrongValue(p); what != "" {
			findings = append(findings, Finding{Line: p.node.Line, Column: 1, What: what})
		}
	}
	return findings
}

// named completes the findings with the field, unless they name it, and the variables,
// and sorts them by line.
func (c *configuration) named(findings []Finding) []Finding {
	var named []Finding
	for _, f := range findings {
		if !f.general {
			f.What = c.withFields(f)
		}
		f.What = c.hidden(f.What)
		if !slices.Contains(named, f) {
			named = append(named, f)
		}
	}
	slices.SortStableFunc(named, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return named
}

// hidden returns a message without the configuration's secrets, which the error of a
// lint rule could contain.
func (c *configuration) hidden(what string) string {
	for _, p := range c.places {
		if p.field.Secret && p.node.Kind == yaml.ScalarNode && len(p.node.Value) >= 4 {
			what = strings.ReplaceAll(what, p.node.Value, "(hidden)")
		}
	}
	return what
}
