package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
)

// environment looks up variables for the configurations that Benthos reads. Benthos
// inserts a value into the text before it parses the YAML, so some characters would
// alter the value or set another field. The files that a command names are checked
// before it reads them (preflight.go), with the quotes around each variable. This type
// checks all others, such as a file that is changed during the run.
type environment struct {
	mu      sync.Mutex
	guarded bool            // reject unsafe values
	checked map[string]bool // variables that are known to be safe
}

// guard makes lookup reject values that YAML could alter, except for checked variables.
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

// refused is invalid YAML anywhere, so a configuration with it is rejected.
const refused = "\x00"

func (e *environment) lookup(_ context.Context, name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.guarded || e.checked[name] || arrivesAnywhere(value) {
		return value, ok
	}
	fmt.Fprintf(os.Stderr, "The environment variable %s has characters with a meaning in YAML, and the configuration that was checked at start did not use it. Restart the process, or choose another value.\n", name)
	return refused, true
}

// arrivesAnywhere reports whether YAML reads a value unchanged, with any quotes and
// without.
func arrivesAnywhere(value string) bool {
	return !strings.ContainsAny(value, "'\"\\\n\r\t\u0085\u2028\u2029#{}[]&*!|>%@`") && !strings.Contains(value, ": ") && value == strings.TrimSpace(value)
}
