package configs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// shipped are the documented pipelines. A new one must be added to the tests.
var shipped = []string{"all_in_one.yaml", "exact.yaml", "generate.yaml", "generate_fast.yaml", "ingest.yaml", "ingest_tweets.yaml", "mirror.yaml", "spike.yaml", "texts.yaml", "traced.yaml"}

// pipelines returns the names of the pipelines in config/.
func pipelines(t testing.TB) (files []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(testenv.Root(t), "config", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		if !strings.HasSuffix(file, "_benthos_test.yaml") {
			files = append(files, file)
		}
	}
	return files
}

func TestPipelinesAreTheOnesThatAreTested(t *testing.T) {
	var found, embedded []string
	for _, file := range pipelines(t) {
		found = append(found, filepath.Base(file))
	}
	entries, err := config.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		embedded = append(embedded, entry.Name())
	}
	if !slices.Equal(found, shipped) || !slices.Equal(embedded, shipped) {
		t.Errorf("config/ has %v, the binary %v, and the tests %v", found, embedded, shipped)
	}
}

// run runs the program to its end and returns its output.
func run(t testing.TB, command testenv.Command) (code int, printed string) {
	t.Helper()
	p := testenv.Start(t, command)
	code = p.Wait(t, time.Minute)
	return code, p.Log(t)
}

// With --deprecated, lint is stricter than a run.
func TestPipelinesLint(t *testing.T) {
	t.Parallel()
	args := slices.Concat([]string{"lint", "--deprecated", "--verbose"}, pipelines(t))
	code, printed := run(t, testenv.Command{Args: args})
	if code != 0 || strings.Count(printed, ": OK") != len(shipped) {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
}

// The unit tests of the processors. A pipeline without processors has none and is run
// in this package instead.
func TestPipelinesPassTheirUnitTests(t *testing.T) {
	t.Parallel()
	code, printed := run(t, testenv.Command{Args: []string{"test", "./config/..."}})
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
	for _, name := range []string{"all_in_one", "exact", "ingest", "ingest_tweets", "texts"} {
		if !strings.Contains(printed, "'config/"+name+".yaml' succeeded") {
			t.Errorf("no test of %s has run:\n%s", name, printed)
		}
	}
}

// If this fails, a mistake is found only at the start or never, or the error does not
// say where it is.
func TestLintReportsFileLineAndReason(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]struct {
		config     string
		line, with string // beginning of the line that is replaced
		at         string // beginning of the reported line, if it is another one
		says       string
	}{
		"shares":          {config: "generate", line: "positive:", with: "positive: 60", at: "positive:", says: "sentiment shares add up to 110, not 100"},
		"unknown field":   {config: "generate", line: "count:", with: "cuont: 5", says: "field cuont not recognised"},
		"negative rate":   {config: "generate", line: "rate:", with: "rate: -1", says: "rate is -1: it must be 0, or a number from 0.001 to 1000000000"},
		"enum":            {config: "generate", line: "mode:", with: "mode: sometimes", says: `mode is "sometimes": it must be fixed or volatile`},
		"duration":        {config: "generate", line: "duration:", with: "duration: ten minutes", says: `duration is "ten minutes": it must be a duration such as`},
		"acks":            {config: "generate", line: "acks:", with: "acks: none", at: "seed_brokers:", says: "idempotent_write requires acks to be set to all"},
		"enum of Kafka":   {config: "generate", line: "compression:", with: "compression: rar", says: "value rar is not a valid option"},
		"window":          {config: "ingest", line: "window:", with: "window: 1500us", says: `window is "1500us": it must be whole milliseconds`},
		"mapping":         {config: "ingest", line: "- check:", with: "- check: errored(", says: "expected function argument"},
		"flush period":    {config: "ingest", line: "flush_period:", with: "flush_period: soon", says: `flush_period is "soon": it must be a duration such as 500ms, 10s, 5m or 48h, from 1ms to 5s`},
		"query in url":    {config: "ingest", line: "url:", with: "url: http://127.0.0.1:8086/?u=admin&p=canary", says: "url must not contain a user, a password or a query"},
		"password in url": {config: "ingest_tweets", line: "url:", with: "url: http://admin:canary@127.0.0.1:8086", says: "url must not contain a user, a password or a query"},
		"two ways out":    {config: "all_in_one", line: "bucket:", with: "bucket: b\n            on_reject: nack", at: "url:", says: "remove one of them"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := config.Files.ReadFile(mistake.config + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			number := func(begin string) int {
				is := func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), begin) }
				i := slices.IndexFunc(lines, is)
				if i < 0 {
					t.Fatalf("no line of %s begins with %q", mistake.config, begin)
				}
				return i
			}
			i := number(mistake.line)
			if mistake.at != "" {
				mistake.line = mistake.at
			}
			at := number(mistake.line)
			indent := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))]
			lines[i] = indent + mistake.with
			file := filepath.Join(t.TempDir(), "mistake.yaml")
			if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			code, printed := run(t, testenv.Command{Args: []string{"lint", file}})
			want := regexp.MustCompile(regexp.QuoteMeta(file) + fmt.Sprintf(`\(%d,\d+\) .*`, at+1) + regexp.QuoteMeta(mistake.says))
			if code != 1 || !want.MatchString(printed) {
				t.Errorf("exit code %d, want %s in\n%s", code, want, printed)
			}
			if strings.Contains(printed, "canary") {
				t.Errorf("the password is shown:\n%s", printed)
			}
		})
	}
}

// A value from the environment is checked like one in the file.
func TestLintReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	code, printed := run(t, testenv.Command{Args: []string{"lint", "config/generate.yaml"}, Env: map[string]string{"POSITIVE": "60"}})
	if code != 1 || !strings.Contains(printed, "add up to 110") {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
}
