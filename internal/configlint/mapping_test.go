package configlint

import "testing"

// If this fails, the message about a mapping that cannot be parsed spans several lines,
// lacks its field or its variable, or shows the line of the next field.
func TestBrokenMappings(t *testing.T) {
	const header, mapping = "pipeline:\n  processors:\n    - mapping: ", "pipeline.processors.0.mapping: "
	for text, want := range map[string]string{
		`"root = {{"`: "(3) " + mapping + "expected query, but the mapping ends here",
		`"root ="`:    "(3) " + mapping + "expected whitespace, but the mapping ends here",
		"|\n        root = {{\n    - mapping: root = 1":                         "(4) " + mapping + "expected query, but the mapping ends here",
		"|\n        root.a = 1\n        root.b =\n        root.c = 1":           "(5) " + mapping + "expected whitespace, but the line ends here",
		">-\n        root = {{":                                                 "(3) " + mapping + "expected query, but the mapping ends here",
		`"root = this.a)"`:                                                      "(3) " + mapping + "expected line break, got: )",
		`"root = this.${METHOD}"`:                                               "(3) " + mapping + "unrecognised method 'nosuch' (from the environment variable METHOD)",
		"root = 1\n    - switch: [ { check: 'this.a ==', processors: [] } ]":    "(4) pipeline.processors.1.switch.0.check: expected query, but the mapping ends here",
		"root = 1\n    - switch: [ { check: 'true' }, { check: 'this.a ==' } ]": "(4) pipeline.processors.1.switch.1.check: expected query, but the mapping ends here",
	} {
		if said := findingsOf(t, header+text, map[string]string{"METHOD": "nosuch()"}); said != want {
			t.Errorf("%s:\n%s\nwant:\n%s", text, said, want)
		}
	}
}
