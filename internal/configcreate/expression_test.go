package configcreate

import (
	"strings"
	"testing"
)

const small = `{
	"config": [{"name": "input", "type": "input", "kind": "scalar"}, {"name": "output", "type": "output", "kind": "scalar"}],
	"inputs": [{"name": "stdin", "config": {"type": "object", "kind": "scalar"}}, {"name": "kafka_batches", "config": {"type": "object", "kind": "scalar"}}],
	"processors": [{"name": "mapping", "config": {"type": "string", "kind": "scalar"}}],
	"outputs": [{"name": "stdout", "config": {"type": "object", "kind": "scalar"}}, {"name": "influxdb", "config": {"type": "object", "kind": "scalar", "children": [
		{"name": "points", "type": "int", "kind": "scalar", "default": 4000000},
		{"name": "old", "type": "int", "kind": "scalar", "is_deprecated": true},
		{"name": "mode", "type": "string", "kind": "scalar", "options": ["first", "second"], "linter": "root = [ \"rejected\" ]"},
		{"name": "kept", "type": "string", "kind": "scalar", "annotated_options": [["one", "The first."], ["two", "The second."]]},
		{"name": "tls", "type": "object", "kind": "scalar", "is_optional": true, "children": [{"name": "on", "type": "bool", "kind": "scalar", "default": false}]},
		{"name": "url", "type": "string", "kind": "scalar"}, {"name": "bucket", "type": "string", "kind": "scalar"},
		{"name": "token_env", "type": "string", "kind": "scalar", "default": ""}, {"name": "org", "type": "string", "kind": "scalar", "default": ""},
		{"name": "rejected", "type": "output", "kind": "scalar", "is_optional": true}
	]}}]
}`

// If this fails, the error about a mistyped name does not suggest the right one.
func TestWrongExpressionsSayWhatWasMeant(t *testing.T) {
	for expression, says := range map[string]string{
		"kafka_batch":      "no component is named kafka_batch. Did you mean kafka_batches? For all names, run brandpulse-connect list",
		"kafka_batch/":     "no input is named kafka_batch. Did you mean kafka_batches? For all names, run brandpulse-connect list inputs",
		"influxd":          "Did you mean influxdb?",
		"//influx":         "no output is named influx. Did you mean influxdb?",
		"//inlfuxdb":       "Did you mean influxdb?",
		"/mappnig":         "Did you mean mapping?",
		"zzzzzzzz":         "no component is named zzzzzzzz. For all names",
		"influxdb/mapping": "influxdb in \"influxdb/mapping\" is of type output and belongs after the second slash",
		"stdin//stdin":     "is of type input and belongs before",
		"a/b/c/d":          "has 4 parts instead of three",
	} {
		if _, err := Create(Options{Schema: []byte(small), Expression: expression}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", expression, err, says)
		}
	}
}

// If this fails, a reader cannot see which values to replace, or an example of an
// optional field changes the pipeline.
func TestRequiredOptionalAndDefault(t *testing.T) {
	want := `input:
  stdin: {}

output:
  influxdb:
    points: 4000000
    mode: first # required
    kept: one # required
    # tls:
    #   "on": false
    url: "${INFLUXDB_URL:http://127.0.0.1:8086}" # required
    bucket: brandpulse # required
    token_env: INFLUXDB_TOKEN
    org: "${INFLUXDB_ORG:}"
    # Points that InfluxDB rejects, each as one line of line protocol.
    rejected:
      retry:
        max_retries: 0
        backoff:
          max_elapsed_time: 0s
        output:
          label: rejected_points
          file:
            path: "${REJECTED_FILE:./points_rejected.jsonl}"
            codec: lines
          processors:
            - mapping: |
                root.reason = "rejected"
                root.error = @influxdb_reason
                root.point = content().string()
`
	for _, expression := range []string{"influxdb", "//influxdb", " stdin / / influxdb "} {
		created, err := Create(Options{Schema: []byte(small), Expression: expression, Command: "create"})
		if err != nil || !strings.HasSuffix(created, "\n\n"+want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", expression, err, created, want)
		}
	}
}
