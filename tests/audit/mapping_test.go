package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// ofOthers is a mapping of JSON from other programs: advertising is deleted.
const ofOthers = `root = if this.kind == "ad" { deleted() } else { {
            "brand": this.company,
            "sentiment": if this.score > 0 { "positive" } else if this.score < 0 { "negative" } else { "neutral" },
            "timestamp": this.at + @kafka_partition
          } }`

// withMapping writes a shipped pipeline with a mapping to a new file.
func withMapping(t *testing.T, config string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), config))
	if err != nil {
		t.Fatal(err)
	}
	const encoding = "        encoding: \"${ENCODING:avro}\"\n"
	if !strings.Contains(string(text), encoding) {
		t.Fatalf("%s has no line %q", config, encoding)
	}
	own := strings.Replace(string(text), encoding, "        encoding: json\n        mapping: |\n          "+ofOthers+"\n", 1)
	path := filepath.Join(t.TempDir(), filepath.Base(config))
	if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// values are records of other programs, some of which are not tweets, and the number of
// records that the mapping deletes.
func values(n int) (all [][]byte, filtered int64) {
	for i := range n {
		at := 1_700_000_000_000 + int64(i)
		switch i % 10 {
		case 0:
			all = append(all, []byte(`{"kind":"ad","company":"Tea"}`))
			filtered++
		case 1: // JSON that parsers repair in different ways
			all = append(all, []byte(fmt.Sprintf(strings.Join([]string{
				`{"company":"T` + "\xff" + `","score":1,"at":%d}`, `{"company":"\ud800","score":1,"at":%d}`,
				`{"company":"A","company":"B","score":1,"at":%d}`, `{"score":1,"at":%d}`, `%d`, `{"company":"Tea","score":1,"at":%d.5}`,
			}[i/10%6:i/10%6+1], ""), at)))
		default:
			value, _ := json.Marshal(map[string]any{"company": []string{"Tea", "T\rea", "Té\\x"}[i%3], "score": i%3 - 1, "at": at})
			all = append(all, value)
		}
	}
	return all, filtered
}

// form returns the mapping's result for a value, as far as the oracle needs it.
func form(value []byte) (oracle.Tweet, error) {
	var of struct {
		Kind    string  `json:"kind"`
		Company *string `json:"company"`
		At      *int64  `json:"at"`
	}
	switch err := jsonv2.Unmarshal(value, &of); {
	case err != nil:
		return oracle.Tweet{}, err
	case of.Kind == "ad":
		return oracle.Tweet{}, oracle.ErrFiltered
	case of.Company == nil || of.At == nil:
		return oracle.Tweet{}, errors.New("a field is missing")
	}
	return oracle.Tweet{Brand: *of.Company, Millis: *of.At}, nil
}

// If this fails, a pipeline with a mapping cannot be audited, or the audit reads other
// tweets from its records than the pipeline.
func TestPipelinesWithAMapping(t *testing.T) {
	for _, c := range []struct{ config, version string }{
		{stream.ExactConfig, testenv.InfluxV2},
		{stream.IngestConfig, testenv.InfluxV1},
	} {
		t.Run(c.config, func(t *testing.T) {
			t.Parallel()
			s := &subject{Reader: stream.New(t, 2).Into(withMapping(t, c.config), testenv.Influx(t, c.version), nil), version: c.version}
			all, filtered := values(2000)
			producer := s.Kafka.Client(t, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.MaxBufferedRecords(100))
			for _, value := range all {
				producer.Produce(t.Context(), &kgo.Record{Topic: s.Topic, Value: value}, nil)
			}
			if err := producer.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			ingest := s.Reader.Start(t)
			s.Drained(t, time.Minute)
			if code := ingest.Stop(t); code != 0 {
				t.Fatalf("the ingest has ended with exit code %d", code)
			}
			var r audit.Report
			code, stdout, stderr := s.run(t, "--json")
			if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != 0 {
				t.Fatalf("audit has ended with exit code %d:\n%s\n%s", code, stdout, stderr)
			}
			if r.Filtered != filtered || r.Committed == 0 || r.Committed+r.Filtered+r.Undecodable != int64(len(all)) {
				t.Errorf("%d tweets, %d filtered (not %d), %d undecodable, of %d", r.Committed, r.Filtered, filtered, r.Undecodable, len(all))
			}
			if letters, err := s.Kafka.Records(t.Context(), s.Dead); err != nil || letters != r.Undecodable {
				t.Errorf("%d dead letters for %d records that are not tweets; %v", letters, r.Undecodable, err)
			}
			if c.config == stream.ExactConfig {
				s.mustBeEqual(t, "--quick")
				topic, err := oracle.ReadTopic(t.Context(), s.Kafka.Brokers, s.Topic, form)
				if err != nil {
					t.Fatal(err)
				}
				coverage, err := oracle.ReadCoverage(t.Context(), s.Bucket)
				if err == nil {
					err = coverage.Tiles(topic)
				}
				if err != nil {
					t.Error(err)
				}
			}
			var p influxread.Point
			if err := s.reader(t).Points(t.Context(), influxread.MinNanos, influxread.MaxNanos, func(one influxread.Point) error {
				if one.Brand == "Tea" { // can be written in a DELETE statement
					p = one
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			s.removePoint(t, p, nil)
			if r := report[audit.Report](t, s); r.Missing != p.Count {
				t.Errorf("%d tweets are reported missing, %d were removed", r.Missing, p.Count)
			}
		})
	}
}
