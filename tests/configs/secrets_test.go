package configs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// canary is a token that must be sent to InfluxDB and shown nowhere.
const canary = "canary-f0e1d2c3"

// withToken returns a shipped pipeline with its token as part of the configuration.
func withToken(t *testing.T, config, token string) (file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "config", config+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const env = "token_env: INFLUXDB_TOKEN\n"
	if strings.Count(string(text), env) != 1 {
		t.Fatalf("%s does not name the variable of its token", config)
	}
	file = filepath.Join(t.TempDir(), config+".yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), env, "token: "+token+"\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEchoHidesTheToken(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"exact", "ingest", "ingest_tweets", "all_in_one"} {
		for _, file := range []string{"config/" + config + ".yaml", withToken(t, config, "${INFLUXDB_TOKEN}")} {
			code, printed := run(t, testenv.Command{
				Args: []string{"echo", file},
				Env:  map[string]string{"INFLUXDB_TOKEN": canary},
			})
			if code != 0 || !strings.Contains(printed, "token") || strings.Contains(printed, canary) {
				t.Errorf("exit code %d:\n%s", code, printed)
			}
		}
	}
}

// If this fails, a token is in a log that a user sends to get help, or at an open debug
// endpoint. One InfluxDB accepts the token, stores some points and rejects others; the
// other one does not accept it.
func TestRunHidesTheToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known string
		text  bool // the token is part of the configuration
	}{
		"right, as text": {canary, true}, "right, by variable": {canary, false}, "wrong": {"another", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known, file := c.known, "config/ingest.yaml"
			if c.text {
				file = withToken(t, "ingest", "${INFLUXDB_TOKEN}")
			}
			kafka := testenv.FakeKafka(t)
			topic := kafka.Topic(t, 1)
			kafka.Produce(t,
				&kgo.Record{Topic: topic, Value: tweetOf(t, "SuperCoffee", "positive", 1_700_000_000_000)},
				&kgo.Record{Topic: topic, Value: tweetOf(t, refusedBrand, "positive", 1_700_000_000_000)},
				&kgo.Record{Topic: topic, Value: []byte("broken")},
			)
			influx := influxfake.New(influxfake.Options{Token: known, Refuse: refuseBrand, Fault: failThrice()})
			url, stop := influx.Listen()
			t.Cleanup(stop)
			program := testenv.Start(t, testenv.Command{
				Config: file,
				Args:   []string{"--set", "http.debug_endpoints=true"},
				Env: map[string]string{
					"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "TOPIC": topic, "DEAD_TOPIC": kafka.Topic(t, 1), "CONSUMER_GROUP": "group",
					"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket", "INFLUXDB_TOKEN": canary,
					"LOG_LEVEL": "TRACE",
				},
			})
			if known == canary {
				committed(t, kafka, "group", topic)
			} else {
				testenv.Eventually(t, time.Minute, "the log says what is wrong", func() error {
					if !strings.Contains(program.Log(t), "token is missing or wrong") {
						return errors.New("it does not")
					}
					return nil
				})
			}
			mustHideTheToken(t, program, c.text)
			if code := program.Stop(t); code != 0 && known == canary {
				t.Errorf("exit code %d", code)
			}
			if strings.Contains(program.Log(t), canary) {
				t.Error("the log shows the token")
			}
		})
	}
}

// mustHideTheToken requests everything that a program shows about itself.
func mustHideTheToken(t *testing.T, program *testenv.Program, scrubbed bool) {
	t.Helper()
	listed, err := program.Get(t.Context(), "/endpoints")
	if err != nil {
		t.Fatal(err)
	}
	var endpoints map[string]string
	if err := json.Unmarshal(listed, &endpoints); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/debug/config/json", "/debug/config/yaml", "/debug/stack", "/debug/pprof/goroutine", "/debug/pprof/heap", "/metrics", "/ready",
	} {
		if _, ok := endpoints[path]; !ok {
			t.Errorf("%s is not served: is debugging on?", path)
		}
	}
	paths := slices.Collect(maps.Keys(endpoints))
	// Those that are text with a parameter, and some that are not served today.
	paths = append(paths, "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1",
		"/debug/pprof/allocs?debug=1", "/debug/pprof/cmdline", "/debug/vars", "/debug/pprof/")
	for _, path := range paths {
		if path == "/debug/pprof/profile" || path == "/debug/pprof/trace" {
			path += "?seconds=1"
		}
		body, err := program.Get(t.Context(), path)
		_, served := endpoints[path]
		if served && err != nil && path != "/ready" {
			t.Errorf("%s: %v", path, err)
		}
		if scrubbed && strings.HasPrefix(path, "/debug/config/") && !bytes.Contains(body, []byte("SECRET_SCRUBBED")) {
			t.Errorf("%s shows no configuration with a token: %.200s", path, body)
		}
		if shows(t, body) || strings.Contains(fmt.Sprint(err), canary) {
			t.Errorf("%s shows the token", path)
		}
	}
}

