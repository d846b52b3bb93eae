package configlint

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

// wrongSecret returns what is wrong with a secret, or "". Benthos hides only text. It
// prints any other value, with the error that it could not be hidden.
func wrongSecret(p place) string {
	if isValue(p) && !p.field.Secret && p.field.Scrubber != "" && hidesPassword(p.node) {
		return secret.WrongURL(p.name)
	}
	if !isValue(p) || !p.field.Secret || p.node.Kind != yaml.ScalarNode {
		return ""
	}
	switch p.node.ShortTag() {
	case "!!str", "!!null", "!!binary":
		return ""
	}
	return p.name + " is a secret and must be text. Put it into quotes"
}

// hidesPassword reports whether an address may contain a password that Benthos, which
// cannot parse the address, does not hide. A field may contain several addresses,
// separated by commas.
func hidesPassword(node *yaml.Node) bool {
	if node.Kind != yaml.ScalarNode || strings.Contains(node.Value, "${") {
		return false
	}
	if _, err := url.Parse(node.Value); err == nil {
		return false
	}
	for one := range strings.SplitSeq(node.Value, ",") {
		if _, err := url.Parse(strings.TrimSpace(one)); err != nil && strings.Contains(one, "@") {
			return true
		}
	}
	return false
}

// isValue reports whether a place has a value of its own, not fields or components.
func isValue(p place) bool {
	return p.field.Kind == "scalar" && len(p.field.Children) == 0
}

// wrongValue returns what is wrong with a value by the type of its field, or by the
// form of its default; "" if nothing is. Benthos converts a value before it runs a lint
// rule, and silently skips the rule if that fails or drops the fraction.
func wrongValue(p place) string {
	if p.node.Kind != yaml.ScalarNode || p.node.ShortTag() == "!!null" {
		return ""
	}
	if len(p.field.Children) > 0 && p.field.Kind == "scalar" {
		names := make([]string, 0, len(p.field.Children))
		for _, child := range p.field.Children[:min(3, len(p.field.Children))] {
			names = append(names, child.Name)
		}
		return says(p, "an object with fields such as "+strings.Join(names, ", "))
	}
	if !isValue(p) {
		return ""
	}
	switch p.field.Type {
	case "int":
		return wrongInt(p)
	case "float":
		var f float64
		if p.node.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return says(p, "a number")
		}
	case "bool":
		var b bool
		if p.node.Decode(&b) != nil {
			return says(p, "true or false")
		}
	case "string":
		return wrongText(p)
	}
	return ""
}

func wrongInt(p place) string {
	var i int
	if p.node.Decode(&i) != nil {
		return says(p, "a whole number")
	}
	var f float64
	if p.node.Decode(&f) == nil && f != math.Trunc(f) {
		return says(p, "a whole number")
	}
	if (p.name == "max_in_flight" || p.path == "pipeline.threads") && i > mostThreads {
		return says(p, fmt.Sprintf("at most %d", mostThreads))
	}
	return ""
}

// mostThreads bounds the fields for each unit of which Benthos starts a goroutine, and
// which it does not bound: with a billion the process ends for lack of memory.
const mostThreads = 100_000

// wrongText checks texts of fields without a lint rule.
func wrongText(p place) string {
	value := p.node.Value
	if check, is := stock[p.path]; is {
		return check(p)
	}
	if p.field.Linter != "" || p.field.Interpolated || p.field.Secret || value == "" || strings.Contains(value, "${!") {
		return ""
	}
	standard, _ := p.field.Default.(string)
	if last := standard[max(0, len(standard)-1):]; last != "s" && last != "m" && last != "h" && last != "B" {
		return ""
	}
	switch {
	case isDuration(standard):
		if !isDuration(value) && p.field.only(isDuration) {
			return says(p, "a duration such as 500ms, 10s, 5m or 48h")
		}
	case isSize(standard):
		if !isSize(value) && p.field.only(isSize) {
			return says(p, "a size such as 512KiB or 64MiB")
		}
	}
	return ""
}

func isDuration(text string) bool {
	_, err := time.ParseDuration(text)
	return err == nil
}

func isSize(text string) bool {
	_, err := humanize.ParseBytes(text)
	return err == nil
}

// only reports whether the examples of a field are all of the kind of its default. The
// interval of the input generate, 1s by default, may be a cron expression.
func (f field) only(kind func(text string) bool) bool {
	return !slices.ContainsFunc(f.Examples, func(example any) bool {
		text, is := example.(string)
		return is && !kind(text)
	})
}

// stock are fields of Benthos whose wrong values it replaces, or finds late.
var stock = map[string]func(place) string{
	"logger.level": func(p place) string {
		if slices.Contains([]string{"OFF", "NONE", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"}, strings.ToUpper(p.node.Value)) {
			return ""
		}
		return says(p, "OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE or ALL")
	},
	"logger.format": oneOf("logfmt", "json"),
	"http.address": func(p place) string {
		_, port, err := net.SplitHostPort(p.node.Value)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return says(p, "a host and a port, such as 127.0.0.1:4195")
		}
		return ""
	},
}

func oneOf(allowed ...string) func(place) string {
	return func(p place) string {
		if slices.Contains(allowed, p.node.Value) {
			return ""
		}
		return says(p, strings.Join(allowed[:len(allowed)-1], ", ")+" or "+allowed[len(allowed)-1])
	}
}

// says returns the message: the field, its value and what is allowed.
func says(p place, allowed string) string {
	value := shown(p.node)
	return fmt.Sprintf("%s is %s: it must be %s", p.name, value, allowed)
}

// shown returns a value for a message: shortened, and text in quotes.
func shown(node *yaml.Node) string {
	value := node.Value[:min(len(node.Value), 100)]
	if node.ShortTag() == "!!str" {
		return strconv.Quote(value)
	}
	return value
}
