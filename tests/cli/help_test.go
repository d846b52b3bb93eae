package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var commands = []string{"run", "lint", "test", "list", "create", "echo", "blobl", "streams", "demo", "audit", "doctor", "dashboard", "template", "template lint", "blobl server", "topic", "topic create", "dlq", "dlq list", "dlq show", "dlq replay", "dlq drop"}

// If this fails, the help shows components that are not linked, addresses that do not
// exist, or lines of more than 80 columns.
func TestHelpIsOfThisDistribution(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"": output(t, 0, "--help")}
	for _, command := range commands {
		pages[command] = output(t, 0, append(strings.Fields(command), "--help")...)
	}
	ours := regexp.MustCompile(`https://github\.com/brandpulse/brandpulse-connect[/\w]+`)
	create := regexp.MustCompile(`(?m)^ *brandpulse-connect (create (?:--small )?[a-z][^>\n]*)`)
	for command, help := range pages {
		if address := ours.FindString(help); address != "" {
			t.Errorf("%s --help shows %s, which does not exist", command, address)
		}
		for line := range strings.Lines(help) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > 80 {
				t.Errorf("%s --help has a line of %d columns: %s", command, len(line), line)
			}
		}
		if strings.Contains(help, "{{") || strings.Contains(help, "Benthos config") {
			t.Errorf("%s --help is a template:\n%s", command, help)
		}
		for _, match := range create.FindAllStringSubmatch(help, -1) {
			output(t, 0, strings.Fields(match[1])...)
		}
	}
	for command, want := range map[string]int{"": 1, "create": 4} {
		if found := len(create.FindAllString(pages[command], -1)); found != want {
			t.Errorf("%s --help shows %d examples of create, want %d", command, found, want)
		}
	}
}

// If this fails, a mistyped command prints nothing or a full screen, or has exit code
// 0.
func TestMistypedCommandsGetAHint(t *testing.T) {
	t.Parallel()
	const noFile = "reading nope.yaml: no such file or directory. Check its path"
	for _, c := range []struct {
		args string
		says []string
	}{
		{"", []string{"no pipeline to run", "brandpulse-connect run FILE", "brandpulse-connect create"}},
		{"run", []string{"no pipeline to run"}},
		{"rnu config/exact.yaml", []string{"rnu", "Did you mean run?"}},
		{"--set a=b lnit", []string{"lnit", "Did you mean lint?"}},
		{"config/exact.yaml", []string{"brandpulse-connect run config/exact.yaml"}},
		{"zzzzzzzzzz", []string{"zzzzzzzzzz", "brandpulse-connect --help"}},
		{"--nope", []string{"-nope", "brandpulse-connect --help"}},
		{"run --nope", []string{"-nope", "brandpulse-connect run --help"}},
		{"create --nope", []string{"-nope", "brandpulse-connect create --help"}},
		{"dashboard --nope", []string{"-nope", "brandpulse-connect dashboard --help"}},
		{"demo --nope", []string{"-nope", "brandpulse-connect demo --help"}},
		{"lint", []string{"no file to lint"}},
		{"lint nowhere/*.yaml", []string{"no file to lint", `"nowhere/*.yaml"`}},
		{"template lint", []string{"no file to lint", "brandpulse-connect template lint ./templates/..."}},
		{"template lint nowhere/*.yaml", []string{"no file to lint", `"nowhere/*.yaml"`}},
		{"template lint t.yaml --verbose", []string{"brandpulse-connect template lint --verbose t.yaml"}},
		{"list foo", []string{`"foo"`, "inputs, processors, outputs"}},
		{"list input", []string{"Did you mean inputs?"}},
		{"list --format yaml", []string{`"yaml"`, "text, json"}},
		{"list --status stabel", []string{"Did you mean stable?"}},
		{"list inputs --nope", []string{"-nope", "brandpulse-connect list --help"}},
		{"list inputs --format", []string{"--format needs a value"}},
		{"run config/exact.yaml --set logger.level=DEBUG", []string{"flags come before the file", "brandpulse-connect run [OPTIONS] FILE"}},
		{"lint config/exact.yaml --labels", []string{"brandpulse-connect lint --labels config/exact.yaml"}},
		{"topic create --nope", []string{"-nope", "brandpulse-connect topic create --help"}},
		{"topic list", []string{"Unrecognised command: topic list", "The commands of topic: create.", "brandpulse-connect topic --help"}},
		{"topic describe --help", []string{"Unrecognised command: topic describe", "The commands of topic: create."}},
		{"topic craete mine", []string{"Did you mean create?"}},
		{"dlq lst", []string{"Unrecognised command: dlq lst", "Did you mean list?", "The commands of dlq: list, show, replay, drop."}},
		{"dlq list --nope", []string{"-nope", "brandpulse-connect dlq list --help"}},
		{"template lnt", []string{"Unrecognised command: template lnt", "Did you mean lint?"}},
		{"topic --nope", []string{"-nope", "brandpulse-connect topic --help"}},
		{"topic create bad/name", []string{`"bad/name" is not the name of a topic`, "up to 249 letters, digits, dots, underscores and hyphens"}},
		{"topic create x --partitions abc", []string{`invalid value "abc" for flag -partitions`, "brandpulse-connect topic create --help"}},
		{"run nope.yaml", []string{noFile}},
		{"echo nope.yaml", []string{noFile}},
		{"streams --no-api nope.yaml", []string{noFile}},
		{"test nope.yaml", []string{noFile}},
		{"lint nope.yaml", []string{noFile}},
		{"template lint nope.yaml", []string{noFile}},
		{"create -t nope.yaml influxdb", []string{noFile}},
		{"topic create x --pipeline nope.yaml", []string{noFile}},
		{"create influxd", []string{"Did you mean influxdb?"}},
		{"create a b", []string{"one expression"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			said := output(t, 1, strings.Fields(c.args)...)
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("does not contain %q:\n%s", want, said)
				}
			}
			if lines := strings.Count(said, "\n"); lines > 6 {
				t.Errorf("prints %d lines:\n%s", lines, said)
			}
		})
	}
}

