package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// If this fails, each start collects the garbage of the lint rules with Go's own
// setting, which takes a third more: Go has initialized a component first.
func TestMemoryIsSetBeforeComponentsAreMade(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "-test.run=^$")
	command.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const module = "init github.com/brandpulse/brandpulse-connect/"
	set := strings.Index(string(out), module+"internal/memory @")
	first := strings.Index(string(out), module+"plugins/")
	if set < 0 || first < 0 || set > first {
		t.Errorf("the limits of memory are set at %d, and the first plugin is made at %d of\n%s", set, first, out)
	}
}