// shows reports whether the token is in a body, which may be compressed, as profiles
// are.
func shows(t *testing.T, body []byte) bool {
	t.Helper()
	if bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		zip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(zip); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Contains(body, []byte(canary))
}

// odd are tokens with characters that have a meaning in YAML, or in the text that
// Benthos parses before it. internal/secret and internal/configlint test more, without
// starting a program for each.
var odd = []string{
	`user:pass"word`, `user:back\slash\\`, "user: # x", "{user: [x", `abc'#def`, "x', timeout: 7s, y: '", "${HOME}", "${{HOME}}", "0123",
}

// If this fails, a token arrives at InfluxDB changed.
func TestOddTokenArrivesAtInfluxDB(t *testing.T) {
	t.Parallel()
	for i, token := range odd {
		t.Run(strconv.Itoa(i), func(t *testing.T) { // the test's folders have its name
			t.Parallel()
			influx := influxfake.New(influxfake.Options{Token: token})
			url, stop := influx.Listen()
			t.Cleanup(stop)
			dir := t.TempDir()
			env := map[string]string{
				"COUNT": "10", "BATCH_SIZE": "10", "PROGRESS": "never",
				"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket", "INFLUXDB_TOKEN": token,
				"DEAD_FILE": filepath.Join(dir, "dead"), "REJECTED_FILE": filepath.Join(dir, "rejected"),
			}
			if i%2 == 1 {
				file := filepath.Join(dir, "token")
				if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				env["INFLUXDB_TOKEN"], env["INFLUXDB_TOKEN_FILE"] = "", file
			}
			program := testenv.Start(t, testenv.Command{Config: "config/all_in_one.yaml", Env: env})
			if code := program.Wait(t, time.Minute); code != 0 || len(influx.Stored()) == 0 {
				t.Errorf("%q: exit code %d, %d lines are stored", token, code, len(influx.Stored()))
			}
		})
	}
}

// If this fails, a token that cannot be sent to InfluxDB is accepted, or one of two
// tokens silently wins.
func TestTokensThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		says string
	}{
		"line break at the end": {map[string]string{"INFLUXDB_TOKEN": canary + "\n"}, "token_env: the variable ends in a line break"},
		"two lines":             {map[string]string{"INFLUXDB_TOKEN": canary + "\nx"}, "token_env: the variable contains a line break"},
		"variable and file":     {map[string]string{"INFLUXDB_TOKEN": canary, "INFLUXDB_TOKEN_FILE": file}, "token is given more than once"},
		"no file":               {map[string]string{"INFLUXDB_TOKEN_FILE": file + "s"}, "token_file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, printed := run(t, testenv.Command{Config: "config/all_in_one.yaml", Env: c.env})
			if code == 0 || !strings.Contains(printed, c.says) || strings.Contains(printed, canary) {
				t.Errorf("exit code %d, want %q:\n%s", code, c.says, printed)
			}
		})
	}
}

