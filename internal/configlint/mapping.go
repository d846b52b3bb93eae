package configlint

import (
	"errors"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"gopkg.in/yaml.v3"
)

// badMapping returns the finding about a mapping that cannot be parsed, with its field.
// Stock lint names no field, quotes the rest of the mapping over several lines, and
// reports the end of a block of text on the line of the next field.
func (c *configuration) badMapping(f Finding) Finding {
	f.What = oneLine(f.What)
	for _, p := range c.places {
		first := p.node.Line // as stock lint counts, which adds no line to a folded text
		if p.node.Style == yaml.LiteralStyle {
			first++
		}
		if p.node.Kind != yaml.ScalarNode || f.Line < first || f.Line > first+strings.Count(p.node.Value, "\n") {
			continue
		}
		// Several fields can share the line, so the error itself tells which one it is.
		var wrong *bloblang.ParseError
		if _, err := bloblang.GlobalEnvironment().Parse(p.node.Value); !errors.As(err, &wrong) ||
			first+wrong.Line-1 != f.Line || p.node.Column+wrong.Column != f.Column {
			continue
		}
		if last := first + strings.Count(strings.TrimSpace(p.node.Value), "\n"); last < f.Line {
			f.Line, f.Column = last, 1
		}
		f.What, f.general = p.path+": "+f.What, true
		if from := c.variablesOf(p.path); len(from) > 0 {
			f.What += " (from " + variables(from) + ")"
		}
		return f
	}
	return f
}

// oneLine returns an error of Bloblang's parser, which ends with the next letters of the
// mapping, as one line that says so where the line or the mapping ends instead.
func oneLine(what string) string {
	expected, got, found := strings.Cut(what, ", got: ")
	switch {
	case !found:
		return strings.Replace(what, ", but reached end of input", ", but the mapping ends here", 1)
	case strings.TrimLeft(got, " \t") == "" || strings.HasPrefix(strings.TrimLeft(got, " \t\r"), "\n"):
		return expected + ", but the line ends here"
	}
	got, _, _ = strings.Cut(got, "\n")
	return expected + ", got: " + got
}
