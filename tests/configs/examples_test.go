package configs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// badRecord is the input of an example: good records, one that it cannot use, and one
// whose point InfluxDB rejects.
type badRecord struct {
	good   func(name string) string
	bad    string
	stores func(name string) string // part of the result of a good record; nil: its name
	keeps  string                   // part of the result of the bad record; empty: its bytes
	sample bool                     // another pipeline keeps the records that this one leaves out
	prints bool                     // it prints everything that it reads, including bad records
}

// makesItsOwn marks examples that generate their own input.
var makesItsOwn = badRecord{}

// copies marks examples that decode no record, so that none is bad: tests/mirror.
var copies = badRecord{}

// rejectedName is part of each point that the fake InfluxDB rejects.
const rejectedName = "Rejected"

// exampleBuckets exist; that of a tenant with the rejected name does not.
var exampleBuckets = []string{"brandpulse", "brandpulse/autogen", "telegraf", "readings", "weather", "home", "posts", "tenant_Former", "tenant_Last"}

// deadTopics are the topics to which the examples write records that they cannot use.
var deadTopics = []string{"tweets_dead", "posts_dead", "telegraf_refused", "readings_refused"}

// examplesRead returns the input of each example, by page and heading.
func examplesRead(t testing.TB) map[string]badRecord {
	const millis = 1_767_323_045_123
	tweets := badRecord{
		good: func(name string) string { return string(tweetOf(t, name, "positive", millis)) },
		bad:  "no tweet",
	}
	tweetsInBase64 := tweets
	tweetsInBase64.keeps = "bm8gdHdlZXQ=" // the bytes in base64
	lines := badRecord{
		good: func(name string) string { return "cpu,host=" + name + " usage=1.5 1767323045000000000" },
		bad:  "no line protocol",
	}
	readings := badRecord{
		good: func(name string) string { return `{"sensor":"` + name + `","celsius":20,"time":1767323045123}` },
		bad:  `{"sensor":"b","celsius":"hot"`,
	}
	posts := badRecord{
		good: func(name string) string {
			return `{"id":"a","text":"Hi","brand":"` + name + `","sentiment":"positive","timestamp":1767323045123}`
		},
		bad:   "no post",
		keeps: "bm8gcG9zdA==", // in base64
	}
	return map[string]badRecord{
		"docs/components/input_kafka_batches.md: Exact aggregates": tweets,
		// Its bad records fail at an HTTP server: tests/subpartition.
		"docs/components/input_subpartition.md: Updates of users": {},
		"docs/components/input_kafka_batches.md: Any processor": {
			good:   func(name string) string { return name },
			bad:    "\xff\x00 no text",
			stores: func(name string) string { return fmt.Sprintf(`"bytes":%d,`, len(name)) },
			keeps:  `"bytes":10,`,
		},
		"docs/components/output_kafka_batches.md: Records":                                        makesItsOwn,
		"docs/components/output_kafka_batches.md: Copying a topic":                                copies,
		"docs/components/input_tweet_generator.md: A steady rate":                                 makesItsOwn,
		"docs/components/input_tweet_generator.md: As fast as Kafka accepts":                      makesItsOwn,
		"docs/components/input_tweet_generator.md: Like a real topic":                             makesItsOwn,
		"docs/components/input_tweet_generator.md: A spike":                                       makesItsOwn,
		"docs/components/input_tweet_generator.md: Changing sentiments":                           makesItsOwn,
		"docs/components/input_tweet_generator.md: Maximum speed, with your own brands and texts": makesItsOwn,
		"docs/components/processor_sentiment_window.md: Tweets from Kafka to InfluxDB":            tweets,
		"docs/components/processor_sentiment_window.md: Exact counts":                             tweets,
		"docs/components/processor_sentiment_window.md: Foreign JSON": {
			good: func(name string) string {
				return `{"company":"` + name + `","mood":"Positive","created_at":"2026-01-02T03:04:05Z","body":"Hi"}`
			},
			bad:   `{"company":"SuperCoffee","mood":"Positive","created_at":"yesterday"}`,
			keeps: "yesterday",
		},
		"docs/components/output_influxdb.md: InfluxDB 2":                                            lines,
		"docs/components/output_influxdb.md: InfluxDB 1.8":                                          lines,
		"docs/components/output_influxdb.md: InfluxDB 3 Core":                                       lines,
		"docs/components/output_influxdb.md: InfluxDB Cloud Serverless, Cloud Dedicated, Clustered": lines,
		"docs/components/output_influxdb.md: InfluxDB Cloud (TSM)":                                  lines,
		"docs/components/output_influxdb.md: Line protocol from Telegraf through Kafka":             lines,
		"docs/components/output_influxdb.md: Any messages": {
			good: func(name string) string {
				return `{"city":"` + name + `","temperature":21.5,"humidity":"NaN","time":"2026-01-02T03:04:05Z"}`
			},
			bad: `{"city":"Cape Town","temperature":"warm"}`,
		},
		"docs/components/output_influxdb.md: Many tenants": {
			good: func(name string) string {
				return `{"tenant":"` + name + `","orders":3,"time":"2026-01-02T03:04:05Z"}`
			},
			bad:    `{"tenant":"Former","orders":"many"}`,
			stores: func(name string) string { return "tenant_" + name },
			keeps:  "many",
		},
		"docs/components/output_influxdb.md: Rejected messages to the next output": {
			good: func(name string) string {
				return `{"measurement":"tweets","tags":{"brand":"` + name + `"},"fields":{"count":3},"timestamp":1767323045000000000}`
			},
			bad: `no point`,
		},
		"docs/tutorial.md: 2. A topic with posts": makesItsOwn,
		"docs/tutorial.md: 3. A pipeline for them": {
			good: func(name string) string {
				return `{"post_id":41,"author":{"bot":false},"about":{"brand":"` + name + `"},"mood":"POS","body":"Hi","created_at":"2026-01-02T03:04:05.125Z"}`
			},
			bad: `{"post_id":42,"author":{"bot":false},"about":{"brand":"Former"},"mood":"MEH","created_at":"2026-01-02T03:04:05Z"}`,
		},
		"docs/tutorial.md: 5. The dead letters": {
			good: func(name string) string { return name }, bad: "no post", prints: true,
		},
		"docs/embedding.md: Run the distribution": {
			good: func(name string) string {
				return `{"room":"` + name + `","celsius":20,"time":"2026-01-02T03:04:05Z"}`
			},
			bad:   `{"room":"kitchen","celsius":[20]}`,
			keeps: `[20]`,
		},
		"docs/from-telegraf.md: A pipeline":                         lines,
		"docs/from-telegraf.md: A script that writes what it reads": func() badRecord { r := readings; r.keeps = "hot"; return r }(),
		"docs/from-telegraf.md: A script that counts":               tweets,
		"docs/flow.md: Your own spikes":                             makesItsOwn,
		"config/exact.yaml: ":                                       tweets,
		"config/ingest.yaml: ":                                      tweets,
		"config/ingest_tweets.yaml: ":                               tweets,
		"config/texts.yaml: ": {
			good: tweets.good, bad: tweets.bad, keeps: "Text not stored", prints: true, sample: true,
		},
		"config/all_in_one.yaml: ":                       tweetsInBase64,
		"config/traced.yaml: ":                           tweetsInBase64,
		"config/generate.yaml: ":                         makesItsOwn,
		"config/generate_fast.yaml: ":                    makesItsOwn,
		"config/mirror.yaml: ":                           copies,
		"config/spike.yaml: ":                            makesItsOwn,
		"create kafka_batches/sentiment_window/influxdb": tweets,
		"create redpanda/sentiment_window/influxdb":      tweets,
		"create kafka_batches/sentiment_window/file":     tweets,
		"create redpanda//influxdb":                      lines,
		"create file/sentiment_window/influxdb":          posts,
		"create influxdb":                                lines,
	}
}

