package configs_test

import (
	"os"
	"regexp"
	"testing"
)

var (
	fingerprintLine = regexp.MustCompile(`(?m)^    fingerprint: "(.*)"$`)
	variable        = regexp.MustCompile(`\$\{(\w+):?([^}]*)\}`)
)

// Each setting that affects the counts must change the fingerprint. Otherwise a process
// with another setting continues in the middle of the first one's counts. The default
// must not change, so that a new version resumes after a crash of an old one.
func TestFingerprintHasAllThatDecidesTheCounts(t *testing.T) {
	text, err := os.ReadFile("../../config/exact.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := fingerprintLine.FindSubmatch(text)
	if found == nil {
		t.Fatal("exact.yaml has no fingerprint")
	}
	with := func(values map[string]string) string {
		return variable.ReplaceAllStringFunc(string(found[1]), func(s string) string {
			name := variable.FindStringSubmatch(s)
			if value, ok := values[name[1]]; ok {
				return value
			}
			return name[2]
		})
	}
	if got := with(nil); got != "windows of 1s, avro, tweets" {
		t.Errorf("the default is %q", got)
	}
	seen := map[string]string{with(nil): "none"}
	for setting, values := range map[string]map[string]string{
		"WINDOW":        {"WINDOW": "10m"},
		"ENCODING":      {"ENCODING": "json"},
		"MEASUREMENT":   {"MEASUREMENT": "other"},
		"TIMESTAMP_MIN": {"TIMESTAMP_MIN": "2026-01-01T00:00:00Z"},
		"TIMESTAMP_MAX": {"TIMESTAMP_MAX": "2026-01-01T00:00:00Z"},
		"BEFORE_RECORD": {"BEFORE_RECORD": "10m"},
		"AFTER_RECORD":  {"AFTER_RECORD": "10m"},
		"both":          {"BEFORE_RECORD": "10m", "AFTER_RECORD": "10m"},
	} {
		got := with(values)
		if other, ok := seen[got]; ok {
			t.Errorf("with %s it is %q, as with %s", setting, got, other)
		}
		seen[got] = setting
	}
}
