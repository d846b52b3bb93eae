package configlint

import (
	"fmt"
	"strings"
	"testing"
)

// If this fails, a value of the wrong type passes, which Benthos's lint does not
// notice, or its message lacks the field, the value, what is allowed or the variable.
func TestValues(t *testing.T) {
	for _, test := range []struct{ fields, want string }{
		{"count: 5", ""},
		{"count: 1e3", ""},
		{"count: 10.5", "(4) count is 10.5: it must be a whole number"},
		{"count: abc", `(4) count is "abc": it must be a whole number`},
		{"count: '5'", `(4) count is "5": it must be a whole number`},
		{"count: 99999999999999999999", "it must be a whole number"},
		{"count: [ 1 ]", "(4) pipeline.processors.0.thing.count: expected int value"},
		{"rate: 0.5", ""},
		{"rate: 5", ""},
		{"rate: abc", `(4) rate is "abc": it must be a number`},
		{"rate: .nan", "(4) rate is .nan: it must be a number"},
		{"flag: true", ""},
		{"flag: yes", ""}, // YAML 1.1, as Benthos reads it
		{"flag: perhaps", `(4) flag is "perhaps": it must be true or false`},
		{"flag: 1", "(4) flag is 1: it must be true or false"},
		{"text: 5", ""},
		{"text: wrong", "(4) text must not be wrong"},
		{"names: one", "expected array value"},
		{"secret: '0123'", ""},
		{"secret: canary", ""},
		{"secret: ''", ""},
		{"secret: 0123", "(4) secret is a secret and must be text. Put it into quotes"},
		{"secret: 1e9", "(4) secret is a secret and must be text. Put it into quotes"},
		{"secret: true", "(4) secret is a secret and must be text. Put it into quotes"},
		{"secret: 2026-01-31", "(4) secret is a secret and must be text. Put it into quotes"},
		{"headers: { Key: 12345 }", "(4) Key is a secret and must be text. Put it into quotes"},
		{"address: http://joe:secret@host:1", ""},
		{"address: 'http://joe:secret@a:1,http://joe:secret@b:2'", ""},
		{"address: 'http://a:1,http://b:2'", ""},
		{"address: http://joe:secret100%sure@host:1", "(4) address is not a valid URL"},
		{"address: http://joe:secret@host:port", "(4) address is not a valid URL"},
		{"address: \"http://joe:secret\\t@host\"", "(4) address is not a valid URL"},
		{"wait: 1h", ""},
		{"wait: '${! @wait }'", ""},
		{"wait: 1d", `(4) wait is "1d": it must be a duration`},
		{"wait: 90", "(4) wait is 90: it must be a duration"},
		{"size: 5GiB", ""},
		{"size: large", `(4) size is "large": it must be a size`},
		{"things: [ { name: a, weight: 2 } ]", ""},
		{"things: [ a ]", `(4) things is "a": it must be an object with fields such as name, weight`},
		{"things: [ { name: a, weight: heavy } ]", `(4) weight is "heavy": it must be a whole number`},
		{"pair:\n  high: 3\n  low: 4", "(5) low is larger than high (high is 3 in line 5; low is 4 in line 6)"},
		{"unknown: 5", "(4) field unknown not recognised"},
		{"things: [ { label: a, weight: 2, name: b } ]", "(4) field label not recognised"},
		{"pair: { low: 1, unknown: { a: b } }", "(4) field unknown not recognised"},
		{"text: ${NOT_SET}", "(4) the environment variable NOT_SET is not set and has no default"},
		{"count: ${A:5}", ""},
		{"count: ${A:x}", `(4) count is "x": it must be a whole number`},
		{"count: ${ABC}", `(4) count is "abc": it must be a whole number (from the environment variable ABC)`},
		{"text: ${WRONG}", `(4) text must not be wrong (text is "wrong" in line 4, from the environment variable WRONG)`},
		{"pair: { low: '${DIGITS}' }", `(4) low is "123456": it must be a whole number (from the environment variable DIGITS)`},
		{"pair:\n  low: ${DIGITS}", "(5) low is larger than high (low is 123456 in line 5, from the environment variable DIGITS)"},
		{"secret: ${DIGITS}", "(4) secret is a secret and must be text. Put it into quotes (from the environment variable DIGITS)"},
		{"secret: '${DIGITS}'", ""},
		{"things: ${LIST}", `(4) things is "a": it must be an object with fields such as name, weight (from the environment variable LIST)`},
		{"<<: { count: x }", `(4) count is "x": it must be a whole number`},
	} {
		variables := map[string]string{"ABC": "abc", "WRONG": "wrong", "DIGITS": "123456", "LIST": "[ a ]"}
		var said []string
		for _, f := range testLinter(t, variables).All([]byte(configOf(test.fields))).Findings {
			said = append(said, fmt.Sprintf("(%d) %s", f.Line, f.What))
		}
		all := strings.Join(said, "\n")
		if (all == "") != (test.want == "") || !strings.Contains(all, test.want) {
			t.Errorf("%s:\n%s\nwant %s", test.fields, all, test.want)
		}
		if strings.HasPrefix(test.fields, "secret:") && (strings.Contains(all, "123456") || strings.Contains(all, "canary")) {
			t.Errorf("%s: the secret is shown: %s", test.fields, all)
		}
	}
}

