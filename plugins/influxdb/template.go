package influxdb

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/interpolation"
)

// template is a setting with interpolations, each of which must find a value.
//
// Benthos interpolates a missing key as the text null. Points would be stored in a
// measurement of that name, or in another tenant's bucket that ends in it. Only a text
// that contains "null" can be affected, or one of an expression that makes text of
// values, as .string() does, and may change it. So most messages cost nothing more. For
// the others, each expression is evaluated by itself.
type template struct {
	name        string
	whole       *service.InterpolatedString
	expressions []expression
	makesText   bool // some expression could make any text of null
}

// expression is the text between ${! and }, compiled.
type expression struct {
	source string
	plain  *bloblang.Executor // returns an array with the value
	traced *bloblang.Executor // the same in traceEnvironment; nil if it does not compile there
	other  *bloblang.Executor // see otherOf
}

// newTemplate returns the template of a setting: its name, how Benthos has parsed it,
// and its text.
func newTemplate(name string, whole *service.InterpolatedString, text string) *template {
	expressions := expressionsOf(text)
	makesText := slices.ContainsFunc(expressions, func(e expression) bool { return e.other != nil })
	return &template{name, whole, expressions, makesText}
}

// expressionsOf returns the expressions in text.
func expressionsOf(text string) (found []expression) {
	sources, _ := interpolation.Expressions(text)
	for _, source := range sources {
		mapping := interpolation.Mapping(source)
		plain, err := bloblang.Parse(mapping)
		if err != nil {
			continue // not possible: it was parsed before
		}
		traced, _ := traceEnvironment().Parse(mapping)
		found = append(found, expression{source, plain, traced, otherOf(mapping)})
	}
	return found
}

// filling fills in a template for the messages of a batch.
type filling struct {
	*template
	batch  service.MessageBatch
	filler *service.MessageBatchInterpolationExecutor
	checks []check // of the expressions; created when first needed
}

type check struct {
	plain, traced, other *service.MessageBatchBloblangExecutor
}

func (t *template) of(batch service.MessageBatch) *filling {
	return &filling{template: t, batch: batch, filler: batch.InterpolationExecutor(t.whole)}
}

// text returns the text for message i.
func (f *filling) text(i int) (string, error) {
	text, err := f.filler.TryString(i)
	switch {
	case err != nil:
		return "", fmt.Errorf("filling in %s: %w", f.name, orNotJSON(f.batch[i], err))
	case !f.makesText && !maybeNull(text):
		return text, nil
	}
	if f.checks == nil {
		for _, e := range f.expressions {
			c := check{plain: f.batch.BloblangExecutor(e.plain)}
			if e.traced != nil {
				c.traced = f.batch.BloblangExecutor(e.traced)
			}
			if e.other != nil {
				c.other = f.batch.BloblangExecutor(e.other)
			}
			f.checks = append(f.checks, c)
		}
	}
	for at, c := range f.checks {
		if c.missing(i) {
			return "", fmt.Errorf("the %s is %q: ${! %s } finds no such key in the message, or null; add the key, or a default with .or()", f.name, brief(text), f.expressions[at].source)
		}
	}
	return text, nil
}

// missing reports whether the expression has no value for message i, or is a text made
// of null.
func (c check) missing(i int) bool {
	value, ok := interpolation.Value(c.plain, i)
	if !ok {
		return false
	}
	if value == nil {
		return true
	}
	if text, isText := asText(value); isText && c.traced != nil && maybeNull(text) {
		if again, ok := interpolation.Value(c.traced, i); ok && traced(again, text) {
			return true
		}
	}
	if c.other == nil {
		return false
	}
	other, ok := interpolation.Value(c.other, i)
	if !ok || reflect.DeepEqual(value, other) {
		return false
	}
	again, ok := interpolation.Value(c.plain, i) // or does it give something else each time?
	return ok && reflect.DeepEqual(value, again)
}
