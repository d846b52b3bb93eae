package childinput

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var rules = Rules{Name: "subpartition", Messages: 10_000}

func check(t *testing.T, text string) ([]string, error) {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return Check(&n, rules)
}

// If this fails, messages that are held are lost when the input stops, or the order of a
// key is broken by a child that gives up.
func TestChildrenThatLoseAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ yaml, says string }{
		"no replay":            {`kafka_franz: { topics: [ a ], auto_replay_nacks: false }`, "auto_replay_nacks"},
		"no replay, as text":   {`redpanda: { topics: [ a ], auto_replay_nacks: "false", unordered_processing: { enabled: true } }`, "auto_replay_nacks"},
		"a wrong value":        {`redpanda: { auto_replay_nacks: perhaps }`, "auto_replay_nacks"},
		"timely nacks":         {`kafka_franz: { timely_nacks_maximum_wait: 1h }`, "timely_nacks_maximum_wait"},
		"in a broker":          {`broker: { inputs: [ { kafka_batches: { emit: records } }, { kafka_franz: { auto_replay_nacks: false } } ] }`, "input.broker.inputs.1.kafka_franz"},
		"in a broker's broker": {`broker: { inputs: [ { broker: { inputs: [ { redpanda: { timely_nacks_maximum_wait: 1s } } ] } } ] }`, "inputs.0.broker.inputs.0.redpanda"},
		"in batched":           {`batched: { child: { kafka_franz: { auto_replay_nacks: false } }, policy: { count: 2 } }`, "input.batched.child.kafka_franz"},
		"with processors":      {"kafka_franz: { auto_replay_nacks: false }\nprocessors: [ { mapping: root = this } ]", "auto_replay_nacks"},
		"of an explicit type":  {"type: kafka_franz\nkafka_franz: { auto_replay_nacks: false }", "auto_replay_nacks"},
		"as a plugin":          {"type: kafka_franz\nplugin: { auto_replay_nacks: false }", "auto_replay_nacks"},
		"by an anchor":         {"broker: { inputs: [ { kafka_franz: &a { auto_replay_nacks: false } }, { redpanda: *a } ] }", "auto_replay_nacks"},
		"a resource":           {`resource: other`, "cannot be seen"},
		"a resource in a list": {`broker: { inputs: [ { resource: other } ] }`, "cannot be seen"},
		"no replay at all":     {`stdin: {}`, "does not accept the input stdin"},
		"the sarama input":     {`kafka: { topics: [ a ] }`, "does not accept the input kafka"},
		"a wrapper unknown":    {`read_until: { input: { kafka_franz: {} } }`, "does not accept the input read_until"},
		"whole record batches": {`kafka_batches: { topics: [ a ] }`, "emit: records"},
		"two types":            {"kafka_franz: {}\nredpanda: {}", "exactly one"},
		"none":                 {`label: a`, "exactly one"},
		"an empty broker":      {`broker: { inputs: [] }`, "no inputs"},
		"no input":             {`[ 1 ]`, "needs a child input"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := check(t, c.yaml); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Check() = %v, want an error with %q", err, c.says)
			}
		})
	}
}

// If this fails, an input that works is refused, or a child that reads less than is to be
// held is not pointed out.
func TestChildrenThatAreAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		yaml  string
		notes []string
	}{
		"kafka_batches":        {`kafka_batches: { topics: [ a ], emit: records }`, nil},
		"kafka_franz":          {`kafka_franz: { topics: [ a ] }`, []string{"checkpoint_limit is 1024"}},
		"kafka_franz, far":     {`kafka_franz: { topics: [ a ], checkpoint_limit: 10000, auto_replay_nacks: true }`, nil},
		"redpanda":             {`redpanda: { topics: [ a ] }`, []string{"unordered_processing.enabled"}},
		"redpanda, unordered":  {`redpanda: { unordered_processing: { enabled: true } }`, []string{"checkpoint_limit is 1024"}},
		"redpanda, far":        {`redpanda: { unordered_processing: { enabled: "true", checkpoint_limit: "20000" } }`, nil},
		"a broker of two":      {`broker: { copies: 2, inputs: [ { redpanda: {} }, { kafka_franz: {} } ] }`, []string{"input.broker.inputs.0", "input.broker.inputs.1"}},
		"labelled, processed":  {"label: a\nkafka_batches: { emit: records }\nprocessors: []", nil},
		"without any settings": {"type: kafka_franz", []string{"checkpoint_limit"}},
		"batched":              {`batched: { child: { kafka_batches: { emit: records } } }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			notes, err := check(t, c.yaml)
			if err != nil || len(notes) != len(c.notes) {
				t.Fatalf("Check() = %q, %v, want notes with %q", notes, err, c.notes)
			}
			for i, n := range notes {
				if !strings.Contains(n, c.notes[i]) {
					t.Errorf("the note is %q, want it with %q", n, c.notes[i])
				}
			}
		})
	}
}
