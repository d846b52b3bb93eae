package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// If this fails, a pipeline passes lint and ends at its start for lack of memory.
func TestGoroutinesAreBounded(t *testing.T) {
	linter, err := configlint.New(schema("", ""), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	const config = "output:\n  influxdb: { url: 'http://a:1', bucket: b, max_in_flight: %d, rejected: { drop: {} } }\n"
	for most, says := range map[int]string{1000: "", 1_000_000_000: "max_in_flight is 1000000000: it must be at most 100000"} {
		findings := linter.All(fmt.Appendf(nil, config, most)).Findings
		if says == "" && len(findings) > 0 || says != "" && (len(findings) != 1 || findings[0].What != says) {
			t.Errorf("max_in_flight: %d gives %v, want %q", most, findings, says)
		}
	}
}

// If this fails, lint accepts a pipeline that cannot count a tweet, because two of its
// components contradict each other, or rejects one that can.
func TestSettingsThatMustAgree(t *testing.T) {
	linter, err := configlint.New(schema("", ""), func(name string) (string, bool) {
		return map[string]string{"MESSAGE": "record"}[name], name == "MESSAGE"
	})
	if err != nil {
		t.Fatal(err)
	}
	const broker = "input: { broker: { inputs: [ { kafka_batches: { seed_brokers: [ a:1 ], topics: [ t ], consumer_group: g, %s } }, { generate: { mapping: root = 1 } } ] } }\npipeline:\n  processors:\n    - sentiment_window: { %s }\n"
	const config = "input:\n  kafka_batches: { seed_brokers: [ a:1 ], topics: [ t ], consumer_group: g, %s }\npipeline:\n  processors:\n    - sentiment_window: { %s }\n"
	for _, test := range []struct{ config, input, processor, says string }{
		{config, "emit: record_batch", "message: record_batch", ""},
		{config, "emit: records", "message: record", ""},
		{config, "emit: records", "emit: tweets", ""},
		{config, "identity: source", "message: record_batch, identity: source", ""},
		{config, "identity: timestamp", "message: record_batch, identity: source", ""},
		{config, "on_compacted_topic: stop", "message: record_batch", ""},
		{config, "on_compacted_topic: read", "message: record_batch", "(2) on_compacted_topic is read: sentiment_window in line 5 refuses"},
		{broker, "emit: record_batch", "message: record", ""},
		{config, "emit: record_batch", "message: record", `(5) message is "record": it must be record_batch: kafka_batches in line 2 has emit: record_batch`},
		{config, "emit: record_batch", "message: '${MESSAGE}'", "has emit: record_batch (from the environment variable MESSAGE)"},
		{config, "commit_period: 1s", "emit: tweets", "(5) message of sentiment_window must be record_batch: kafka_batches in line 2 has emit: record_batch"},
		{config, "emit: records", "message: record_batch", `(5) message is "record_batch": it must be record: kafka_batches in line 2 has emit: records`},
		{config, "identity: source", "message: record_batch", "(5) identity of sentiment_window must be source: kafka_batches in line 2 has identity: source"},
		{config, "identity: source", "message: record_batch, identity: timestamp", `(5) identity is "timestamp": it must be source: kafka_batches in line 2 has identity: source`},
	} {
		var said []string
		for _, f := range linter.All(fmt.Appendf(nil, test.config, test.input, test.processor)).Findings {
			said = append(said, fmt.Sprintf("(%d) %s", f.Line, f.What))
		}
		if all := strings.Join(said, "\n"); len(said) > 1 || (all == "") != (test.says == "") || !strings.Contains(all, test.says) {
			t.Errorf("%s; %s:\n%s\nwant %s", test.input, test.processor, all, test.says)
		}
	}
}