// If this fails, the first bad record in a copied example stops the stream, affects
// other records, or is lost.
func TestExamplesSurviveABadRecord(t *testing.T) {
	t.Parallel()
	read := examplesRead(t)
	for name, config := range wholeExamples(t) {
		records, known := read[name]
		if !known {
			t.Errorf("%s: the input of this example is unknown. Add it to examplesRead", name)
			continue
		}
		delete(read, name)
		if records.good == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			survivesABadRecord(t, config, records)
		})
	}
	for name := range read {
		t.Errorf("%s: this example does not exist", name)
	}
}

// wholeExamples returns the pipelines of the pages, by page and heading, and those of
// config/.
func wholeExamples(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(testenv.Root(t), page))
		if err != nil {
			t.Fatal(err)
		}
		for _, config := range snippets(t, page) {
			if !strings.Contains(config, "input:\n") || !strings.Contains(config, "output:\n") {
				continue
			}
			before, _, _ := strings.Cut(string(text), config)
			_, heading, _ := strings.Cut(before[strings.LastIndex(before, "\n#"):], " ")
			heading, _, _ = strings.Cut(heading, "\n")
			found[page+": "+heading] = config
		}
	}
	for _, file := range pipelines(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found["config/"+filepath.Base(file)+": "] = string(text)
	}
	for name := range examplesRead(t) {
		if expression, is := strings.CutPrefix(name, "create "); is {
			found[name] = created(t, expression)
		}
	}
	return found
}

// created returns the pipeline that create prints.
func created(t testing.TB, expression string) string {
	t.Helper()
	program := testenv.Start(t, testenv.Command{Args: []string{"create", "--small", expression}})
	if code := program.Wait(t, time.Minute); code != 0 {
		t.Fatalf("create %s: exit code %d", expression, code)
	}
	// A file has one record per line, so not in Avro, which is the default.
	if strings.HasPrefix(expression, "file/") {
		return strings.Replace(program.Log(t), "encoding: avro", "encoding: json", 1)
	}
	return program.Log(t)
}

