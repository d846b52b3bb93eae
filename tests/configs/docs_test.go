package configs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var fenced = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// sections are the beginnings of a whole config or a part of one.
var sections = []string{"http:", "input:", "buffer:", "pipeline:", "output:", "metrics:", "tracer:", "logger:"}

// snippets returns the configs on a page. In a component page, values of single fields
// do not count, and the list of all defaults is not a config to copy.
func snippets(t testing.TB, page string) (configs []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), page))
	if err != nil {
		t.Fatal(err)
	}
	generated := strings.HasPrefix(page, "docs/components/")
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		first, _, _ := strings.Cut(m[1], "\n")
		switch {
		case slices.Contains(sections, first) && !strings.Contains(m[1], "\n  label: \"\"\n"):
			configs = append(configs, m[1])
		case !generated:
			t.Errorf("%s shows YAML that is not recognised as a config: %q", page, first)
		}
	}
	return configs
}

// pages returns the README and the pages in docs/.
func pages(t testing.TB) []string {
	t.Helper()
	found := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/components/*.md"} {
		files, err := filepath.Glob(filepath.Join(testenv.Root(t), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(files), err)
		}
		for _, file := range files {
			page, err := filepath.Rel(testenv.Root(t), file)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, page)
		}
	}
	return found
}

// If this fails, a config that is copied from a page does not start.
func TestConfigsOfThePagesLint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"lint", "--deprecated", "--verbose"}
	for _, page := range pages(t) {
		for i, config := range snippets(t, page) {
			name := filepath.Join(dir, fmt.Sprintf("%s_%d.yaml", strings.NewReplacer("/", "_", ".md", "").Replace(page), i))
			if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, name)
		}
	}
	if len(args)-3 < 12 {
		t.Errorf("only %d configs are found in the pages", len(args)-3)
	}
	code, printed := run(t, testenv.Command{Args: args, Env: map[string]string{"INFLUXDB_TOKEN": "t"}})
	if code != 0 || strings.Count(printed, ": OK") != len(args)-3 {
		t.Errorf("exit code %d:\n%s", code, printed)
	}
}

// If this fails, the pipelines for users of Telegraf or scripts pass lint but do not do
// what the page says.
func TestPipelinesForTelegrafUsersRun(t *testing.T) {
	t.Parallel()
	const conflict = `field type conflict: input field "f" on measurement "m" is type float, already exists as type integer`
	cases := []struct {
		topic, bucket, group, dead string
		records                    []string
		stored                     []string // beginnings of lines
		letters                    map[string]string
	}{
		{
			topic: "telegraf", bucket: "telegraf", group: "influxdb", dead: "telegraf_refused",
			records: []string{"cpu,host=a usage_idle=97.5 1767323045000000000\n", "refused,host=a used=1.5 1767323045000000000\n", "mem,host=a used=2i 1767323045000000000\n"},
			stored:  []string{"cpu,host=a usage_idle=97.5 1767323045000000000", "mem,host=a used=2i 1767323045000000000"},
			letters: map[string]string{"refused,host=a used=1.5 1767323045000000000": conflict},
		},
		{
			topic: "readings", bucket: "readings", group: "readings", dead: "readings_refused",
			records: []string{`{"sensor":"a","celsius":20,"time":1767323045123}`, `no JSON`, `{"sensor":"b","celsius":"hot","time":1767323045123}`},
			stored:  []string{"temperature,sensor=a celsius=20 1767323045123000000"},
			letters: map[string]string{`no JSON`: "", `{"sensor":"b","celsius":"hot","time":1767323045123}`: "mapping fields"},
		},
		{
			topic: "tweets", bucket: "brandpulse", group: "brandpulse", dead: "tweets_dead",
			records: []string{string(tweetOf(t, "SuperCoffee", "positive", 1767323045123)), "no tweet", string(tweetOf(t, "SuperCoffee", "positive", 1767323045123))},
			stored:  []string{"tweets,brand=SuperCoffee,sentiment=positive ", "tweets,brand=SuperCoffee,sentiment=positive "},
			letters: map[string]string{"no tweet": ""},
		},
	}
	configs := snippets(t, "docs/from-telegraf.md")
	if len(configs) != len(cases) {
		t.Fatalf("the page shows %d pipelines, but the test has %d", len(configs), len(cases))
	}
	for i, c := range cases {
		t.Run(c.topic, func(t *testing.T) {
			t.Parallel()
			kafka := testenv.FakeKafka(t)
			for _, name := range []string{c.topic, c.dead} {
				kafka.CreateTopic(t, name, 1, nil)
			}
			var records []*kgo.Record
			for _, value := range c.records {
				records = append(records, &kgo.Record{Topic: c.topic, Value: []byte(value)})
			}
			kafka.Produce(t, records...)
			influx := influxfake.New(influxfake.Options{Token: "t", Buckets: []string{c.bucket}, Refuse: func(line string) string {
				if strings.HasPrefix(line, "refused,") {
					return conflict
				}
				return ""
			}})
			url, stop := influx.Listen()
			t.Cleanup(stop)
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(configs[i]), 0o600); err != nil {
				t.Fatal(err)
			}
			program := testenv.Start(t, testenv.Command{Config: file, Env: map[string]string{
				"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "INFLUXDB_URL": url, "INFLUXDB_TOKEN": "t", "INFLUXDB_ORG": "org",
			}})
			committed(t, kafka, c.group, c.topic)
			if code := program.Stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			var stored []string
			for line := range influx.StoredIn(c.bucket) {
				stored = append(stored, line)
			}
			slices.Sort(stored)
			if len(stored) != len(c.stored) {
				t.Fatalf("stored: %q, want %q", stored, c.stored)
			}
			for i, want := range c.stored {
				if !strings.HasPrefix(stored[i], want) {
					t.Errorf("stored: %q, want %q", stored[i], want)
				}
			}
			letters := readLetters(t, kafka, c.dead)
			if len(letters) != len(c.letters) {
				t.Errorf("%d dead letters, want %d", len(letters), len(c.letters))
			}
			for _, l := range letters {
				if want, ok := c.letters[string(l.value)]; !ok || !strings.Contains(l.headers["influxdb_reason"], want) {
					t.Errorf("a dead letter %q with the headers %v", l.value, l.headers)
				}
			}
		})
	}
}
