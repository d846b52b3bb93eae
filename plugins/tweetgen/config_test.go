package tweetgen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
)

// parse gives the configuration that the fields in yaml make.
func parse(t testing.TB, yaml string) (config, error) {
	t.Helper()
	if yaml == "" {
		yaml = "{}"
	}
	parsed, err := spec().ParseYAML(yaml, service.NewEnvironment())
	if err != nil {
		t.Fatalf("parsing %s: %v", yaml, err)
	}
	return configFrom(parsed, service.MockResources().FS())
}

func testConfig(t testing.TB, yaml string) config {
	t.Helper()
	c, err := parse(t, yaml)
	if err != nil {
		t.Fatalf("%s: %v", yaml, err)
	}
	return c
}

func lint(t testing.TB, fields string) []string {
	t.Helper()
	lints, err := service.NewEnvironment().NewComponentConfigLinter().LintInputYAML([]byte(Name + ":\n  " + strings.ReplaceAll(fields, "\n", "\n  ")))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, l := range lints {
		all = append(all, l.What)
	}
	return all
}

// What lint finds, the constructor finds too: lint may be skipped.
func TestWrongValuesAreFoundByLintAndConstructor(t *testing.T) {
	for fields, says := range map[string]string{
		"mode: wild":                  "wild",
		"sentiment: { positive: 60 }": "sentiment shares add up to 110, not 100",
		"sentiment: { positive: 33.3, negative: 33.3, neutral: 33 }": "sentiment shares add up to 99.6, not 100",
		"sentiment: { positive: -10, negative: 90, neutral: 20 }":    "share",
		"volatility_factor: 1.5":                                     "volatility_factor is 1.5: it must be a number from 0 to 1",
		"volatility_factor: -0.1":                                    "volatility_factor is -0.1: it must be a number from 0 to 1",
		"batch_size: 0":                                              "batch_size is 0: it must be a whole number from 1 to 1048576",
		"batch_size: 2000000":                                        "batch_size is 2000000: it must be",
		"interval: -1ms":                                             "at least 0s",
		"interval: 1 second":                                         "interval",
		"duration: ten minutes":                                      "duration",
		"workers: -1":                                                "workers is -1: it must be a whole number from 0 to 1024",
		"workers: 100000":                                            "workers is 100000: it must be",
		"rate: -5":                                                   "rate is -5: it must be 0, or a number from 0.001 to 1000000000",
		"count: -1":                                                  "count is -1: it must be a whole number, at least 0",
		"duration: -1s":                                              "at least 0s",
		"max_in_flight_bytes: 0":                                     "max_in_flight_bytes is",
		"encoding: xml":                                              "xml",
		"brands: []":                                                 "brands must not be empty",
		"brands: [ { name: '' } ]":                                   "",
		"brands: [ { name: A, weight: -1 } ]":                        "weight is -1: it must be a number that is not negative",
		"brands: [ { name: 'Tea\\' } ]":                              "backslash",
		"brands: [ { name: 'Tea\\ Time' } ]":                         "backslash",
		"brands: [ { name: \"Tea\\nTime\" } ]":                       "InfluxDB cannot store",
		"brands: [ { name: A, weight: 0 }, { name: B, weight: 0 } ]": "sum above 0",
		"interval: 1d": "interval",
		"interval: 90": "interval",
		"duration: 1x": "duration",
		"brands: [ { name: " + strings.Repeat("x", 257) + " } ]":           "256 bytes",
		"brands: [ { name: A }, { name: A } ]":                             "twice",
		"max_in_flight: 0":                                                 "max_in_flight is 0: it must be a whole number from 1 to 10000",
		"progress: sometimes":                                              "sometimes",
		"message: batch":                                                   "message is \"batch\": it must be record or record_batch",
		"max_batch_bytes: 0":                                               "max_batch_bytes is",
		"max_batch_bytes: 65MiB":                                           "from 1B to 64 MiB",
		"message: record_batch\ncompression: rar":                          "compression",
		"compression: lz4":                                                 wrongCodec,
		"message: record_batch\ncompression_level: 3":                      compression.WrongLevel,
		"message: record_batch\ncompression: snappy\ncompression_level: 3": compression.WrongLevel,
		"message: record_batch\ncompression: gzip\ncompression_level: 10":  compression.WrongHighest,
		"message: record_batch\ncompression: zstd\ncompression_level: 0":   "compression_level is 0",
		"rate: 5\nshape: { name: daily }":                                  wrongRate,
		"rate: 5\nshape: { stages: [ { rate: 1, duration: 1s } ] }":        wrongRate,
		"shape: { name: world_cup }":                                       "name is \"world_cup\": it must be none, super_bowl, election_night, flash_mob, half_hourly or daily",
		"shape: { name: daily, stages: [ { rate: 1, duration: 1s } ] }":    wrongShape,
		"shape: { speed: 60 }":                                             wrongNoShape,
		"shape: { scale: 2 }":                                              wrongNoShape,
		"shape: { repeat: false }":                                         wrongNoShape,
		"shape: { name: daily, speed: 0 }":                                 "speed is 0: it must be a number from 0.001 to 1000000",
		"shape: { name: daily, scale: -1 }":                                "scale is -1: it must be a number from 0.001 to 1000000",
		"shape: { stages: [ { rate: 0, duration: 1s } ] }":                 wrongNoTweets,
		"shape: { stages: [ { rate: -1, duration: 1s } ] }":                "rate is -1: it must be 0, or a number",
		"shape: { stages: [ { rate: 1, duration: 0s } ] }":                 "from 1ms to 168h",
		"shape: { stages: [ { rate: 1, duration: 169h } ] }":               "from 1ms to 168h",
		"shape: { stages: [ { rate: 1, duration: 1s, ramp: 2s } ] }":       wrongRamp,
		"shape: { stages: [ { rate: 1, duration: 1s, ramp: -1s } ] }":      "from 0s to 168h",
		"flaws: { late: 1.1 }":                                             "late is 1.1: it must be a number from 0 to 1",
		"flaws: { broken: -0.1 }":                                          "broken is -0.1: it must be a number from 0 to 1",
		"flaws: { late: 0.5, duplicated: 0.6 }":                            "add up to 1.1",
		"flaws: { late: 0.5, late_by: 1s }":                                wrongLate,
		"flaws: { out_of_order_by: 0s }":                                   "out_of_order_by",
		"flaws: { late_by: 1500us }":                                       "late_by",
	} {
		t.Run(fields, func(t *testing.T) {
			if lints := strings.Join(lint(t, fields), "; "); lints == "" || !strings.Contains(lints, says) {
				t.Errorf("lint says %q, want %q", lints, says)
			}
			if _, err := parse(t, fields); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("the constructor says %v, want %q", err, says)
			}
		})
	}
}

