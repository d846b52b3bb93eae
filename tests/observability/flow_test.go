package observability

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// flow is a running system: a generator, both kinds of ingest, a sample of the texts
// beside the exact counts, and InfluxDB.
type flow struct {
	kafka    *testenv.Cluster
	topic    string
	influx   *influxd.Server
	programs map[string]*testenv.Program // by the config
	broken   *kgo.Record                 // records that must not be counted
}

// Buckets of the two ingests.
const (
	exactBucket  = "exact"
	tweetsBucket = "tweets"
)

func startFlow(t *testing.T) *flow {
	t.Helper()
	f := &flow{influx: testenv.OwnInflux(t, influxd.Options{Version: testenv.InfluxV2}), programs: map[string]*testenv.Program{}}
	// Points older than a day are rejected.
	for _, bucket := range []string{exactBucket, tweetsBucket} {
		if err := f.influx.CreateBucket(t.Context(), bucket, 24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	f.kafka = testenv.FakeKafka(t)
	f.topic = f.kafka.Topic(t, 4)
	dead := f.kafka.Topic(t, 1)
	for config, more := range map[string]map[string]string{
		"generate":      {"RATE": "2000", "BATCH_SIZE": "200"},
		"exact":         {"INFLUXDB_BUCKET": exactBucket, "CONSUMER_GROUP": "exact"},
		"ingest_tweets": {"INFLUXDB_BUCKET": tweetsBucket, "CONSUMER_GROUP": "tweets"},
		"texts":         {"INFLUXDB_BUCKET": exactBucket, "TEXTS_GROUP": "texts"},
	} {
		env := map[string]string{
			"KAFKA_BROKERS": strings.Join(f.kafka.Brokers, ","), "TOPIC": f.topic, "DEAD_TOPIC": dead,
			"LOG_FORMAT": "json", "INFLUXDB_URL": f.influx.URL, "INFLUXDB_ORG": f.influx.Org, "INFLUXDB_TOKEN": f.influx.Token,
		}
		maps.Copy(env, more)
		f.programs[config] = testenv.Start(t, testenv.Command{Config: "config/" + config + ".yaml", Env: env})
	}
	return f
}

// produceBroken writes records that cannot be counted, and a tweet that is older than
// the buckets' retention.
func (f *flow) produceBroken(t *testing.T) {
	t.Helper()
	old := tweet.Tweet{
		ID: []byte("3f2504e0-4f89-41d3-9a0c-0305e82c3301"), Text: []byte("Two days ago"), Brand: []byte("SuperCoffee"),
		Millis: time.Now().Add(-48 * time.Hour).UnixMilli(),
	}
	f.broken = &kgo.Record{Topic: f.topic, Value: []byte("no tweet")}
	f.kafka.Produce(t, f.broken, &kgo.Record{Topic: f.topic, Value: old.AppendAvro(nil)})
}

// If this fails, a panel of a dashboard stays empty or its query fails, an alert does
// not fire, or the programs show a metric that docs/metrics.md does not have. All with
// one flow, since starting it takes the time.
func TestWithDataFlowing(t *testing.T) {
	look(t, "prometheus", "running the queries of the dashboards")
	f := startFlow(t)
	p := startPrometheus(t, map[string][]string{
		"generator": {f.programs["generate"].Address()},
		"ingest":    {f.programs["exact"].Address(), f.programs["ingest_tweets"].Address()},
		"texts":     {f.programs["texts"].Address()},
	})
	testenv.Eventually(t, time.Minute, "both ingests store tweets", func() error {
		flowing, err := p.query(t.Context(), `sum by (instance) (rate(influxdb_tweets_written{job="ingest"}[5s])) > 0`)
		if err == nil && len(flowing) < 2 {
			err = fmt.Errorf("%d of them", len(flowing))
		}
		return err
	})
	if fire, err := p.firing(t.Context()); err != nil || len(fire) > 0 {
		t.Errorf("before anything has happened, these fire: %v, %v", fire, err)
	}
	f.produceBroken(t)
	testenv.Eventually(t, time.Minute, "alerts on dead letters and rejected points", func() error {
		fire, err := p.firing(t.Context())
		if !fire["DeadLetters"] || !fire["InfluxDBRefusesPoints"] || fire["NoData"] || fire["PipelineDown"] {
			err = errors.Join(err, fmt.Errorf("%v", fire))
		}
		return err
	})
	// In the order of their waits: the later ones then find their data.
	t.Run("pipeline", func(t *testing.T) { pipelinePanels(t, p) })
	t.Run("rules", func(t *testing.T) { rulesAreWell(t, p) })
	t.Run("brand", func(t *testing.T) {
		for _, bucket := range []string{exactBucket, tweetsBucket} {
			t.Run(bucket, func(t *testing.T) { brandPanels(t, f, bucket) })
		}
	})
	t.Run("log", func(t *testing.T) { refusalsAreLogged(t, f) })
	t.Run("metrics", func(t *testing.T) { metricsAreDocumented(t, f) })
}

// rulesAreWell checks that Prometheus has evaluated each rule without an error, such as
// a many-to-many join, which promtool does not notice.
func rulesAreWell(t *testing.T, p *prometheus) {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.get(t.Context(), "/api/v1/rules", nil, &data); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			if n++; r.Health != "ok" {
				t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if n < 7 {
		t.Errorf("%d rules", n)
	}
}

// pipelinePanels runs the queries of the pipeline dashboard until each returns series,
// with the expected values if they are known.
func pipelinePanels(t *testing.T, p *prometheus) {
	panels := dashboards(t)["pipeline.json"].Panels
	const stages = "Tweets per second by stage/"
	expected := map[string][2]float64{
		"Running/running":                       {4, 4},
		"Alerts/firing":                         {4, 4}, // two of each ingest
		"Dead letters/dead letters":             {4, 4}, // two of each ingest
		stages + "generated":                    {1000, 3000},
		stages + "in Kafka":                     {1000, 3000},
		stages + "decoded and counted":          {2000, 6000}, // by both
		stages + "stored":                       {2000, 6000},
		"Event to InfluxDB/p99":                 {0.001, 60},
		"Points per request/points per request": {1, 4000},
		"Generator/{{sentiment}} %":             {99.9, 100.1},
		"Requests by verdict/{{verdict}}":       {0.1, 10000},
		"Failed connections/attempts":           {0, 100},
		"Request to InfluxDB/p50":               {0.001, 10},
		"Lag in time/{{topic}} {{partition}}":   {0, 120},
	}
	testenv.Eventually(t, 30*time.Second, "the panels of the pipeline show it", func() error {
		seen, err := lastValues(t.Context(), p, panels)
		errs := []error{err}
		for name, between := range expected {
			if got, ok := seen[name]; !ok || got < between[0] || got > between[1] {
				errs = append(errs, fmt.Errorf("%s is %v (%t), want %v", name, got, ok, between))
			}
		}
		return errors.Join(errs...)
	})
}

// lastValues returns the current value of each query of panels, added up, by panel and
// legend.
func lastValues(ctx context.Context, p *prometheus, panels []panel) (map[string]float64, error) {
	// As Grafana fills them in, at this test's interval.
	fill := strings.NewReplacer("$__rate_interval", "8s", "$__range", "1m")
	values := map[string]float64{}
	for _, panel := range panels {
		for _, q := range panel.Targets {
			result, err := p.query(ctx, fill.Replace(q.Expr))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", panel.Title, err)
			}
			if len(result) == 0 {
				return nil, fmt.Errorf("%s: %s returns nothing", panel.Title, q.Expr)
			}
			for _, s := range result {
				v := s.last()
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, fmt.Errorf("%s: %s returns %v", panel.Title, q.Expr, v)
				}
				values[panel.Title+"/"+q.LegendFormat] += v
			}
		}
	}
	return values, nil
}

// generatedBrands are the brands of generate.yaml.
var generatedBrands = []string{"HyperCola", "MegaTea", "NanoWater", "SuperCoffee", "UltraJuice"}

// brandPanels runs the queries of the brand dashboard on a bucket and compares their
// results with each other.
func brandPanels(t *testing.T, f *flow, bucket string) {
	// A past range, so that all of them see the same data.
	to := time.Now().Add(-3 * time.Second).Truncate(time.Second)
	fill := func(query string) string {
		return strings.NewReplacer(
			"v.defaultBucket", strconv.Quote(bucket), "v.windowPeriod", "1s", "${brand:regex}", strings.Join(generatedBrands, "|"),
			"v.timeRangeStart", to.Add(-5*time.Minute).UTC().Format(time.RFC3339), "v.timeRangeStop", to.UTC().Format(time.RFC3339),
		).Replace(query)
	}
	d := dashboards(t)["brand.json"]
	token := readToken(t, f.influx, bucket)
	brands := flux(t, f.influx, token, fill(d.Templating.List[0].Query))
	var names []string
	for _, row := range brands {
		names = append(names, row["_value"])
	}
	if slices.Sort(names); !slices.Equal(names, generatedBrands) {
		t.Errorf("the brands to choose from are %v", names)
	}
	rows := map[string][]map[string]string{}
	for _, p := range d.Panels {
		key := p.Type + " " + p.Title
		for _, q := range p.Targets {
			rows[key] = flux(t, f.influx, token, fill(q.Query))
		}
		if len(rows[key]) == 0 {
			t.Errorf("%s returns nothing", key)
		}
	}
	if t.Failed() {
		return
	}
	all := number(t, rows["stat Tweets"][0]["_value"])
	by := map[string]float64{}
	for _, row := range rows["piechart Sentiment"] {
		by[row["sentiment"]] = number(t, row["_value"])
	}
	if got := by["positive"] + by["negative"] + by["neutral"]; all < 1000 || got != all || len(by) != 3 {
		t.Errorf("%v tweets, by sentiment %v", all, by)
	}
	if got, want := number(t, rows["stat Net sentiment"][0]["_value"]), (by["positive"]-by["negative"])/all; math.Abs(got-want) > 1e-9 {
		t.Errorf("net sentiment is %v, want %v", got, want)
	}
	for _, row := range rows["timeseries Net sentiment"] {
		if v := number(t, row["_value"]); v < -1 || v > 1 || row["_time"] == "" {
			t.Errorf("net sentiment %v at %s", v, row["_time"])
		}
	}
	// Windows of one second, so the rates add up to the number of tweets.
	for _, key := range []string{"timeseries Tweets per second by sentiment", "timeseries Share of voice", "stat Tweets per second"} {
		var sum float64
		for _, row := range rows[key] {
			sum += number(t, row["_value"])
		}
		if math.Abs(sum-all) > 0.5 || len(rows[key]) < 5 {
			t.Errorf("%s adds up to %v in %d rows, want %v", key, sum, len(rows[key]), all)
		}
	}
	for _, row := range rows["table Latest tweets"] {
		if row["text"] == "" || !slices.Contains(generatedBrands, row["brand"]) || by[row["sentiment"]] == 0 || row["time"] == "" {
			t.Errorf("a latest tweet is %v", row)
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Errorf("%q is not a number", text)
	}
	return v
}

// flux runs a query as Grafana does and returns the rows of all its tables.
func flux(t *testing.T, influx *influxd.Server, token, query string) (rows []map[string]string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "dialect": map[string]any{"header": true, "annotations": []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, influx.URL+"/api/v2/query?org="+influx.Org, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s %s, for\n%s", response.Status, answer, query)
		return nil
	}
	var header []string
	reader := csv.NewReader(strings.NewReader(string(answer)))
	reader.FieldsPerRecord = -1
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(record) > 2 && record[1] == "result" {
			header = record
			continue
		}
		if len(record) == len(header) {
			row := map[string]string{}
			for i, name := range header {
				row[name] = record[i]
			}
			rows = append(rows, row)
		}
	}
}

var ownMetric = regexp.MustCompile(`^(influxdb|kafka_batches|sentiment_window|tweet_generator)_`)

// metricsAreDocumented compares the metrics of the programs with docs/metrics.md.
func metricsAreDocumented(t *testing.T, f *flow) {
	known, shown := documented(t), map[string]bool{}
	for _, config := range slices.Sorted(maps.Keys(f.programs)) {
		families, err := f.programs[config].Metrics(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for name, family := range families {
			shown[name] = true
			m, ok := known[name]
			if !ok {
				if ownMetric.MatchString(name) {
					t.Errorf("%s shows %s, which docs/metrics.md does not have", config, name)
				}
				continue
			}
			if got := strings.ToLower(family.GetType().String()); got != m.kind {
				t.Errorf("%s is a %s, documented as %s", name, got, m.kind)
			}
			for _, metric := range family.GetMetric() {
				var labels []string
				for _, l := range metric.GetLabel() {
					if !slices.Contains([]string{"label", "path"}, l.GetName()) {
						labels = append(labels, l.GetName())
					}
				}
				if slices.Sort(labels); !slices.Equal(labels, m.labels) {
					t.Errorf("%s has the labels %q, documented are %q", name, labels, m.labels)
				}
			}
		}
	}
	// All stock metrics exist from the start.
	for name, m := range known {
		if !m.own && !shown[name] {
			t.Errorf("docs/metrics.md has %s, which no program shows", name)
		}
	}
}

// refusalsAreLogged checks that a rejected record can be found in the log by its
// position, which has fields of its own in JSON.
func refusalsAreLogged(t *testing.T, f *flow) {
	for _, config := range []string{"exact", "ingest_tweets"} {
		var found map[string]any
		for line := range strings.Lines(f.programs[config].Log(t)) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Errorf("%s has logged a line that is not JSON: %s", config, line)
			}
			if fields["reason"] == "undecodable" {
				found = fields
			}
		}
		for field, want := range map[string]any{
			"component": "sentiment_window", "topic": f.topic, "partition": fmt.Sprint(f.broken.Partition), "offset": fmt.Sprint(f.broken.Offset),
			"level": "warning", "path": "root.pipeline.processors.0",
		} {
			if found[field] != want {
				t.Errorf("%s: the field %s of the refusal is %v, want %v: %v", config, field, found[field], want, found)
			}
		}
	}
}
