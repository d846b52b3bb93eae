package demo

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxErrorLines bounds how much of an error is printed.
const maxErrorLines = 8

// logged matches the level and the text of a log line.
var logged = regexp.MustCompile(`level=(\w+) msg=("(?:[^"\\]|\\.)*")`)

// lastError returns the text of the last error in the end of a log, or its last line,
// in lines of lineWidth columns.
func lastError(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	text := lines[len(lines)-1]
	for _, line := range lines {
		if found := logged.FindStringSubmatch(line); len(found) == 3 && found[1] == "error" {
			if message, err := strconv.Unquote(found[2]); err == nil {
				text = message
			}
		}
	}
	return wrap(text)
}

// wrap breaks a text at spaces. A longer word, such as a path, is broken where it must.
func wrap(text string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > lineWidth {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
		for utf8.RuneCountInString(line) > lineWidth {
			runes := []rune(line)
			lines, line = append(lines, string(runes[:lineWidth])), string(runes[lineWidth:])
		}
	}
	if lines = append(lines, line); len(lines) > maxErrorLines {
		lines = append(lines[:maxErrorLines], "…")
	}
	return strings.Join(lines, "\n")
}
