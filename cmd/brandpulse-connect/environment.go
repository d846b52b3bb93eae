package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
)

// environment looks variables up for the configurations that Benthos reads. Benthos
// puts a value into the text before that is YAML, where some characters change it or
// set another field. The files that a command names are checked before it reads them
// (preflight.go), with the quotes that are around each variable. This is for whatever
// else it reads, such as a file that was changed while it runs.
type environment struct {
	mu      sync.Mutex
	guarded bool            // a wrong value must not go on
	checked map[string]bool // variables that arrive as they are
}

// guard makes lookup refuse what could be changed, but for those that are checked.
func (e *environment) guard(checked []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.checked == nil {
		e.checked = map[string]bool{}
	}
	for _, name := range checked {
		e.checked[name] = true
	}
	e.guarded = true
}

// refused is no YAML wherever it stands, so that a configuration with it is refused.
const refused = "\x00"

func (e *environment) lookup(_ context.Context, name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.guarded || e.checked[name] || arrivesAnywhere(value) {
		return value, ok
	}
	fmt.Fprintf(os.Stderr, "The environment variable %s has characters that mean something in YAML, and was not there when its place in the configuration was checked: start anew, or choose another value.\n", name)
	return refused, true
}

// arrivesAnywhere is whether a value is the same in all quotes and in none.
func arrivesAnywhere(value string) bool {
	return !strings.ContainsAny(value, "'\"\\\n\r\t\u0085\u2028\u2029#{}[]&*!|>%@`") && !strings.Contains(value, ": ") && value == strings.TrimSpace(value)
}
