package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// linted returns what lint and a run report about a shipped pipeline with some variables.
func linted(t *testing.T, file string, variables map[string]string) string {
	t.Helper()
	linter, err := configlint.New(schema("", ""), func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../config/" + file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	var all []string
	for _, f := range linter.All(text).Findings {
		// The line, so that a test does not depend on its number.
		all = append(all, fmt.Sprintf("%s <- %s", f.What, strings.TrimSpace(lines[f.Line-1])))
	}
	return strings.Join(all, "\n")
}

// If this fails, a wrong value of an environment variable passes lint and fails late or
// never, or the message lacks the field, the value, what is allowed, the line or the
// variable.
func TestEachVariableIsChecked(t *testing.T) {
	for _, test := range []struct {
		file, name, value string
		says, line        string
	}{
		{"exact.yaml", "WINDOW", "1x", `window is "1x": it must be whole milliseconds`, "window:"},
		{"exact.yaml", "WINDOW", "1d", `window is "1d": it must be whole milliseconds`, "window:"},
		{"exact.yaml", "WINDOW", "90", `window is "90": it must be whole milliseconds`, "window:"},
		{"exact.yaml", "SESSION_TIMEOUT", "bla", `session_timeout is "bla": it must be a duration`, "session_timeout:"},
		{"exact.yaml", "SESSION_TIMEOUT", "2s", `session_timeout is "2s" in line`, ""},
		{"exact.yaml", "COMMIT_PERIOD", "1", `commit_period is "1": it must be a duration`, "commit_period:"},
		{"exact.yaml", "FETCH_MAX_BYTES", "1GiB", `fetch_max_bytes is "1GiB" in line`, ""},
		{"exact.yaml", "FETCH_MAX_BYTES", "2GiB", `fetch_max_bytes is "2GiB": it must be a size`, "fetch_max_bytes:"},
		{"exact.yaml", "MAX_IN_FLIGHT_BYTES", "lots", `max_in_flight_bytes is "lots": it must be a size`, "max_in_flight_bytes:"},
		{"exact.yaml", "ENCODING", "xml", `encoding is "xml": it must be avro, `, "encoding:"},
		{"exact.yaml", "THREADS", "many", `threads is "many": it must be a whole number`, "threads:"},
		{"exact.yaml", "LOG_LEVEL", "LOUD", `level is "LOUD": it must be OFF, `, "level:"},
		{"exact.yaml", "LOG_FORMAT", "xml", `format is "xml": it must be logfmt or json`, "format:"},
		{"exact.yaml", "SHUTDOWN_TIMEOUT", "1d", `shutdown_timeout is "1d": it must be a duration`, "shutdown_timeout:"},
		{"exact.yaml", "HTTP_ADDRESS", "4195", `address is "4195": it must be a host and a port`, "address:"},
		{"exact.yaml", "KAFKA_BROKERS", ", ", `seed_brokers must name at least one broker`, ""},
		{"exact.yaml", "INFLUXDB_CREATE_BUCKET", "maybe", `create_bucket is "maybe": it must be true or false`, "create_bucket:"},
		{"exact.yaml", "INFLUXDB_URL", "localhost:8086", `url must be like http://localhost:8086`, ""},
		{"exact.yaml", "INFLUXDB_URL", "http://localhost:8086/api/v2/write", `url must be the address of the server alone`, ""},
		{"exact.yaml", "FLUSH_PERIOD", "10s", `flush_period is "10s": it must be a duration such as 500ms, 10s, 5m or 48h, from 1ms to 5s`, "flush_period:"},
		{"exact.yaml", "MEASUREMENT", "#tweets", `measurement is "#tweets": it must be`, "measurement:"},
		{"ingest.yaml", "SESSION_TIMEOUT", "bla", `session_timeout is "bla": it must be a duration`, "session_timeout:"},
		{"generate.yaml", "MODE", "chaos", `mode is "chaos": it must be fixed or volatile`, "mode:"},
		{"generate.yaml", "RATE", "abc", `rate is "abc": it must be a number`, "rate:"},
		{"generate.yaml", "RATE", "-1", `rate is -1: it must be 0, or a number`, "rate:"},
		{"generate.yaml", "COUNT", "10.5", `count is 10.5: it must be a whole number`, "count:"},
		{"generate.yaml", "POSITIVE", "60", `positive is 60 in line`, "positive:"},
		{"generate.yaml", "INTERVAL", "1d", `interval is "1d": it must be a duration`, "interval:"},
		{"generate.yaml", "DURATION", "90", `duration is "90": it must be a duration`, "duration:"},
		{"generate.yaml", "WORKERS", "5000", `workers is 5000: it must be a whole number from 0 to 1024`, "workers:"},
		{"generate.yaml", "BATCH_SIZE", "0", `batch_size is 0: it must be a whole number`, "batch_size:"},
		{"generate.yaml", "SEED", "x", `seed is "x": it must be a whole number`, "seed:"},
		{"generate.yaml", "VOLATILITY", "2", `volatility_factor is 2: it must be a number from 0 to 1`, "volatility_factor:"},
		{"mirror.yaml", "TARGET_TOPIC", "a copy", `topic is "a copy": it must be an interpolation, or the name of a topic`, "topic:"},
		{"mirror.yaml", "TOPIC", "tweets.*", `topics: "tweets.*" is not the name of a topic`, "topics:"},
		{"mirror.yaml", "ACKS", "1", `acks is "1": it must be`, "acks:"},
		{"mirror.yaml", "MAX_IN_FLIGHT_BYTES", "64X", `max_in_flight_bytes is "64X": it must be`, "max_in_flight_bytes:"},
		{"traced.yaml", "TRACED", "all", `ratio is "all": it must be a number`, "ratio:"},
		{"generate.yaml", "TOPIC", `a"b`, "topic: the value of the environment variable TOPIC would change", "topic:"},
	} {
		said := linted(t, test.file, map[string]string{test.name: test.value})
		if !strings.Contains(said, test.says) || !strings.Contains(said, "environment variable "+test.name) || !strings.Contains(said, "<- "+test.line) {
			t.Errorf("%s=%s in %s:\n%s\nwant %s at %s", test.name, test.value, test.file, said, test.says, test.line)
		}
	}
	for _, file := range []string{"exact.yaml", "ingest.yaml", "ingest_tweets.yaml", "all_in_one.yaml", "generate.yaml", "generate_fast.yaml", "mirror.yaml", "spike.yaml", "traced.yaml"} {
		if said := linted(t, file, map[string]string{"KAFKA_BROKERS": "a:9092,b:9092", "INFLUXDB_URL": "https://example.com/influx", "WINDOW": "10s", "RATE": "0.5", "LOG_LEVEL": "debug"}); said != "" {
			t.Errorf("%s: %s", file, said)
		}
	}
}

// If this fails, a numeric secret passes lint, and Benthos prints it.
func TestNumericSecretsAreRefusedAndNotShown(t *testing.T) {
	for _, output := range []string{
		"influxdb: { url: 'http://localhost:8086', bucket: b, username: u, password: 48151623 }",
		"influxdb: { url: 'http://localhost:8086', bucket: b, token: 0481516 }",
		"influxdb: { url: 'http://localhost:8086', bucket: b, headers: { X-Api-Key: 48151623 } }",
		"http_client: { url: 'http://localhost', basic_auth: { enabled: true, username: u, password: 48151623 } }",
		"kafka_franz: { seed_brokers: [ a:1 ], topic: t, sasl: [ { mechanism: PLAIN, username: u, password: 48151623 } ] }",
		"kafka_franz: { seed_brokers: [ a:1 ], topic: t, tls: { enabled: true, client_certs: [ { cert_file: c, key_file: k, password: 48151623 } ] } }",
		"influxdb: { url: 'http://localhost:8086', bucket: b, tls: { client_certs: [ { cert_file: c, key_file: k, password: 48151623 } ] } }",
	} {
		linter, err := configlint.New(schema("", ""), os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		for name, findings := range map[string][]configlint.Finding{
			"lint": linter.All([]byte("output: { " + output + " }")).Findings,
			"run":  linter.Safe([]byte("output: { " + output + " }")),
		} {
			said := fmt.Sprint(findings)
			if !strings.Contains(said, "is a secret and must be text. Put it into quotes") || strings.Contains(said, "481516") {
				t.Errorf("%s says of %s: %s", name, output, said)
			}
		}
	}
}

// If this fails, lint rejects a value that Benthos accepts, and users' pipelines do not
// start. The examples in Benthos's documentation contain most kinds of values.
func TestExamplesOfBenthosHaveNoWrongValue(t *testing.T) {
	text, err := schema("", "").MarshalJSONV0()
	if err != nil {
		t.Fatal(err)
	}
	type component struct {
		Name     string
		Examples []struct{ Config string }
	}
	var all struct{ Buffers, Caches, Inputs, Outputs, Processors, Metrics, Tracers, Scanners []component }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	linter, err := configlint.New(schema("", ""), func(string) (string, bool) { return "http://localhost:8086", true })
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, config string) {
		t.Helper()
		for _, f := range linter.All([]byte(config)).Findings {
			// Components that are not linked here are not recognised.
			if strings.Contains(f.What, "must be") || strings.Contains(f.What, "would change") {
				t.Errorf("%s, line %d: %s", name, f.Line, f.What)
			}
		}
	}
	checked := 0
	for _, components := range [][]component{all.Buffers, all.Caches, all.Inputs, all.Outputs, all.Processors, all.Metrics, all.Tracers, all.Scanners} {
		for _, c := range components {
			for _, example := range c.Examples {
				check(c.Name, example.Config)
				checked++
			}
		}
	}
	if checked < 50 {
		t.Errorf("checked only %d examples", checked)
	}
	for _, interval := range []string{"", "5m", "@every 5m", "0,30 */2 * * * *", "TZ=Europe/London 30 3-6,20-23 * * *"} {
		check(interval, "input: { generate: { mapping: root = 1, interval: '"+interval+"' } }")
	}
}
