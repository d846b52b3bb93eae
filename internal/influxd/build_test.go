//go:build unix

package influxd

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// with simulates a machine that has only these programs, none of which works, and an
// empty cache.
func with(t *testing.T, programs ...string) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("LocalAppData", filepath.Join(home, "cache"))
	t.Setenv("PATH", home)
	t.Setenv("CC", "")
	for _, program := range programs {
		if err := os.WriteFile(filepath.Join(home, program), []byte("#!/bin/sh\necho this $0 is broken >&2\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// Tests are skipped if a program is missing. A build that fails must not look like
// that.
func TestGetNamesTheMissingProgram(t *testing.T) {
	for name, c := range map[string]struct {
		version  string
		programs []string
		missing  string
		says     string
	}{
		"1.8 without Go":           {V1, nil, "go", "building InfluxDB 1.8.10 needs go, which is not installed (https://go.dev/dl)"},
		"2.7 without Go":           {V2, []string{"cargo", "cc"}, "go", "needs go"},
		"2.7 without Rust":         {V2, []string{"go", "cc"}, "cargo", "needs cargo, which is not installed (https://rustup.rs)"},
		"2.7 without a C compiler": {V2, []string{"go", "cargo"}, "cc", "needs cc"},
		"1.8 fails to build":       {V1, []string{"go"}, "", "go is broken"},
		"2.7 fails to build":       {V2, []string{"go", "cargo", "cc"}, "", "go is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, c.programs...)
			_, err := Get(t.Context(), c.version, nil)
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

// A program of that name with another version must be rejected.
func TestGetChecksTheVersionOfItsBuild(t *testing.T) {
	with(t, "go")
	fake := "#!/bin/sh\nprintf '#!/bin/sh\\necho InfluxDB v1.8.9 \\n' > $GOBIN/influxd\n/bin/chmod 700 $GOBIN/influxd\n"
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "go"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Get(t.Context(), V1, nil); err == nil || !strings.Contains(err.Error(), "v1.8.9") {
		t.Fatal(err)
	}
}

// If this fails, a truncated program is used and crashes.
func TestTruncatedProgramsAreRejected(t *testing.T) {
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program")
	for _, bytes := range []int{len(program), len(program) / 2, 4096, 100, 10, 3, 0} {
		if err := os.WriteFile(path, program[:bytes], 0o700); err != nil {
			t.Fatal(err)
		}
		err := whole(path)
		// A file that does not begin like a program fails when it is run.
		if (err == nil) != (bytes == len(program) || bytes < 4) && runtime.GOOS == "linux" {
			t.Errorf("%d of %d bytes: %v", bytes, len(program), err)
		}
	}
}

func TestGetRefusesOtherVersions(t *testing.T) {
	if _, err := Get(t.Context(), "1.7", nil); err == nil || !strings.Contains(err.Error(), "choose from 1.8.10 and 2.7.12") {
		t.Fatal(err)
	}
}
