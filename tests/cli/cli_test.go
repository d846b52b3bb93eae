// Package cli_test checks that the program's commands work as a Benthos user expects,
// and carry our name.
package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// output runs the program to its end and returns its output.
func output(t *testing.T, wantCode int, args ...string) string {
	t.Helper()
	p := testenv.Start(t, testenv.Command{Args: args})
	if code := p.Wait(t, 30*time.Second); code != wantCode {
		t.Fatalf("%s: exit code %d, want %d:\n%s", strings.Join(args, " "), code, wantCode, p.Log(t))
	}
	return p.Log(t)
}

func TestCommandsOfBenthosAreThere(t *testing.T) {
	t.Parallel()
	help := output(t, 0, "--help")
	for _, want := range []string{"brandpulse-connect", "BrandPulse Connect", "github.com/brandpulse/brandpulse-connect"} {
		if !strings.Contains(help, want) {
			t.Errorf("the help does not contain %q:\n%s", want, help)
		}
	}
	for _, command := range []string{"run", "lint", "test", "list", "create", "echo", "blobl", "streams", "demo", "audit", "dlq", "doctor"} {
		if !regexp.MustCompile(`(?m)^\s+` + command + `\b`).MatchString(help) {
			t.Errorf("the help does not list the command %s", command)
		}
		if out := output(t, 0, command, "--help"); !strings.Contains(out, "brandpulse-connect "+command) {
			t.Errorf("%s --help does not carry our name:\n%s", command, out)
		}
	}
	if out := output(t, 1, "no-such-command"); !strings.Contains(out, "no-such-command") {
		t.Errorf("an unknown command is not named:\n%s", out)
	}
}

func TestVersionIsKnown(t *testing.T) {
	t.Parallel()
	out := output(t, 0, "--version")
	version := regexp.MustCompile(`(?m)^Version: (\S+)$`).FindStringSubmatch(out)
	if version == nil {
		t.Fatalf("no version in %q", out)
	}
	if version[1] == "(devel)" || !regexp.MustCompile(`(?m)^Date: \S+$`).MatchString(out) {
		t.Errorf("%q does not identify the build", out)
	}
}

// Only linked components can be used in a pipeline: ours, and the stock components that
// the shipped pipelines need.
func TestComponentsAreListed(t *testing.T) {
	t.Parallel()
	for kind, names := range map[string][]string{
		"inputs":     {"tweet_generator", "redpanda", "file", "stdin"},
		"processors": {"sentiment_window", "mapping"},
		"outputs":    {"influxdb", "redpanda", "switch", "fallback", "retry", "stdout"},
		"metrics":    {"prometheus"},
	} {
		out := output(t, 0, "list", kind)
		for _, name := range names {
			if !regexp.MustCompile(`(?m)^\W*` + name + `$`).MatchString(out) {
				t.Errorf("list %s does not contain %s", kind, name)
			}
		}
	}
}

// `create` is how users start a pipeline of their own. Its HTTP server has no login, so
// by default it must not be reachable from the network.
func TestCreateListensOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	out := output(t, 0, "create", "tweet_generator/sentiment_window/influxdb")
	for _, want := range []string{"tweet_generator:", "sentiment_window:", "influxdb:", "address: 127.0.0.1:4195"} {
		if !strings.Contains(out, want) {
			t.Errorf("create does not print %q:\n%s", want, out)
		}
	}
}
