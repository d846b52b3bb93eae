package influxdb

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// template is a setting with interpolations, which must all find something. Benthos
// writes the text null for a key that is missing, and points would be stored under
// that name, in the bucket of somebody whose name ends in it too.
//
// A text without "null" has no such thing in it, so nearly all messages cost no
// more than the interpolation. For the others the expressions are evaluated by
// themselves.
type template struct {
	name        string
	whole       *service.InterpolatedString
	expressions []expression
}

// expression is what stands between ${! and }.
type expression struct {
	source string
	plain  *bloblang.Executor // gives the value as the only element of an array
	traced *bloblang.Executor // the same in traceEnvironment; nil: cannot be made there
}

// newTemplate returns the template of a setting that Benthos has parsed as whole.
func newTemplate(name string, whole *service.InterpolatedString, text string) *template {
	return &template{name, whole, expressionsOf(text)}
}

// expressionsOf finds the expressions in text. Benthos takes a closing brace for
// the end of an expression where what is before it is one, and so does this. An
// expression of functions that a build has for itself alone is not found: it
// cannot be evaluated here.
func expressionsOf(text string) (found []expression) {
	for {
		_, rest, more := strings.Cut(text, "${")
		if !more {
			return found
		}
		text = rest
		if strings.HasPrefix(text, "{!") { // escaped: ${{!text}} is ${!text}
			_, text, _ = strings.Cut(text, "}}")
			continue
		}
		if text, more = strings.CutPrefix(text, "!"); !more {
			continue
		}
		for end := range len(text) {
			if text[end] != '}' {
				continue
			}
			source := strings.TrimSpace(text[:end])
			plain, err := bloblang.Parse("root = [ (" + source + ") ]")
			if err != nil {
				continue
			}
			traced, _ := traceEnvironment().Parse("root = [ (" + source + ") ]")
			found = append(found, expression{source, plain, traced})
			text = text[end+1:]
			break
		}
	}
}

// filling fills in a template for the messages of a batch.
type filling struct {
	*template
	batch  service.MessageBatch
	filler *service.MessageBatchInterpolationExecutor
	checks []check // of the expressions, once they have been needed
}

type check struct {
	plain, traced *service.MessageBatchBloblangExecutor
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
	case !maybeNull(text):
		return text, nil
	}
	if f.checks == nil {
		for _, e := range f.expressions {
			c := check{plain: f.batch.BloblangExecutor(e.plain)}
			if e.traced != nil {
				c.traced = f.batch.BloblangExecutor(e.traced)
			}
			f.checks = append(f.checks, c)
		}
	}
	for at, c := range f.checks {
		if c.missing(i) {
			return "", fmt.Errorf("the %s is %q: ${! %s } finds no such key in the message, or null; where there is a default, say so by .or()", f.name, brief(text), f.expressions[at].source)
		}
	}
	return text, nil
}

// missing reports whether the expression gives nothing for message i, or a text
// that it has made of nothing.
func (c check) missing(i int) bool {
	value, ok := only(c.plain, i)
	if !ok {
		return false
	}
	text, isText := asText(value)
	if value == nil || !isText || c.traced == nil {
		return value == nil
	}
	again, ok := only(c.traced, i)
	return ok && traced(again, text)
}

// only evaluates an expression: nil if it gives null, or nothing at all. ok is
// whether it could be.
func only(mapping *service.MessageBatchBloblangExecutor, i int) (value any, ok bool) {
	result, err := mapping.Query(i)
	if err != nil || result == nil {
		return nil, false
	}
	array, err := result.AsStructured()
	if err != nil {
		return nil, false
	}
	elements, ok := array.([]any)
	if !ok || len(elements) == 0 { // deleted(), or an if without else
		return nil, ok
	}
	return elements[0], true
}
