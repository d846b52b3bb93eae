package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// dockerfile gives the arguments of each instruction of a kind, in order.
func dockerfile(t *testing.T, instruction string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		if args, ok := strings.CutPrefix(strings.TrimSpace(line), instruction+" "); ok {
			found = append(found, args)
		}
	}
	if len(found) == 0 {
		t.Fatalf("the Dockerfile has no %s", instruction)
	}
	return found
}

func TestImageRunsWithoutRights(t *testing.T) {
	users := dockerfile(t, "USER")
	uid, _, _ := strings.Cut(users[len(users)-1], ":")
	if !regexp.MustCompile(`^[1-9]\d*$`).MatchString(uid) {
		t.Errorf("the image runs as %q, want a number that is not 0", users[len(users)-1])
	}
}

// The image of Go never downloads another toolchain, so one that is older than
// go.mod asks for cannot build.
func TestToolchainOfTheImageIsNewEnough(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	from, _, _ := strings.Cut(dockerfile(t, "FROM")[0], " ")
	got := versionOf(from)
	if !strings.HasPrefix(from, "golang:") || semver.Compare("v"+got, "v"+mod.Go.Version) < 0 {
		t.Errorf("the image is built from %s, go.mod asks for Go %s", from, mod.Go.Version)
	}
}

// A COPY of what is not there, or of what .dockerignore leaves out, fails only
// where an engine builds.
func TestCopiedFilesAreInTheBuildContext(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	ignored := strings.Fields(string(text))
	var sources []string
	for _, args := range dockerfile(t, "COPY") {
		fields := strings.Fields(args)
		if strings.HasPrefix(fields[0], "--from=build") {
			fields = slices.DeleteFunc(fields, func(f string) bool { return !strings.HasPrefix(f, "/src/") })
			for _, f := range fields {
				sources = append(sources, strings.TrimPrefix(f, "/src/"))
			}
			continue
		}
		if !strings.HasPrefix(fields[0], "--") {
			sources = append(sources, fields[:len(fields)-1]...)
		}
	}
	for _, needed := range append(sources, "cmd", "internal", "plugins", "schemas", "tools/licences") {
		if needed == "." {
			continue
		}
		if found, err := filepath.Glob(filepath.Join(root, needed)); err != nil || len(found) == 0 {
			t.Errorf("the Dockerfile needs %s, which is not there", needed)
		}
		top, _, _ := strings.Cut(needed, "/")
		if slices.Contains(ignored, top) || slices.Contains(ignored, needed) {
			t.Errorf("the Dockerfile needs %s, which .dockerignore leaves out", needed)
		}
	}
}

// An image of an unknown version cannot be reported. Its repository is not in the build
// context, so the version comes by arguments, from docker build and from compose.
func TestTheImageIsToldItsVersion(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "cmd", "brandpulse-connect", "version.go"))
	if err != nil {
		t.Fatal(err)
	}
	build := strings.Join(dockerfile(t, "RUN"), "\n")
	for argument, variable := range map[string]string{"VERSION": "Version", "DATE": "DateBuilt"} {
		if !strings.Contains(strings.Join(dockerfile(t, "ARG"), " "), argument+"=") || !strings.Contains(build, "-X main."+variable+"=$"+argument) {
			t.Errorf("the build does not set %s from %s: %s", variable, argument, build)
		}
		if !regexp.MustCompile(`(?m)^(?:var|\t)\s*(?:\w+, )*` + variable + `\b`).Match(text) {
			t.Errorf("version.go has no variable %s, which the linker sets", variable)
		}
		for name, s := range load(t, argument+"=v1.2.3").Services {
			if s.Build == nil {
				continue
			}
			if got := s.Build.Args[argument]; got == nil || *got != "v1.2.3" {
				t.Errorf("compose builds %s with %s=%v", name, argument, got)
			}
		}
	}
}