// If this fails, the value of an environment variable, which is inserted into the
// configuration before it is parsed as YAML, arrives changed, or ends its own quotes
// and sets another field; or the error about it shows a secret.
func TestVariablesArriveOrAreRefused(t *testing.T) {
	t.Parallel()
	file := withToken(t, "ingest", "'${INFLUXDB_TOKEN}'")
	values := append([]string{"x'\n            timeout: 7s", "x\r            timeout: 7s", "line\n"}, odd...)
	for _, value := range values {
		for name, c := range map[string]struct{ file, field string }{
			"INFLUXDB_BUCKET": {"config/ingest.yaml", "bucket"}, // in double quotes
			"INFLUXDB_TOKEN":  {file, ""},                       // in single quotes, and hidden
		} {
			t.Run(name+" "+value, func(t *testing.T) {
				t.Parallel()
				secret := canary + value
				code, printed := run(t, testenv.Command{Args: []string{"echo", c.file}, Env: map[string]string{name: secret}})
				if strings.Contains(printed, "timeout: 7s") && !strings.Contains(printed, canary) {
					t.Errorf("sets something else:\n%s", printed)
				}
				if code != 0 {
					if !regexp.MustCompile(regexp.QuoteMeta(c.file)+`\(\d+,1\) .*the value of the environment variable `+name+" would change").MatchString(printed) || strings.Contains(printed, canary) {
						t.Errorf("exit code %d:\n%s", code, printed)
					}
					return
				}
				if c.field == "" {
					if strings.Contains(printed, canary) {
						t.Errorf("shows the token:\n%s", printed)
					}
					return
				}
				var whole map[string]any
				if err := yaml.Unmarshal([]byte(printed), &whole); err != nil {
					t.Fatal(err)
				}
				if got := valueOf(whole, c.field); got != secret {
					t.Errorf("%q arrives as %q", secret, got)
				}
			})
		}
	}
}

// valueOf returns the first text of a field with this name.
func valueOf(v any, name string) string {
	switch v := v.(type) {
	case map[string]any:
		if text, is := v[name].(string); is {
			return text
		}
		for _, value := range v {
			if text := valueOf(value, name); text != "" {
				return text
			}
		}
	case []any:
		for _, value := range v {
			if text := valueOf(value, name); text != "" {
				return text
			}
		}
	}
	return ""
}

// If this fails, a run continues with a changed value, or prints a secret that is not
// text.
func TestRunRejectsValuesThatYAMLWouldChange(t *testing.T) {
	t.Parallel()
	number := withToken(t, "ingest", "${INFLUXDB_TOKEN}")
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		says string
	}{
		"topic":                   {[]string{"run", "config/ingest.yaml"}, map[string]string{"TOPIC": `a"b`}, "topics: the value of the environment variable TOPIC would change"},
		"topic, chilled":          {[]string{"run", "--chilled", "config/ingest.yaml"}, map[string]string{"TOPIC": `a"b`}, "TOPIC"},
		"of streams":              {[]string{"streams", "--no-api", "config/ingest.yaml"}, map[string]string{"TOPIC": `a"b`}, "TOPIC"},
		"digits as token":         {[]string{"run", number}, map[string]string{"INFLUXDB_TOKEN": "4815162342"}, "token is a secret and must be text"},
		"digits, chilled":         {[]string{"run", "--chilled", number}, map[string]string{"INFLUXDB_TOKEN": "4815162342"}, "token is a secret and must be text"},
		"digits, echo":            {[]string{"echo", number}, map[string]string{"INFLUXDB_TOKEN": "4815162342"}, "token is a secret and must be text"},
		"digits, by --set":        {[]string{"run", "--chilled", "--set", "output.switch.cases.1.output.influxdb.password=4815162342", "config/ingest.yaml"}, nil, "Put its value into quotes"},
		"digits, by --set, echo":  {[]string{"echo", "--set", "output.switch.cases.1.output.influxdb.password=4815162342", "config/ingest.yaml"}, nil, "Put its value into quotes"},
		"what lint finds":         {[]string{"run", "config/ingest.yaml"}, map[string]string{"WINDOW": "1d"}, `window is "1d": it must be whole milliseconds, such as 500ms, 10s, 5m or 48h, from 1ms to 24h (from the environment variable WINDOW)`},
		"the same before command": {[]string{"-c", "config/ingest.yaml"}, map[string]string{"WINDOW": "1d"}, `from the environment variable WINDOW`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The default port may be taken, which is reported first.
			env := map[string]string{"HTTP_ADDRESS": "127.0.0.1:0"}
			maps.Copy(env, c.env)
			code, printed := run(t, testenv.Command{Args: c.args, Env: env})
			if code != 1 || !strings.Contains(printed, c.says) || strings.Contains(printed, "4815162342") {
				t.Errorf("exit code %d, want %q:\n%s", code, c.says, printed)
			}
		})
	}
}
