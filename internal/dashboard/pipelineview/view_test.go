package pipelineview

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const metrics = `
# TYPE tweet_generator_generated counter
tweet_generator_generated{label="",path="root.input"} %[1]d
# TYPE sentiment_window_tweets counter
sentiment_window_tweets{sentiment="positive"} %[1]d
sentiment_window_tweets{sentiment="negative"} %[1]d
# TYPE sentiment_window_points counter
sentiment_window_points %[2]d
# TYPE influxdb_points_written counter
influxdb_points_written %[2]d
# TYPE influxdb_points_rejected counter
influxdb_points_rejected{reason="retention"} 7
# TYPE influxdb_requests counter
influxdb_requests{verdict="stored"} 3
# TYPE output_sent counter
output_sent{label="dead_letters"} 5
output_sent{label="rejected_points"} 2
output_sent{label=""} 1000
# TYPE kafka_batches_lag gauge
kafka_batches_lag{partition="0",topic="tweets"} 10
kafka_batches_lag{partition="1",topic="tweets"} 32
# TYPE kafka_batches_lag_seconds gauge
kafka_batches_lag_seconds{partition="0",topic="tweets"} 3
kafka_batches_lag_seconds{partition="1",topic="tweets"} 2
# TYPE kafka_batches_waiting gauge
kafka_batches_waiting{partition="0",topic="tweets"} 3
kafka_batches_waiting{partition="1",topic="tweets"} 4
# TYPE sentiment_window_schema_waiting_seconds gauge
sentiment_window_schema_waiting_seconds{schema="7"} 0
sentiment_window_schema_waiting_seconds{schema="99"} 4
# TYPE influxdb_request_latency_ns histogram
influxdb_request_latency_ns_bucket{le="0.01"} %[1]d
influxdb_request_latency_ns_bucket{le="0.1"} %[1]d
influxdb_request_latency_ns_bucket{le="+Inf"} %[1]d
influxdb_request_latency_ns_sum 1
influxdb_request_latency_ns_count %[1]d
`

// process serves metrics that grow, and can be restarted or away.
type process struct {
	*httptest.Server
	count atomic.Int64
	away  atomic.Bool
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if p.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		n := p.count.Load()
		fmt.Fprintf(w, metrics, n, n/50)
	}))
	t.Cleanup(p.Close)
	return p
}