// If this fails, wrong usage passes for a finding of a command whose exit code 1 is one,
// or its help does not say which code is which.
func TestWrongUsageIsNoFinding(t *testing.T) {
	t.Parallel()
	findings := map[string]string{"audit": "1: different; 2: could not be determined, or wrong usage", "doctor": "1: a check failed; 2: no diagnosis, or wrong usage"}
	for _, command := range commands {
		help := strings.Join(strings.Fields(output(t, 0, append(strings.Fields(command), "--help")...)), " ")
		if says, is := findings[command]; is != strings.Contains(help, "; 2: ") || !strings.Contains(help, says) {
			t.Errorf("%s --help does not say %q, or another meaning of 2:\n%s", command, says, help)
		}
	}
	for _, c := range []struct{ args, says string }{
		{"doctor --nope", "brandpulse-connect doctor --help"},
		{"doctor config/exact.yaml --nope", "brandpulse-connect doctor --help"},
		{"doctor --wait soon", `invalid value "soon" for flag -wait`},
		{"doctor config/exact.yaml --wait soon", `invalid value "soon" for flag -wait`},
		{"doctor config/exact.yaml --wait", "--wait needs a value"},
		{"doctor --wait -1s", "--wait is -1s: it must not be negative"},
		{"doctor a.yaml b.yaml", "doctor takes one pipeline"},
		{"doctor nope.yaml", "reading nope.yaml: no such file"},
		{"audit --nope", "brandpulse-connect audit --help"},
		{"audit config/exact.yaml --nope", "brandpulse-connect audit --help"},
		{"audit --window soon", `invalid value "soon" for flag -window`},
		{"audit --from", "flag needs an argument"},
		{"audit config/exact.yaml --from", "flag needs an argument"},
		{"audit --from soon", `"soon" is neither a time`},
		{"audit a.yaml b.yaml", "audit takes one pipeline"},
		{"audit nope.yaml", "reading nope.yaml: no such file"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			if said := output(t, 2, strings.Fields(c.args)...); !strings.Contains(said, c.says) {
				t.Errorf("does not contain %q:\n%s", c.says, said)
			}
		})
	}
}

// If this fails, a created pipeline is rejected by lint, or does not run.
func TestACreatedPipelineIsLintedAndRuns(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"create kafka_batches/sentiment_window/influxdb", "create --small tweet_generator/sentiment_window/influxdb", "create influxdb --small", "create",
	} {
		file := filepath.Join(t.TempDir(), "own.yaml")
		if err := os.WriteFile(file, []byte(output(t, 0, strings.Fields(args)...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if said := output(t, 0, "lint", file); said != "" {
			t.Errorf("%s: %s", args, said)
		}
	}
	file := filepath.Join(t.TempDir(), "runs.yaml")
	if err := os.WriteFile(file, []byte(output(t, 0, "create", "tweet_generator/sentiment_window/stdout")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := testenv.Start(t, testenv.Command{Args: []string{"run", "--set", "http.enabled=false", "--set", "input.tweet_generator.count=16000", file}})
	if code := p.Wait(t, time.Minute); code != 0 || !strings.Contains(p.Log(t), "tweets,brand=SuperCoffee,sentiment=positive count=4000i") {
		t.Errorf("exit code %d:\n%s", code, p.Log(t))
	}
}
