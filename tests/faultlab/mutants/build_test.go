package mutants_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var mutantTag = regexp.MustCompile(`(?m)^//go:build (mutant_\w+)$`)

// tagged gives the tags of the files that break a rule, and their packages.
func tagged(t *testing.T, root string) (tags, packages []string) {
	t.Helper()
	for _, dir := range []string{"cmd", "internal", "plugins"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found := mutantTag.FindSubmatch(source)
			switch {
			case found == nil:
				return nil
			case !strings.HasSuffix(path, "_mutant.go"):
				t.Errorf("%s breaks a rule, and its name does not say so", path)
			}
			of, err := filepath.Rel(root, filepath.Dir(path))
			tags, packages = append(tags, string(found[1])), append(packages, "./"+filepath.ToSlash(of))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(tags)
	slices.Sort(packages)
	return slices.Compact(tags), slices.Compact(packages)
}

// What would break: a rule is given another form, and its broken twin is
// forgotten until somebody looks for it, or is never run.
func TestMutantsBuild(t *testing.T) {
	root := testenv.Root(t)
	tags, packages := tagged(t, root)
	var listed []string
	for _, m := range mutants {
		listed = append(listed, m.tag)
	}
	slices.Sort(listed)
	if !slices.Equal(tags, listed) {
		t.Errorf("the source has %v, and there are scenarios for %v", tags, listed)
	}
	command := func(args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), "go", append(args, packages...)...)
		c.Dir = root
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", c.Args, err, out)
		}
	}
	for _, tag := range tags {
		command("build", "-tags", tag)
	}
	command("vet", "-tags", strings.Join(tags, ","))
}
