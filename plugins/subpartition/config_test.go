package subpartition

import (
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
)

// If this fails, a setting that loses messages or never works is accepted.
func TestWrongSettingsAreRefused(t *testing.T) {
	const good = "key: root = @kafka_key\n"
	for name, c := range map[string]struct{ yaml, says string }{
		"no output for dead letters": {good + childYAML, "dead_letters"},
		"nothing in flight":          {good + childYAML + block + "max_concurrency: 0", "max_concurrency"},
		"no memory":                  {good + childYAML + block + "max_bytes: 0B", "max_bytes"},
		"a negative limit":           {good + childYAML + block + "max_ahead: -1", "max_ahead"},
		"no attempt":                 {good + childYAML + block + "max_attempts: 0", "max_attempts"},
		"a back-off that falls":      {good + childYAML + block + "backoff: 1m", "max_backoff"},
		"another value":              {good + childYAML + "on_exhausted: drop", "on_exhausted"},
		"a child that loses":         {good + block + "input: { kafka_franz: { auto_replay_nacks: false } }", "auto_replay_nacks"},
		"a child with batches":       {good + block + "input: { kafka_batches: {} }", "emit: records"},
		"a child in a broker":        {good + block + "input: { broker: { inputs: [ { stdin: {} } ] } }", "stdin"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(c.yaml); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, want one about %s", err, c.says)
			}
		})
	}
}

// If this fails, lint accepts what fails at the start.
func TestLintFindsWrongSettings(t *testing.T) {
	env := service.GlobalEnvironment()
	lint := func(yaml string) error {
		b := env.NewStreamBuilder()
		return b.AddInputYAML("subpartition:\n  " + strings.ReplaceAll(strings.TrimSpace(yaml), "\n", "\n  "))
	}
	const good = "key: root = @kafka_key\ninput: { stdin: {} }\n"
	if err := lint(good + block); err != nil {
		t.Fatalf("a configuration without a mistake: %v", err)
	}
	for name, yaml := range map[string]string{
		"max_attempts": good + block + "max_attempts: 0",
		"max_bytes":    good + block + "max_bytes: much",
		"dead_letters": good,
		"max_backoff":  good + block + "backoff: 1m",
		"on_exhausted": good + "on_exhausted: other",
	} {
		if err := lint(yaml); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: lint says %v", name, err)
		}
	}
}

func TestTheBackoffDoubles(t *testing.T) {
	wait := doubling(100*time.Millisecond, time.Second)
	var got []time.Duration
	for n := range 6 {
		got = append(got, wait(n+1))
	}
	want := []time.Duration{100e6, 200e6, 400e6, 800e6, 1e9, 1e9}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("the waits are %v, want %v", got, want)
		}
	}
	if wait(1<<30) != time.Second {
		t.Error("the back-off of many failures is not the longest")
	}
}
