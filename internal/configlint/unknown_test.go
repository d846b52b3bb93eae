package configlint

import (
	"fmt"
	"strings"
	"testing"
)

// findingsOf returns what lint reports, a line each.
func findingsOf(t *testing.T, text string, variables map[string]string) string {
	t.Helper()
	var said []string
	for _, f := range testLinter(t, variables).All([]byte(text)).Findings {
		said = append(said, fmt.Sprintf("(%d) %s", f.Line, f.What))
	}
	return strings.Join(said, "\n")
}

// If this fails, a missing or misspelt field is blamed on the variable of another field
// in its line, or the name that was meant is not suggested.
func TestMissingAndUnknownFields(t *testing.T) {
	const thing = "pipeline.processors.0.thing"
	for fields, want := range map[string]string{
		"things:\n  - weight: ${DIGITS}\n    nam: x": "(5) " + thing + ".things.0: field name is required\n(6) field nam not recognised. Did you mean name?",
		"things: [ { weight: ${DIGITS} } ]":          "(4) " + thing + `.things.0: field name is required`,
		"cuont: ${DIGITS}":                           "(4) field cuont not recognised. Did you mean count?",
		"count: 5\ncuont: 5":                         "(5) field cuont not recognised", // count is set
		"pair: { lwo: 1 }":                           "(4) field lwo not recognised. Did you mean low?",
		"something: ${DIGITS}":                       "(4) field something not recognised",
		"things: [ { name: a }, { naem: b } ]":       "(4) field naem not recognised. Did you mean name?\n(4) " + thing + ".things.1: field name is required",
	} {
		if said := findingsOf(t, configOf(fields), map[string]string{"DIGITS": "123456"}); said != want {
			t.Errorf("%s:\n%s\nwant:\n%s", fields, said, want)
		}
	}
	if said := findingsOf(t, "pipelin: {}", nil); said != "(1) field pipelin not recognised. Did you mean pipeline?" {
		t.Error(said)
	}
}
