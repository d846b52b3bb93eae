package configs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// canary is a token that must be sent to InfluxDB and shown nowhere.
const canary = "canary-f0e1d2c3"

func TestEchoHidesTheToken(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"exact", "ingest", "ingest_tweets", "all_in_one"} {
		code, printed := run(t, testenv.Command{
			Args: []string{"echo", "config/" + config + ".yaml"},
			Env:  map[string]string{"INFLUXDB_TOKEN": canary},
		})
		if code != 0 || !strings.Contains(printed, "token:") || strings.Contains(printed, canary) {
			t.Errorf("exit code %d:\n%s", code, printed)
		}
	}
}

// What would break: a token in a log that is sent to somebody for help, or at an
// endpoint that is open for debugging. The one InfluxDB knows the token, takes
// some points and refuses others; the other one does not know it.
func TestRunHidesTheToken(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]string{"right": canary, "wrong": "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
				Config: "config/ingest.yaml",
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
			mustHideTheToken(t, program)
			if code := program.Stop(t); code != 0 && known == canary {
				t.Errorf("exit code %d", code)
			}
			if strings.Contains(program.Log(t), canary) {
				t.Error("the log shows the token")
			}
		})
	}
}

// mustHideTheToken asks a program for all that it tells about itself.
func mustHideTheToken(t *testing.T, program *testenv.Program) {
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
		if strings.HasPrefix(path, "/debug/config/") && !bytes.Contains(body, []byte("SECRET_SCRUBBED")) {
			t.Errorf("%s shows no configuration with a token: %.200s", path, body)
		}
		if shows(t, body) || strings.Contains(fmt.Sprint(err), canary) {
			t.Errorf("%s shows the token", path)
		}
	}
}

// shows is whether the token is in a body, which may be compressed, as profiles
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

// settled gives what a pipeline is set to with a token; no settings if it cannot
// be read, and what was printed.
func settled(t *testing.T, config, token string) (settings, printed string) {
	t.Helper()
	code, printed := run(t, testenv.Command{
		Args: []string{"echo", "config/" + config + ".yaml"},
		Env:  map[string]string{"INFLUXDB_TOKEN": token},
	})
	if code != 0 {
		return "", printed
	}
	return printed, printed
}

// What would break: a token, which is put into the text of the configuration
// before it is read as YAML, ends its own quotes and sets something else; or the
// error about it shows the token.
func TestTokenIsNoYAML(t *testing.T) {
	t.Parallel()
	// As deep as the token stands.
	key := "\n            timeout: 7s"
	for name, c := range map[string]struct {
		token string
		fails bool // it cannot be read, and the program says so
	}{
		"double quote":                  {token: canary + `"x`},
		"colon":                         {token: canary + ": x"},
		"newline and a key":             {token: canary + key},
		"quote, colon, newline, key":    {token: canary + `": "` + key},
		"backslash":                     {token: canary + `\x\`},
		"comment":                       {token: canary + " # x"},
		"flow":                          {token: "{" + canary + ": [x, &a *b !c"},
		"another variable":              {token: canary + "${HOME}"},
		"single quote":                  {token: canary + "'x", fails: true},
		"single quote, newline and key": {token: canary + "'" + key, fails: true},
		"single quote and a flow":       {token: canary + "', timeout: 7s, x: '", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, config := range []string{"exact", "ingest", "ingest_tweets", "all_in_one"} {
				plain, _ := settled(t, config, "plain")
				settings, printed := settled(t, config, c.token)
				switch {
				case strings.Contains(printed, canary):
					t.Errorf("%s: shows the token:\n%s", config, printed)
				case c.fails && (settings != "" || !strings.Contains(printed, "config/"+config+".yaml: yaml: line ")):
					t.Errorf("%s: no error with file and line:\n%s", config, printed)
				case !c.fails && (settings == "" || settings != plain):
					t.Errorf("%s: sets something else:\n%s", config, printed)
				}
			}
		})
	}
}

// What would break: a token with characters that mean something in YAML gets to
// InfluxDB as another one.
func TestOddTokenGetsToInfluxDB(t *testing.T) {
	t.Parallel()
	for _, token := range []string{`user:pass"word`, `user:: x`, `user:back\slash\\`, "user: # x", "{user: [x"} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			influx := influxfake.New(influxfake.Options{Token: token})
			url, stop := influx.Listen()
			t.Cleanup(stop)
			dir := t.TempDir()
			program := testenv.Start(t, testenv.Command{Config: "config/all_in_one.yaml", Env: map[string]string{
				"COUNT": "10", "BATCH_SIZE": "10", "PROGRESS": "never",
				"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket", "INFLUXDB_TOKEN": token,
				"DEAD_FILE": filepath.Join(dir, "dead"), "REJECTED_FILE": filepath.Join(dir, "rejected"),
			}})
			if code := program.Wait(t, time.Minute); code != 0 || len(influx.Stored()) == 0 {
				t.Errorf("exit code %d, %d lines are stored", code, len(influx.Stored()))
			}
		})
	}
}

// What would break: as above, by other line breaks than a newline.
func TestTokenWithAnotherLineBreakIsNoYAML(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"carriage return": "\r", "U+0085": "\u0085", "U+2028": "\u2028", "U+2029": "\u2029"} {
		settings, printed := settled(t, "ingest", canary+"'"+end+"            timeout: 7s #")
		if settings != "" || strings.Contains(printed, canary) || !strings.Contains(printed, "INFLUXDB_TOKEN holds a line break") {
			t.Errorf("%s:\n%s", name, printed)
		}
	}
}

// What would break: a token that YAML cuts off or changes in silence, and of which
// InfluxDB only says that it is wrong.
func TestTokenThatYAMLMisreadsIsRefused(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"' # x", "'\t#", "''x", `" #`} {
		settings, printed := settled(t, "ingest", canary+end)
		if settings != "" || strings.Contains(printed, canary) || !strings.Contains(printed, "INFLUXDB_TOKEN holds ") {
			t.Errorf("%q:\n%s", end, printed)
		}
	}
}
