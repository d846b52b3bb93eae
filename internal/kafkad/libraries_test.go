//go:build unix

package kafkad

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Tests are skipped for what is missing: a download that fails must not look so.
func TestGetNamesWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		programs map[string]string // what each prints, then it fails if that is empty
		missing  string
		says     string
	}{
		"no Java":             {nil, "java", "Kafka 4.1.0 needs java"},
		"the stand-in":        {map[string]string{"java": ""}, "Java 17", "Kafka 4.1.0 needs Java 17"},
		"an old Java":         {map[string]string{"java": "openjdk 11.0.22 2024-01-16"}, "Java 17", "Kafka 4.1.0 needs Java 17"},
		"no Maven":            {map[string]string{"java": "openjdk 17.0.15 2025-04-15"}, "mvn", "getting Kafka 4.1.0 needs mvn"},
		"the download fails":  {map[string]string{"java": "java 25.0.1 2025-10-21 LTS", "mvn": ""}, "", "mvn is broken"},
		"it brings no broker": {map[string]string{"java": "java 25.0.1 2025-10-21 LTS", "mvn": "done"}, "", "kafka_2.13-4.1.0.jar is not in it"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			t.Setenv("HOME", home)
			t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
			t.Setenv("PATH", home)
			for program, says := range c.programs {
				script := "#!/bin/sh\necho '" + says + "'\n"
				if says == "" {
					script = "#!/bin/sh\necho this $0 is broken >&2\nexit 1\n"
				}
				if err := os.WriteFile(filepath.Join(home, program), []byte(script), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Get(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatal(err)
			}
			var missing *process.MissingError
			if errors.As(err, &missing) != (c.missing != "") || missing != nil && missing.Program != c.missing {
				t.Fatalf("missing is %v, want %q", missing, c.missing)
			}
		})
	}
}

// The version stands in two places.
func TestVersionIsThatOfTheLibraries(t *testing.T) {
	if n := bytes.Count(pom, []byte("<version>"+Version+"</version>")); n != 2 {
		t.Fatalf("pom.xml names %s %d times", Version, n)
	}
}