// If this fails, lint accepts values of Benthos's own fields that Benthos silently
// replaces.
func TestStockFields(t *testing.T) {
	if findings := testLinter(t, nil).Safe([]byte(configOf("address: http://joe:canary100%sure@host:1"))); len(findings) != 1 || strings.Contains(findings[0].What, "canary") {
		t.Errorf("an address that cannot be hidden: %v", findings)
	}
	for text, want := range map[string]string{
		"logger: { level: warn }":                     "",
		"logger: { level: LOUD }":                     `(1) level is "LOUD": it must be OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE or ALL`,
		"logger: { format: xml }":                     `(1) format is "xml": it must be logfmt or json`,
		"logger: { add_timestamp: often }":            `(1) add_timestamp is "often": it must be true or false`,
		"shutdown_timeout: 1d":                        `(1) shutdown_timeout is "1d": it must be a duration`,
		"shutdown_delay: 5":                           `(1) shutdown_delay is 5: it must be a duration`,
		"http: { address: '0.0.0.0:4195' }":           "",
		"http: { address: '4195' }":                   `(1) address is "4195": it must be a host and a port`,
		"http: { address: 'localhost:http-nothing' }": `it must be a host and a port`,
		"pipeline: { threads: 64 }":                   "",
		"pipeline: { threads: 1000000000 }":           "(1) threads is 1000000000: it must be at most 100000",
		"pipeline: { threads: many }":                 `(1) threads is "many": it must be a whole number`,
		"input:\n  generate:\n    mapping: root = 1\n    interval: 1d\n  processors:\n    - thing: { count: x }":         `(6) count is "x"`,
		"output: { drop: {}, processors: [ { thing: { rate: x } } ] }":                                                   `(1) rate is "x"`,
		"processor_resources: [ { label: a, thing: { count: x } } ]":                                                     `(1) count is "x"`,
		"output: { fallback: [ { drop: {} }, { retry: { backoff: { initial_interval: 1d }, output: { drop: {} } } } ] }": `(1) initial_interval is "1d": it must be a duration`,
		"# BENTHOS LINT DISABLE\nlogger: { level: LOUD }":                                                                "",
	} {
		var said []string
		for _, f := range testLinter(t, nil).All([]byte(text)).Findings {
			said = append(said, fmt.Sprintf("(%d) %s", f.Line, f.What))
		}
		all := strings.Join(said, "\n")
		if (all == "") != (want == "") || !strings.Contains(all, want) {
			t.Errorf("%s:\n%s\nwant %s", text, all, want)
		}
	}
}
