package configlint

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// The expressions with which Benthos (config.Reader) replaces variables in the text of
// a configuration, before it parses the YAML.
var (
	variable = regexp.MustCompile(`\${[0-9A-Za-z_.]+(:((\${[^}]+})|[^}])*)?(?:\|[0-9A-Za-z]+)?}`)
	escaped  = regexp.MustCompile(`\${({[0-9A-Za-z_.]+(:((\${[^}]+})|[^}])*)?})}`)
)

// use is one use of a variable in a text.
type use struct {
	start, end int
	line       int
	name       string
	// set means that the environment has a value. The value must arrive unchanged;
	// replacement is the text that Benthos inserts, with newlines escaped.
	set                bool
	value, replacement string

	missing bool // the variable has neither a value nor a default
}

// Lookup returns the value of an environment variable.
type Lookup func(name string) (string, bool)

// uses finds the variables in a text. If a transformation fails or is unknown, the
// variable is left unset: Benthos reports it.
func uses(text []byte, lookup Lookup) (found []use) {
	for _, at := range variable.FindAllIndex(text, -1) {
		inner := text[at[0]+2 : at[1]-1]
		u := use{start: at[0], end: at[1], line: 1 + bytes.Count(text[:at[0]], []byte("\n"))}
		name, rest, defaulted := bytes.Cut(inner, []byte(":"))
		if !defaulted {
			rest = name
		}
		function := ""
		if pipe := bytes.LastIndexByte(rest, '|'); pipe >= 0 {
			rest, function = rest[:pipe], string(rest[pipe+1:])
		}
		if !defaulted {
			name = rest
		}
		u.name = string(name)
		value, is := lookup(u.name)
		u.set = value != ""
		u.missing = !is && !defaulted
		if !u.set && defaulted {
			value = string(rest)
		}
		switch function {
		case "":
		case "base64decode":
			decoded, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				u.set = false
			}
			value = string(decoded)
		default:
			u.set = false
		}
		u.value, u.replacement = value, strings.ReplaceAll(value, "\n", `\n`)
		found = append(found, u)
	}
	return found
}

// substitute returns the text as Benthos reads it, with the result of write for the
// i-th variable that is set.
func substitute(text []byte, found []use, write func(i int) string) []byte {
	var out bytes.Buffer
	last := 0
	for i, u := range found {
		out.Write(text[last:u.start])
		if u.set {
			out.WriteString(write(i))
		} else {
			out.WriteString(u.replacement)
		}
		last = u.end
	}
	out.Write(text[last:])
	return escaped.ReplaceAll(out.Bytes(), []byte("$$$1"))
}

// marks are words that stand for variables. They are plain text in YAML and do not
// occur in the configuration.
type marks struct {
	prefix string
	all    *regexp.Regexp
}

func newMarks(text []byte) marks {
	prefix := "BRANDPULSEVARIABLE"
	for bytes.Contains(text, []byte(prefix)) {
		prefix += "X"
	}
	return marks{prefix, regexp.MustCompile(prefix + `([0-9]+)E`)}
}

func (m marks) of(i int) string { return m.prefix + strconv.Itoa(i) + "E" }

// in returns the variables whose marks a text contains.
func (m marks) in(text string) (found []int) {
	for _, match := range m.all.FindAllStringSubmatch(text, -1) {
		i, err := strconv.Atoi(match[1])
		if err == nil {
			found = append(found, i)
		}
	}
	return found
}

// filled returns a text with the marks replaced by the values.
func (m marks) filled(text string, found []use) string {
	return m.all.ReplaceAllStringFunc(text, func(mark string) string {
		return found[m.in(mark)[0]].value
	})
}
