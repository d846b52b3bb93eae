package configcreate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/nearest"
)

// parts are the components of an expression, by type.
type parts struct{ inputs, processors, outputs []string }

// read reads an expression: INPUTS/PROCESSORS/OUTPUTS, each of them a list separated by
// commas. A single name may be of any type.
func (s *schema) read(expression string) (p parts, err error) {
	sections := strings.Split(expression, "/")
	if len(sections) > 3 {
		return p, fmt.Errorf("%q has %d parts instead of three, INPUTS/PROCESSORS/OUTPUTS, such as kafka_batches/sentiment_window/influxdb", expression, len(sections))
	}
	kinds := []string{"input", "processor", "output"}
	if name := strings.TrimSpace(sections[0]); len(sections) == 1 && !strings.Contains(name, ",") && !s.has("input", name) {
		at := slices.IndexFunc(kinds, func(kind string) bool { return s.has(kind, name) })
		if at < 0 && name != "" {
			return p, s.unknown("component", name, slices.Concat(s.names("input"), s.names("processor"), s.names("output")))
		}
		sections = append(make([]string, max(at, 0)), name)
	}
	lists := []*[]string{&p.inputs, &p.processors, &p.outputs}
	for i, section := range sections {
		for name := range strings.SplitSeq(section, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			if other := slices.IndexFunc(kinds, func(kind string) bool { return s.has(kind, name) }); other >= 0 && !s.has(kinds[i], name) {
				place := []string{"before the first slash", "between the slashes", "after the second slash"}[other]
				return p, fmt.Errorf("%s in %q is of type %s and belongs %s", name, expression, kinds[other], place)
			}
			if !s.has(kinds[i], name) {
				return p, s.unknown(kinds[i], name, s.names(kinds[i]))
			}
			*lists[i] = append(*lists[i], name)
		}
	}
	return p, nil
}

// unknown returns the error for a name that no linked component of a type has.
func (s *schema) unknown(kind, name string, names []string) error {
	hint := ""
	if near := nearest.Name(name, names); near != "" {
		hint = fmt.Sprintf(" Did you mean %s?", near)
	}
	return fmt.Errorf("no %s is named %s.%s For all names, run %s", kind, name, hint, strings.TrimSpace("brandpulse-connect list "+plurals[kind]))
}
