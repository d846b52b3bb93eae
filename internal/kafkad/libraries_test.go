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

// Tests are skipped if a program is missing. A download that fails must not look like
// that.
func TestGetNamesTheMissingProgram(t *testing.T) {
	for name, c := range map[string]struct {
		programs map[string]string // output of each; without output it fails
		missing  string
		says     string
	}{
		"no Java":                    {nil, "java", "Kafka 4.1.0 needs java"},
		"the stand-in":               {map[string]string{"java": ""}, "Java 17", "Kafka 4.1.0 needs Java 17"},
		"an old Java":                {map[string]string{"java": "openjdk 11.0.22 2024-01-16"}, "Java 17", "Kafka 4.1.0 needs Java 17"},
		"no Maven":                   {map[string]string{"java": "openjdk 17.0.15 2025-04-15"}, "mvn", "getting Kafka 4.1.0 needs mvn"},
		"the download fails":         {map[string]string{"java": "java 25.0.1 2025-10-21 LTS", "mvn": ""}, "", "mvn is broken"},
		"the download has no broker": {map[string]string{"java": "java 25.0.1 2025-10-21 LTS", "mvn": "done"}, "", "it has no kafka_2.13-4.1.0.jar"},
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

// The code and pom.xml must have the same version.
func TestVersionIsThatOfTheLibraries(t *testing.T) {
	if n := bytes.Count(pom, []byte("<version>"+Version+"</version>")); n != 2 {
		t.Fatalf("pom.xml contains %s %d times", Version, n)
	}
}
