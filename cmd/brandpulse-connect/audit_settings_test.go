package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
)

// If this fails, the audit does not compare the points that the shipped
// pipelines write.
func TestAuditOfTheShippedPipelines(t *testing.T) {
	t.Setenv("INFLUXDB_TOKEN", `to\k"en`)
	t.Setenv("KAFKA_BROKERS", "a:9092,b:9092")
	for file, want := range map[string]struct {
		cut      audit.Cut
		group    string
		coverage string
	}{
		"exact.yaml":         {audit.CutBatches, "brandpulse-exact", "brandpulse_batches"},
		"ingest.yaml":        {audit.CutFolds, "brandpulse", ""},
		"ingest_tweets.yaml": {audit.CutTweets, "brandpulse_tweets", ""},
	} {
		text, err := os.ReadFile("../../config/" + file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := auditPipeline(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := s.check(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if s.cut() != want.cut || s.group != want.group || s.coverageMeasurement() != want.coverage || s.lengthOfTime() != time.Second ||
			s.dead != "tweets_dead" || s.influx.Token != `to\k"en` || s.influx.Bucket != "brandpulse" || s.measurement != "tweets" || s.maxPartitions != 64 ||
			!reflect.DeepEqual(s.brokers, []string{"a:9092,b:9092"}) || !reflect.DeepEqual(s.topics, []string{"tweets"}) {
			t.Errorf("%s: %+v", file, s)
		}
	}
}

const othersPipeline = `
input:
  resource: tweets_in
input_resources:
  - label: tweets_in
    kafka_batches:
      seed_brokers: [ "a:1", "b:2" ]
      topics: [ x ]
      consumer_group: g
      tls: { enabled: true }
      sasl:
        - { mechanism: SCRAM-SHA-512, username: u, password: "${PASSWORD}" }
pipeline:
  processors:
    - for_each:
        - sentiment_window: { message: record_batch, window: 5s, identity: source, max_partitions: 8, coverage_measurement: c }
output:
  broker:
    outputs:
      - redpanda: { seed_brokers: [ "a:1" ], topic: undecodable }
      - influxdb:
          url: https://x
          username: me
          password: "${PASSWORD}"
          bucket: b/autogen
          headers: { X-Tenant: t }
          rejected:
            redpanda: { seed_brokers: [ "a:1" ], topic: refused }
`

// If this fails, the audit cannot read pipelines whose structure differs from the
// shipped ones.
func TestAuditOfAPipelineOfOthers(t *testing.T) {
	t.Setenv("PASSWORD", "pw")
	s, err := auditPipeline([]byte(othersPipeline))
	if err != nil {
		t.Fatal(err)
	}
	if s.kafka.tls == nil || len(s.kafka.sasl) != 1 || s.kafka.sasl[0] != (auditLogin{"SCRAM-SHA-512", "u", "pw"}) {
		t.Errorf("%+v", s.kafka)
	}
	if s.influx.Username != "me" || s.influx.Password != "pw" || s.influx.Bucket != "b/autogen" || s.influx.Headers["X-Tenant"] != "t" {
		t.Errorf("%+v", s.influx)
	}
	if s.cut() != audit.CutBatches || s.window != 5*time.Second || s.identity != "source" || s.maxPartitions != 8 || s.coverageMeasurement() != "c" || s.dead != "refused" {
		t.Errorf("%+v", s)
	}
	const odd = `pw'#\t"`
	t.Setenv("ODD_PASSWORD", odd)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(odd+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := strings.NewReplacer(`username: u, password: "${PASSWORD}"`, "username: u, password_env: ODD_PASSWORD", `password: "${PASSWORD}"`, "password_file: "+file)
	if s, err = auditPipeline([]byte(elsewhere.Replace(othersPipeline))); err != nil || s.kafka.sasl[0].password != odd || s.influx.Password != odd {
		t.Errorf("secrets of a variable and a file: %+v, %v", s, err)
	}
	for _, change := range [][3]string{
		{"sentiment_window", "log", "sentiment_window"},
		{"kafka_batches", "stdin", "kafka_batches"},
		{"topics: [ x ]", "topics: [ x, y ]", "--topic"},
		{"b/autogen", `"${! @tenant }"`, "--influxdb-bucket"},
	} {
		s, err := auditPipeline([]byte(strings.Replace(othersPipeline, change[0], change[1], 1)))
		if err == nil {
			err = s.check()
		}
		if err == nil || !strings.Contains(err.Error(), change[2]) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
}

// If this fails, topics with JSON of the user's own cannot be audited: the pipeline's
// mapping is rejected, or a quick audit reads files that it does not need.
func TestAuditOfAPipelineWithAMapping(t *testing.T) {
	for _, c := range []struct{ change, want string }{
		{`mapping: "root = this", encoding: json,`, ""},
		{`mapping: "root.timestamp = now()", encoding: json,`, "now"},
		{`mapping: "root = ?", encoding: json,`, "mapping of sentiment_window"},
		{`schema_files: [ "no-such.avsc" ],`, "no-such.avsc"},
	} {
		s, err := auditPipeline([]byte(strings.Replace(othersPipeline, "window: 5s,", "window: 5s, "+c.change, 1)))
		if err != nil {
			t.Fatal(c.change, err)
		}
		if err := s.check(); err != nil {
			t.Errorf("%s: %v", c.change, err)
		}
		var sides auditSides
		err = sides.readRule(t.Context(), s)
		said := strings.Join(sides.unsteady, " ")
		if err != nil {
			said = err.Error()
		}
		if (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, %v", c.change, sides.unsteady, err)
		}
		// No server responds here, so a quick audit must fail on reaching Kafka.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = s.open(ctx, true)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "reaching Kafka") {
			t.Errorf("%s: a quick audit ends with %v, want an error about reaching Kafka", c.change, err)
		}
	}
}

// If this fails, --from and --to mean another time than was written.
func TestAuditTimes(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-01-31T11:00:00+01:00": now.Add(-2 * time.Hour),
		"-90m":                      now.Add(-90 * time.Minute),
	} {
		if got, err := auditTime(text, now); err != nil || got != want.UnixNano() {
			t.Errorf("%s is read as %s, %v, want %s", text, time.Unix(0, got).UTC(), err, want)
		}
	}
	for _, text := range []string{"", "1h", "noon", "0001-01-01T00:00:00Z"} {
		if _, err := auditTime(text, now); err == nil {
			t.Errorf("%q is accepted as a time", text)
		}
	}
	from, to := aligned(-1_500_000_000, 1_500_000_001, time.Second)
	if from != -2_000_000_000 || to != 2_000_000_000 {
		t.Errorf("aligned to %d and %d, want whole seconds outside of both", from, to)
	}
}

// If this fails, the audit counts tweets that the pipeline rejects for their time, or
// does not count tweets that it accepts.
func TestAuditReadsTimestampBounds(t *testing.T) {
	t.Setenv("BEFORE_RECORD", "168h")
	t.Setenv("TIMESTAMP_MAX", "2100-01-01T00:00:00Z")
	text, err := os.ReadFile("../../config/exact.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := auditPipeline(text)
	if err != nil {
		t.Fatal(err)
	}
	b := s.bounds
	if !b.Min.IsZero() || b.Max.Unix() != 4_102_444_800 || b.Before == nil || *b.Before != 168*time.Hour || b.After != nil {
		t.Errorf("the bounds are %+v", b)
	}
	if _, err := auditPipeline([]byte(strings.Replace(othersPipeline, "window: 5s", "timestamp_bounds: { min: soon }", 1))); err == nil || !strings.Contains(err.Error(), "timestamp_bounds.min") {
		t.Errorf("a bound that is not a time: %v, want an error that names timestamp_bounds.min", err)
	}
}
