package sentimentwindow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// A wrong configuration is found by lint, and again by the constructor, since
// lint may be skipped.
func TestWrongConfigurations(t *testing.T) {
	env := service.NewEnvironment()
	if err := Register(env, "sentiment_window"); err != nil {
		t.Fatal(err)
	}
	linter := env.NewComponentConfigLinter()
	for _, c := range []struct {
		name, yaml, want string
	}{
		{name: "no window", yaml: "window: 0s", want: "1ms"},
		{name: "part of a millisecond", yaml: "window: 1500us", want: "whole milliseconds"},
		{name: "window of a week", yaml: "window: 168h", want: "24h"},
		{name: "no duration", yaml: "window: soon", want: "window"},
		{name: "no unit", yaml: "window: 90", want: "window"},
		{name: "window of a day", yaml: "window: 1d", want: "window"},
		{name: "no unit that there is", yaml: "window: 1x", want: "window"},
		{name: "resolution without unit", yaml: "emit: tweets\nresolution: 10", want: "resolution"},
		{name: "unknown identity", yaml: "identity: tag", want: "identity is \"tag\": it must be timestamp or source"},
		{name: "unknown output", yaml: "output: csv", want: "output is \"csv\": it must be lines or points"},
		{name: "resolution of a week", yaml: "emit: tweets\nresolution: 168h", want: "24h"},
		{name: "unknown encoding", yaml: "encoding: protobuf", want: "protobuf"},
		{name: "unknown emit", yaml: "emit: both", want: "both"},
		{name: "no measurement", yaml: `measurement: ""`, want: "measurement"},
		{name: "measurement that cannot be written", yaml: `measurement: "a\nb"`, want: "measurement"},
		{name: "measurement that begins a comment", yaml: "measurement: '#a'", want: "measurement"},
		{name: "measurement that ends in a backslash", yaml: "measurement: 'a\\'", want: "measurement"},
		{name: "no partitions", yaml: "max_partitions: 0", want: "partitions"},
		{name: "more partitions than nanoseconds", yaml: "window: 1ms\nmax_partitions: 1000001", want: "partitions"},
		{name: "1,000 slots a partition", yaml: "max_partitions: 1000000", want: "leaves a partition 1000 offsets in window: 1s"},
		{name: "10,000 slots a partition", yaml: "max_partitions: 100000\nmessage: record_batch", want: "leaves a partition 10000 offsets in window: 1s"},
		{name: "a short window of many partitions", yaml: "window: 1ms\nmax_partitions: 1000", want: "leaves a partition 1000 offsets in window: 1ms"},
		{name: "a short window", yaml: "window: 1ms", want: "set offsets_per_window to the most offsets that one partition can have in that time, at most 15625"},
		{name: "a short resolution", yaml: "emit: tweets\nresolution: 1ms", want: "leaves a partition 15625 offsets in resolution: 1ms"},
		{name: "one partition too many", yaml: "max_partitions: 1001", want: "leaves a partition 999000 offsets in window: 1s"},
		{name: "fewer slots than are declared", yaml: "offsets_per_window: 15625001", want: "fewer than offsets_per_window: 15625001"},
		{name: "coverage points of many partitions", yaml: "message: record_batch\nwindow: 1h\nmax_partitions: 100000", want: "leaves a partition 10000 offsets in the second of a coverage point"},
		{name: "fewer nanoseconds than are declared", yaml: "identity: source\nwindow: 1ms\noffsets_per_window: 1000001", want: "identity: source leaves a partition 1000000 offsets in window: 1ms"},
		{name: "no offsets in a window", yaml: "offsets_per_window: 0", want: "at least 1"},
		{name: "mapping of Avro", yaml: "mapping: root = this", want: "encoding: json"},
		{name: "registry without its encoding", yaml: "schema_registry: {url: 'http://localhost:8081'}", want: "avro_confluent"},
		{name: "encoding without its registry", yaml: "encoding: avro_confluent", want: "schema_registry"},
		{name: "two writers of raw Avro", yaml: "schema_files: [a.avsc, b.avsc]", want: "one"},
		{name: "a bound that is no time", yaml: "timestamp_bounds: {min: yesterday}", want: "timestamp_bounds.min"},
		{name: "a bound that is a number", yaml: "timestamp_bounds: {max: '1700000000'}", want: "like 2026-01-31T00:00:00Z"},
		{name: "bounds the wrong way round", yaml: "timestamp_bounds: {min: 2026-01-01T00:00:00Z, max: 2025-01-01T00:00:00Z}", want: "later than max"},
		{name: "a bound of days", yaml: "timestamp_bounds: {before_record: 7d}", want: "like 168h"},
		{name: "a negative bound", yaml: "timestamp_bounds: {after_record: -1h}", want: "not negative"},
		{name: "unknown message", yaml: "message: batch", want: "batch"},
		{name: "coverage of records", yaml: "coverage_measurement: coverage", want: "record_batch"},
		{name: "default coverage of records", yaml: "coverage_measurement: brandpulse_batches", want: "record_batch"},
		{name: "no coverage of records", yaml: `coverage_measurement: ""`, want: "record_batch"},
		{name: "coverage among the counts", yaml: "message: record_batch\nmeasurement: a\ncoverage_measurement: a", want: "measurement"},
		{name: "counts among the coverage", yaml: "message: record_batch\nmeasurement: brandpulse_batches", want: "measurement"},
		{name: "coverage that cannot be written", yaml: "message: record_batch\ncoverage_measurement: \"a\\nb\"", want: "coverage_measurement"},
		{name: "registry that is no address", yaml: "encoding: avro_confluent\nschema_registry: {url: 'localhost:8081'}", want: "http://"},
		{name: "unknown unknown_schema", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://localhost:8081', unknown_schema: guess}", want: "unknown_schema is \"guess\": it must be wait or undecodable"},
		{name: "registry with a malformed password", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://joe:canary100%sure@reg:8081'}", want: "set username and password"},
		{name: "registry with a malformed port", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://joe:canary/x@reg:8081'}", want: "set username and password"},
		{name: "registry with a password that begins like a port", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://joe:1canary/x@reg:8081'}", want: "set username and password"},
		{name: "registry with a control character", yaml: "encoding: avro_confluent\nschema_registry: {url: \"http://joe:can\\x01ary@reg:8081\"}", want: "set username and password"},
		{name: "registry with a key in the query", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://reg:8081?api_key=canary'}", want: "must not hold a query"},
		{name: "registry's password without user", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://localhost:8081', password: canary}", want: "password needs username"},
		{name: "registry's password twice", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://localhost:8081', username: u, password: canary, password_env: P}", want: "only one of password, password_env and password_file"},
		{name: "registry's password as the name of a variable", yaml: "encoding: avro_confluent\nschema_registry: {url: 'http://localhost:8081', username: u, password_env: canary=}", want: "password_env must be the name of an environment variable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lints, err := linter.LintProcessorYAML([]byte("sentiment_window:\n  " + strings.ReplaceAll(c.yaml, "\n", "\n  ")))
			if err != nil {
				t.Fatal(err)
			}
			if len(lints) == 0 {
				t.Error("lint finds nothing")
			}
			if len(lints) > 0 && !strings.Contains(lints[0].Error(), c.want) {
				t.Errorf("lint says %q, not %q", lints[0], c.want)
			}
			if strings.Contains(fmt.Sprint(lints), "canary") {
				t.Errorf("lint shows a password: %v", lints)
			}
			parsed, err := spec().ParseYAML(c.yaml, nil)
			if err == nil {
				_, err = configFrom(parsed)
			}
			if err == nil {
				t.Fatal("the constructor accepts it")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the constructor says %q, not %q", err, c.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the constructor shows a password: %v", err)
			}
		})
	}
}

func TestSchemaFileThatIsNotThere(t *testing.T) {
	parsed, err := spec().ParseYAML("schema_files: [./nowhere.avsc]", nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := configFrom(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = newProcessor(conf, nil, nil); err == nil || !strings.Contains(err.Error(), "nowhere.avsc") {
		t.Fatalf("error is %v, want one that names the file", err)
	}
}

// Coverage points can be given another name or be left out, and identity: source
// does not need record batches where the topic's id is there.
func TestRightConfigurations(t *testing.T) {
	env := service.NewEnvironment()
	if err := Register(env, "sentiment_window"); err != nil {
		t.Fatal(err)
	}
	linter := env.NewComponentConfigLinter()
	for yaml, coverage := range map[string]string{
		"measurement: brandpulse_batches":                                           "",
		"timestamp_bounds: {min: '', max: '', before_record: '', after_record: ''}": "",
		"timestamp_bounds: {min: 2006-03-21T00:00:00+01:00, after_record: 0s}":      "",
		"max_partitions: 1000":                                                                  "",
		"window: 1h\nmax_partitions: 100000":                                                    "",
		"window: 1ms\nmax_partitions: 1":                                                        "",
		"window: 1ms\noffsets_per_window: 15625":                                                "",
		"window: 1ms\nmax_partitions: 1000000\nidentity: source":                                "",
		"max_partitions: 1000000\noffsets_per_window: 1000":                                     "",
		"emit: tweets\nresolution: 1ms\noffsets_per_window: 10000":                              "",
		"message: record_batch\nwindow: 1h\nmax_partitions: 100000\ncoverage_measurement: \"\"": "",
		"identity: source":                                                                      "",
		"message: record_batch":                                                                 "brandpulse_batches",
		"message: record_batch\ncoverage_measurement: other":                                    "other",
		"message: record_batch\ncoverage_measurement: \"\"":                                     "",
		"message: record_batch\ncoverage_measurement: \"\"\nmeasurement: brandpulse_batches":    "",
	} {
		lints, err := linter.LintProcessorYAML([]byte("sentiment_window:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
		if err != nil || len(lints) > 0 {
			t.Errorf("%s: lint says %v, error %v", yaml, lints, err)
		}
		parsed, err := spec().ParseYAML(yaml, nil)
		if err != nil {
			t.Fatal(err)
		}
		conf, err := configFrom(parsed)
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
		}
		if conf.coverage != coverage {
			t.Errorf("%s: coverage points have the measurement %q, want %q", yaml, conf.coverage, coverage)
		}
	}
}

// Lint and start must not differ on which settings have too few slots, nor in what
// they say.
func TestLintAndStartAgreeOnSlots(t *testing.T) {
	env := service.NewEnvironment()
	if err := Register(env, Name); err != nil {
		t.Fatal(err)
	}
	linter := env.NewComponentConfigLinter()
	rapid.Check(t, func(t *rapid.T) {
		yaml := fmt.Sprintf("message: %s\nidentity: %s\nemit: %s\nwindow: %dms\nresolution: %dms\nmax_partitions: %d\noffsets_per_window: %d",
			rapid.SampledFrom([]string{messageRecord, contract.RecordBatch}).Draw(t, "message"),
			rapid.SampledFrom([]string{contract.IdentityTimestamp, contract.IdentitySource}).Draw(t, "identity"),
			rapid.SampledFrom([]string{emitWindows, emitTweets}).Draw(t, "emit"),
			rapid.SampledFrom([]int{1, 7, 100, 1000, 60_000, 86_400_000}).Draw(t, "window"),
			rapid.SampledFrom([]int{1, 7, 100, 1000, 60_000, 86_400_000}).Draw(t, "resolution"),
			rapid.IntRange(1, 1_000_000).Draw(t, "max_partitions"),
			rapid.SampledFrom([]int{1, 1000, 15_625, 1_000_000, 20_000_000}).Draw(t, "offsets_per_window"))
		lints, err := linter.LintProcessorYAML([]byte(Name + ":\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := spec().ParseYAML(yaml, nil)
		if err == nil {
			_, err = configFrom(parsed)
		}
		switch {
		case len(lints) == 0 && err == nil:
		case len(lints) == 0 || err == nil:
			t.Fatalf("lint says %v, the constructor %v of\n%s", lints, err, yaml)
		case !strings.Contains(lints[0].Error(), strings.Split(err.Error(), " offsets in ")[0]):
			t.Fatalf("lint says %q, the constructor %q", lints[0], err)
		}
	})
}
