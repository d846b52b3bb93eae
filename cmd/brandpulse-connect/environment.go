package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// lineBreaks are what YAML takes for the end of a line, beside the newline that
// Benthos escapes.
const lineBreaks = "\r\u0085\u2028\u2029"

// lookupEnv gives the value of a variable for a configuration. Benthos puts it
// into the text before that is read as YAML, so a token with such a line break
// could set another field. The hook has no error to return: the program ends.
func lookupEnv(_ context.Context, name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	if strings.ContainsAny(value, lineBreaks) {
		fmt.Fprintf(os.Stderr, "The environment variable %s holds a line break that is no newline (a carriage return, U+0085, U+2028 or U+2029), which would end the line of the configuration that it stands in: remove it.\n", name)
		os.Exit(1)
	}
	return value, ok
}
