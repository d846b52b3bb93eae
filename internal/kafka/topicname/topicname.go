// Package topicname checks the names of Kafka topics, which not every server that speaks
// Kafka's protocol does.
package topicname

import "regexp"

// Pattern is what Kafka allows as the name of a topic, except "." and "..".
const Pattern = `^[a-zA-Z0-9._-]{1,249}$`

// Allowed describes the allowed names.
const Allowed = "up to 249 letters, digits, dots, underscores and hyphens"

var pattern = regexp.MustCompile(Pattern)

// Valid reports whether Kafka allows a name.
func Valid(name string) bool {
	return pattern.MatchString(name) && name != "." && name != ".."
}