func newTestView(t *testing.T, source Source) *View {
	t.Helper()
	v, err := New(source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	begin := time.Now()
	v.now = func() time.Time { return begin }
	return v
}

// readAfterASecond takes a reading a second after the one before.
func (v *View) readAfterASecond(ctx context.Context) Rates {
	now := v.now().Add(time.Second)
	v.now = func() time.Time { return now }
	v.read(ctx)
	return v.samples[len(v.samples)-1].rates
}

func near(got Number, want float64) bool {
	return math.Abs(float64(got)-want) <= 1e-6*want
}

func TestRates(t *testing.T) {
	p := startProcess(t)
	v := newTestView(t, Source{Metrics: []string{p.URL}}) // without /metrics
	p.count.Store(1_000_000)
	v.read(t.Context())
	if r := v.samples[0].rates; !math.IsNaN(float64(r.Generated)) {
		t.Errorf("a rate of %v from one reading", r.Generated)
	}
	var r Rates
	for range 8 {
		p.count.Add(500)
		r = v.readAfterASecond(t.Context())
	}
	if !near(r.Generated, 500) || !near(r.Decoded, 1000) || !near(r.PointsStored, 10) {
		t.Errorf("%v generated, %v decoded, %v points stored; want 500, 1000, 10", r.Generated, r.Decoded, r.PointsStored)
	}
	// 100 tweets a point, and 10 points a second.
	if !near(r.Stored, 1000) || !r.Estimated {
		t.Errorf("%v tweets stored, estimated %v; want 1000", r.Stored, r.Estimated)
	}
	if r.Lag != 42 || r.LagSeconds != 3 {
		t.Errorf("lag %v and %v s, want 42 and 3", r.Lag, r.LagSeconds)
	}
	if f := v.facts; f.WaitingBatches != 7 || f.SchemaSeconds != 4 || !slices.Equal(f.Schemas, []string{"99"}) {
		t.Errorf("%v batches wait, for the schemas %q for %v s; want 7, 99 and 4", f.WaitingBatches, f.Schemas, f.SchemaSeconds)
	}
	if !(r.RequestP50 > 0 && r.RequestP50 <= 0.01) || !math.IsNaN(float64(r.EventP50)) {
		t.Errorf("median of requests %v, of events %v", r.RequestP50, r.EventP50)
	}
	u := v.Look(0)
	if u.Totals.Rejected["retention"] != 7 || u.Totals.DeadLetters != 7 {
		t.Errorf("%+v, want 7 of each", u.Totals)
	}
	data, err := json.Marshal(u)
	if err != nil || !strings.Contains(string(data), `"event_p50":null`) {
		t.Errorf("%s, %v", data, err)
	}

	// What would break: a process that is started again makes a negative rate, or one
	// as high as all that it ever counted.
	p.count.Store(500)
	if r = v.readAfterASecond(t.Context()); !near(r.Generated, 500) {
		t.Errorf("%v generated over a restart, want 500", r.Generated)
	}
	// What would break: a gap ends in a rate that never was.
	p.away.Store(true)
	for range 10 {
		p.count.Add(500)
		v.readAfterASecond(t.Context())
	}
	u = v.Look(0)
	if u.Verdict.Title != "No pipeline responds" || u.Endpoints[0].Error == "" || !u.Endpoints[0].Started {
		t.Errorf("%+v, %+v", u.Verdict, u.Endpoints)
	}
	p.away.Store(false)
	for i := range 6 {
		p.count.Add(500)
		if r = v.readAfterASecond(t.Context()); r.Generated > 600 {
			t.Errorf("%v generated in second %d after the gap, want 500 at most", r.Generated, i)
		}
	}
	if !near(r.Generated, 500) {
		t.Errorf("%v generated after the gap, want 500", r.Generated)
	}
}

// What would break: the view of a page that was away has holes, or begins anew.
func TestLookSince(t *testing.T) {
	p := startProcess(t)
	v := newTestView(t, Source{Metrics: []string{p.URL + "/metrics"}})
	for range 3 {
		v.readAfterASecond(t.Context())
	}
	whole := v.Look(0)
	if !whole.Whole || len(whole.Samples) != 3 {
		t.Fatalf("%d samples, whole %v", len(whole.Samples), whole.Whole)
	}
	v.readAfterASecond(t.Context())
	part := v.Look(whole.Revision)
	if part.Whole || len(part.Samples) != 1 || part.Samples[0].At < whole.Samples[2].At {
		t.Errorf("%d samples, whole %v", len(part.Samples), part.Whole)
	}
	for range history + 10 {
		v.readAfterASecond(t.Context())
	}
	if n := len(v.Look(0).Samples); n != history {
		t.Errorf("%d samples are kept, want %d", n, history)
	}
}

// What would break: a pipeline that counts nothing, or whose points are about to
// replace each other, looks like one that keeps up.
func TestVerdictsOfMetrics(t *testing.T) {
	var text atomic.Pointer[string]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, *text.Load()) }))
	defer server.Close()
	for name, c := range map[string]struct {
		metrics      string // %[1]d grows by 1000 a second
		level, title string
	}{
		"all are refused": {`sentiment_window_refused{reason="undecodable"} %[1]d
sentiment_window_points 0
`, LevelBad, "Nearly all records are dead letters"},
		"a sixth is refused": {`sentiment_window_refused{reason="undecodable"} %[1]d
sentiment_window_tweets{sentiment="neutral"} %[1]d
sentiment_window_tweets{sentiment="positive"} %[1]d
sentiment_window_tweets{sentiment="negative"} %[1]d
sentiment_window_tweets{sentiment="b"} %[1]d
sentiment_window_tweets{sentiment="c"} %[1]d
influxdb_tweets_written %[1]d
influxdb_tweets_written{path="b"} %[1]d
influxdb_tweets_written{path="c"} %[1]d
influxdb_tweets_written{path="d"} %[1]d
influxdb_tweets_written{path="e"} %[1]d
`, LevelBad, "17 % of the records are dead letters"},
		"a tenth is refused": {`sentiment_window_refused{reason="undecodable"} %[1]d
sentiment_window_tweets{sentiment="neutral"} %[1]d0
influxdb_tweets_written %[1]d0
`, LevelBusy, "9 % of the records are dead letters"},
		"few are refused": {`sentiment_window_refused{reason="undecodable"} %[1]d
sentiment_window_tweets{sentiment="neutral"} %[1]d000
influxdb_tweets_written %[1]d000
`, LevelOK, "All stages keep up"},
		"a tenth of the points is refused": {`sentiment_window_tweets{sentiment="neutral"} %[1]d
influxdb_tweets_written %[1]d
influxdb_points_rejected{reason="retention"} %[1]d
influxdb_points_written %[1]d0
`, LevelBusy, "InfluxDB rejects 9 % of the points"},
		"points are refused": {`sentiment_window_tweets{sentiment="neutral"} %[1]d
influxdb_points_rejected{reason="retention"} %[1]d
influxdb_points_written 0
`, LevelBad, "InfluxDB rejects nearly all points"},
		"none of the first": {`sentiment_window_nothing_counted 1
sentiment_window_refused{reason="undecodable"} 1000
`, LevelBad, "Nothing is counted"},
		"most are filtered": {`sentiment_window_tweets{sentiment="neutral"} %[1]d
sentiment_window_filtered %[1]d0
tweet_generator_delivered %[1]d1
influxdb_tweets_written %[1]d
`, LevelOK, "All stages keep up"},
		"slots": {`sentiment_window_slots_used_ratio{path="a"} 0.95
sentiment_window_slots_used_ratio{path="b"} 0.1
sentiment_window_tweets{sentiment="neutral"} %[1]d
influxdb_tweets_written %[1]d
`, LevelBad, "Points are about to replace each other"},
		"few slots": {`sentiment_window_slots_used_ratio{path="a"} 0.4
sentiment_window_slots_used_ratio{path="b"} 0.4
sentiment_window_tweets{sentiment="neutral"} %[1]d
influxdb_tweets_written %[1]d
`, LevelOK, "All stages keep up"},
	} {
		v := newTestView(t, Source{Metrics: []string{server.URL}})
		for n := range 8 {
			now := strings.ReplaceAll(c.metrics, "%[1]d", fmt.Sprint((1+n)*1000))
			text.Store(&now)
			v.readAfterASecond(t.Context())
		}
		if got := v.Look(0).Verdict; got.Level != c.level || got.Title != c.title {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Two processes count together, and each bucket of their histograms.
func TestProcessesAddUp(t *testing.T) {
	one, two := startProcess(t), startProcess(t)
	v := newTestView(t, Source{Metrics: []string{one.URL, two.URL}})
	var r Rates
	for range 7 {
		one.count.Add(100)
		two.count.Add(300)
		r = v.readAfterASecond(t.Context())
	}
	if !near(r.Generated, 400) || r.Lag != 84 || r.LagSeconds != 3 {
		t.Errorf("%v generated, lag %v and %v s; want 400, 84, 3", r.Generated, r.Lag, r.LagSeconds)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "localhost:4195", "ftp://x/metrics", "http://"} {
		if _, err := New(Source{Metrics: []string{address}}); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, err := New(Source{Kafka: []string{"localhost:9092"}}); err == nil {
		t.Error("Kafka without a topic is taken")
	}
}

// What would break: the lag is that of a moment that never was, or its age is not.
func TestLagFromKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "tweets"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	produce := func(partition int32, n int) {
		t.Helper()
		for range n {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "tweets", Partition: partition, Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	v := newTestView(t, Source{Kafka: cluster.ListenAddrs(), Topic: "tweets", Group: "g"})
	read := func() Rates {
		t.Helper()
		r := v.readAfterASecond(t.Context())
		if v.facts.KafkaAway != "" {
			t.Fatal(v.facts.KafkaAway)
		}
		return r
	}
	read()
	produce(0, 10)
	produce(1, 20)
	r := read()
	if r.Lag != 30 || !near(r.Kafka, 30) || r.LagSeconds > 0.5 || r.LagAtLeast {
		t.Errorf("lag %v, %v s, %v/s; want 30, 0, 30", r.Lag, r.LagSeconds, r.Kafka)
	}
	for range 4 {
		r = read()
	}
	if r.Lag != 30 || !near(r.LagSeconds, 4) {
		t.Errorf("lag %v, %v s; want 30, 4", r.Lag, r.LagSeconds)
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset("tweets", 0, 10, -1)
	offsets.AddOffset("tweets", 1, 5, -1)
	if _, err := kadm.NewClient(client).CommitOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	if r = read(); r.Lag != 15 || !near(r.LagSeconds, 5) {
		t.Errorf("lag %v, %v s after a commit; want 15, 5", r.Lag, r.LagSeconds)
	}
	offsets.AddOffset("tweets", 1, 20, -1)
	if _, err := kadm.NewClient(client).CommitOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	if r = read(); r.Lag != 0 || r.LagSeconds != 0 {
		t.Errorf("lag %v, %v s after all was committed", r.Lag, r.LagSeconds)
	}
	// A lag that was there before the first reading is at least so old.
	late := newTestView(t, Source{Kafka: cluster.ListenAddrs(), Topic: "tweets", Group: "another"})
	late.read(t.Context())
	if r := late.samples[0].rates; r.Lag != 30 || !r.LagAtLeast {
		t.Errorf("lag %v, at least %v; want 30, true", r.Lag, r.LagAtLeast)
	}
	missing := newTestView(t, Source{Kafka: cluster.ListenAddrs(), Topic: "other", Group: "g"})
	missing.read(t.Context())
	if !strings.Contains(missing.facts.KafkaAway, "other") {
		t.Errorf("%q does not name the topic", missing.facts.KafkaAway)
	}
}

// What would break: brokers receive the dashboard's client metrics, which nobody asked
// them to collect.
func TestBrokersReceiveNoMetrics(t *testing.T) {
	b, err := newBrokers([]string{"127.0.0.1:1"}, "tweets", "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if disabled, _ := b.client.OptValue(kgo.DisableClientMetrics).(bool); !disabled {
		t.Error("client metrics are enabled")
	}
}
