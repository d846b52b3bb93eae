package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// lineBreaks are what YAML takes for the end of a line, beside the newline that
// Benthos escapes.
const lineBreaks = "\r\u0085\u2028\u2029"

// misread is what YAML takes for something else within quotes without a word: two
// single quotes for one, and a quote with a comment behind it for the end.
var misread = regexp.MustCompile(`''|['"][ \t]+#`)

// lookupEnv gives the value of a variable for a configuration. Benthos puts it
// into the text before that is read as YAML, so a token with such a line break
// could set another field, and one with such quotes would arrive as another one,
// which InfluxDB refuses without saying why. The hook has no error to return: the
// program ends.
func lookupEnv(_ context.Context, name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	if strings.ContainsAny(value, lineBreaks) {
		fmt.Fprintf(os.Stderr, "The environment variable %s holds a line break that is no newline (a carriage return, U+0085, U+2028 or U+2029), which would end the line of the configuration that it stands in: remove it.\n", name)
		os.Exit(1)
	}
	if found := misread.FindString(value); found != "" {
		fmt.Fprintf(os.Stderr, "The environment variable %s holds %s, which YAML would read as something else within the quotes of the configuration: choose another value, or write it into the configuration itself.\n", name, found)
		os.Exit(1)
	}
	return value, ok
}