// What would break: a list of names is taken for one of brands, or refused without
// the form that is right.
func TestBrandsThatAreNamesAreExplained(t *testing.T) {
	if said := strings.Join(lint(t, "brands: [ A, B ]"), "; "); !strings.Contains(said, wrongBrands) {
		t.Errorf("lint says %q", said)
	}
	if _, err := spec().ParseYAML("brands: [ A, B ]", nil); err == nil {
		t.Error("it is accepted without lint")
	}
}

// What only the constructor can know.
func TestConstructorRefuses(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.jsonl")
	long := filepath.Join(dir, "long.jsonl")
	if err := os.WriteFile(bad, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	content := ""
	for _, s := range []string{"positive", "negative", "neutral"} {
		content += `{"text":"` + strings.Repeat("x", 16_000) + `","sentiment":"` + s + `"}` + "\n"
	}
	if err := os.WriteFile(long, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for fields, says := range map[string]string{
		"corpus: " + bad:           bad + ":1: the text is empty",
		"corpus: " + dir + "/none": "opening the corpus",
		"corpus: " + long:          "set a smaller batch_size",
		"brands: [ { name: " + strings.Repeat("x", 300) + " } ]": "the brand is longer",
		"message: record_batch\nmax_batch_bytes: 100B":           "a record batch of one tweet may have",
		"rate: .inf": "rate",
		"rate: .nan": "rate",
	} {
		if _, err := parse(t, fields); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", fields, err, says)
		}
	}
	if _, err := parse(t, "corpus: "+long+"\nbatch_size: 100"); err != nil {
		t.Errorf("long texts in small batches: %v", err)
	}
}

func TestDefaultsAreDataStorms(t *testing.T) {
	c := testConfig(t, "")
	if c.batchSize != 8000 || c.interval.String() != "1ms" || c.workers < 4 || c.rate != 0 || c.count != 0 ||
		c.mode != modeFixed || c.factor != 800_000 || c.sentiment != halfTheRest || c.encoding != encodingAvro ||
		len(c.brands) != 1 || c.brands[0] != superCoffee[0] {
		t.Errorf("defaults are %+v", c)
	}
	if lints := lint(t, "seed: 0"); len(lints) > 0 {
		t.Errorf("the defaults have lints: %v", lints)
	}
}

// Every example of the manual must lint, and its input must be built.
func TestExamplesLintAndBuild(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	line := `{"text":"` + strings.Repeat("as long as a tweet ", 15) + `","sentiment":"positive"}` + "\n"
	content := line + strings.ReplaceAll(line, "positive", "negative") + strings.ReplaceAll(line, "positive", "neutral")
	if err := os.WriteFile("tweets.jsonl", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, example := range map[string]string{"rate": exampleRate, "volatile": exampleVolatile, "flat out": exampleFlatOut, "record batch": exampleRecordBatch, "realistic": exampleRealistic} {
		var doc struct {
			Input  map[string]yaml.Node `yaml:"input"`
			Output yaml.Node            `yaml:"output"`
		}
		if err := yaml.Unmarshal([]byte(example), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		node := doc.Input[Name]
		fields, err := yaml.Marshal(&node)
		if err != nil {
			t.Fatal(err)
		}
		if lints := lint(t, strings.TrimSpace(string(fields))); len(lints) > 0 {
			t.Errorf("%s: %v", name, lints)
		}
		if c := testConfig(t, string(fields)); c.batchSize == 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