func survivesABadRecord(t *testing.T, config string, records badRecord) {
	dir := t.TempDir()
	kafka := testenv.FakeKafka(t)
	options := influxfake.Options{Buckets: exampleBuckets, Refuse: func(line string) string {
		if strings.Contains(line, rejectedName) {
			return "points beyond retention policy"
		}
		return ""
	}}
	if strings.Contains(config, "INFLUXDB_USER") {
		options.Version, options.Token = influxfake.V1, "u:p"
	}
	influx := influxfake.New(options)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query() // the examples have their own organisations
		query.Set("org", "org")
		r.URL.RawQuery = query.Encode()
		influx.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	url := server.URL

	var tree map[string]any
	config = strings.NewReplacer("http://localhost:8086", url, "localhost:9092", strings.Join(kafka.Brokers, ",")).Replace(config)
	env := map[string]string{
		"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "INFLUXDB_URL": url, "INFLUXDB_TOKEN": "t", "INFLUXDB_ORG": "org", "INFLUXDB_PASSWORD": "p", "INFLUXDB_USER": "u", "EVERY": "1",
		"DEAD_FILE": filepath.Join(dir, "dead"), "REJECTED_FILE": filepath.Join(dir, "rejected"),
	}
	if err := yaml.Unmarshal([]byte(config), &tree); err != nil {
		t.Fatal(err)
	}
	inDir(tree, dir)

	var values [][]byte
	for _, value := range []string{records.good("Former"), records.bad, records.good(rejectedName), records.good("Last")} {
		values = append(values, []byte(value))
	}
	topic, group := source(tree)
	if topic == "" {
		file := filepath.Join(dir, "records.in")
		if err := os.WriteFile(file, slices.Concat(joinLines(values), []byte("\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		tree["input"] = map[string]any{"file": map[string]any{"paths": []string{file}, "scanner": map[string]any{"lines": map[string]any{}}}}
	} else {
		for _, name := range deadTopics {
			kafka.CreateTopic(t, name, 1, nil)
		}
		if !slices.Contains(deadTopics, topic) {
			kafka.CreateTopic(t, topic, 1, nil)
		}
		for _, value := range values { // one record batch each
			kafka.Produce(t, &kgo.Record{Topic: topic, Value: value})
		}
	}
	written, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, written, 0o600); err != nil {
		t.Fatal(err)
	}

	program := testenv.Start(t, testenv.Command{Config: file, Env: env})
	var code int
	if topic == "" {
		code = program.Wait(t, time.Minute)
	} else {
		committed(t, kafka, group, topic)
		code = program.Stop(t)
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}

	stored, kept := "", ""
	for _, bucket := range exampleBuckets {
		for line := range influx.StoredIn(bucket) {
			stored += bucket + " " + line + "\n"
		}
	}
	for _, name := range deadTopics {
		if topic != "" {
			for _, letter := range readLetters(t, kafka, name) {
				kept += string(letter.value) + "\n"
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name == file || strings.HasSuffix(name, ".in") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kept += string(text)
	}
	if !strings.Contains(config, "influxdb:") { // it writes to a file or to the terminal
		stored = program.Log(t) + kept
	}
	if records.prints {
		kept += program.Log(t)
	}
	if records.stores == nil {
		records.stores = func(name string) string { return name }
	}
	if records.keeps == "" {
		records.keeps = records.bad
	}
	for _, name := range []string{"Former", "Last"} {
		if !strings.Contains(stored, records.stores(name)) {
			t.Errorf("the good record %s is not stored", name)
		}
	}
	if !strings.Contains(kept, records.keeps) && !strings.Contains(kept, quoted(records.keeps)) {
		t.Errorf("the bad record %q is lost; kept are\n%s", records.bad, kept)
	}
	if rejected := records.stores(rejectedName); !records.sample && !strings.Contains(kept, rejected) && !strings.Contains(stored, rejected) {
		t.Errorf("the record whose point is rejected is lost; kept are\n%s", kept)
	}
}

// quoted returns a text as in a JSON string.
func quoted(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return strings.Trim(string(q), `"`)
}

func joinLines(values [][]byte) (all []byte) {
	for i, value := range values {
		if i > 0 {
			all = append(all, '\n')
		}
		all = append(all, value...)
	}
	return all
}

// source returns the topic and the group of a Kafka input.
func source(tree map[string]any) (topic, group string) {
	input, _ := tree["input"].(map[string]any)
	for _, name := range []string{"redpanda", "kafka_batches"} {
		if settings, ok := input[name].(map[string]any); ok {
			topics, _ := settings["topics"].([]any)
			topic, _ = topics[0].(string)
			group, _ = settings["consumer_group"].(string)
			return withoutVariable(topic), withoutVariable(group)
		}
	}
	return "", ""
}

// withoutVariable returns the default of ${NAME:default}, or the text itself.
func withoutVariable(text string) string {
	if rest, ok := strings.CutPrefix(text, "${"); ok {
		_, text, _ = strings.Cut(strings.TrimSuffix(rest, "}"), ":")
	}
	return text
}

// inDir moves the files that a config writes into a folder, except paths that are
// variables.
func inDir(tree any, dir string) {
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			if path, ok := value.(string); ok && key == "path" && !strings.Contains(path, "$") {
				node[key] = filepath.Join(dir, path)
			}
			inDir(value, dir)
		}
	case []any:
		for _, value := range node {
			inDir(value, dir)
		}
	}
}
