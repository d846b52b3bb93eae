package pipelineview

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey/hotreport"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
	"github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	"github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
)

// OneSignal's case. If this fails, an operator sees a high lag and idle processors, and
// no reason.
func TestKeyThatHoldsTheMessagesIsTheVerdict(t *testing.T) {
	address, metrics := served(t)
	v := newTestView(t, Source{Metrics: []string{address}})
	for second := range 12 {
		set(metrics, fmt.Sprintf(`# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total %v
# TYPE subpartition_held gauge
subpartition_held 5000
# TYPE subpartition_hot_key_held gauge
subpartition_hot_key_held{key="app 42"} 4812
subpartition_hot_key_held{key="app 7"} 0
# TYPE subpartition_hot_key_share_ratio gauge
subpartition_hot_key_share_ratio{key="app 42"} 0.6
subpartition_hot_key_share_ratio{key="app 7"} 0
# TYPE redpanda_lag gauge
redpanda_lag{topic="updates",partition="0"} %d
`, 10+0.02*float64(second), 10_000+500*second))
		v.readAfterASecond(t.Context())
	}
	u := v.Look(0)
	if u.Verdict.Level != LevelBad || u.Verdict.Title != "One key holds 4,812 of 5,000 messages" ||
		!strings.Contains(u.Verdict.Detail, `key "app 42"`) || !strings.Contains(u.Verdict.Detail, "The process uses 2 % of a core") {
		t.Errorf("%+v", u.Verdict)
	}
	if want := []string{`Key "app 42" has 60 % of the messages, and holds 4,812 of 5,000 that wait.`}; !slices.Equal(u.Skew, want) {
		t.Errorf("%q, want %q", u.Skew, want)
	}
	metrics.Store(nil) // its numbers are not those of now
	v.readAfterASecond(t.Context())
	if u := v.Look(0); len(u.Skew) > 0 || strings.Contains(u.Verdict.Title, "key") {
		t.Errorf("of a process that does not respond: %q, %+v", u.Skew, u.Verdict)
	}
}

// readTwice returns the view of a process that serves metrics, after two scrapes.
func readTwice(t *testing.T, metrics string) *View {
	t.Helper()
	address, now := served(t)
	set(now, metrics)
	v := newTestView(t, Source{Metrics: []string{address}})
	v.readAfterASecond(t.Context())
	v.readAfterASecond(t.Context())
	return v
}

// If this fails, a key that is not named yet is not seen, or a named one is seen twice.
func TestLargestKeyWithoutAName(t *testing.T) {
	const metrics = "subpartition_held 5000\nsubpartition_largest_key 4812\nredpanda_lag{topic=\"updates\",partition=\"0\"} 10000\n"
	for name, c := range map[string]struct {
		metrics string
		want    []HotKey
	}{
		"no name":           {metrics, []HotKey{{Held: 4812, Of: 5000}}},
		"a name":            {metrics + `subpartition_hot_key_held{key="app 42"} 4812` + "\n", []HotKey{{Name: "app 42", Held: 4812, Of: 5000}}},
		"a name of another": {metrics + `subpartition_hot_key_held{key="app 7"} 50` + "\n", []HotKey{{Held: 4812, Of: 5000}, {Name: "app 7", Held: 50, Of: 5000}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := readTwice(t, c.metrics).facts.HotKeys
			for i := range got {
				got[i].Cores = 0 // unknown, which equals nothing
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestSkewOfPartitionsAndBrands(t *testing.T) {
	const even = `
kafka_batches_lag{topic="tweets",partition="0"} 1200
kafka_batches_lag{topic="tweets",partition="1"} 1100
kafka_batches_lag{topic="tweets",partition="2"} 1000
kafka_batches_lag{topic="tweets",partition="3"} 1300
kafka_batches_lag_seconds{topic="tweets",partition="0"} 60
`
	for name, c := range map[string]struct {
		metrics string
		want    []string
	}{
		"even": {even + "kafka_batches_partition_skew_ratio{topic=\"tweets\",partition=\"0\"} 0\nsentiment_window_brand_skew_ratio{brand=\"a\"} 0\n", []string{}},
		"a partition that waits": {strings.Replace(even, "1200", "41200", 1), []string{
			"Partition 0 of tweets has 41,200 of the 44,600 messages that wait in 4 partitions."}},
		"one that is not late": {strings.NewReplacer("1200", "41200", "} 60", "} 1").Replace(even), []string{}},
		"a partition that waits and is loaded": {strings.Replace(even, "1200", "41200", 1) + `kafka_batches_partition_skew_ratio{topic="tweets",partition="0"} 0.83` + "\n", []string{
			"Partition 0 of tweets has 41,200 of the 44,600 messages that wait in 4 partitions, and 83 % of the records that are read."}},
		"a partition that is loaded, and a brand": {even + `
kafka_batches_partition_skew_ratio{topic="tweets",partition="1"} 0
kafka_batches_partition_skew_ratio{topic="tweets",partition="2"} 0.83
sentiment_window_brand_skew_ratio{brand="Tea \"green\""} 0.62
`, []string{"Partition 2 of tweets has 83 % of the records that are read.", `Brand "Tea \"green\"" has 62 % of the tweets.`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readTwice(t, c.metrics).Look(0).Skew; !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// If this fails, only the metrics of one input are read, although Kafka is asked.
func TestLagOfTheBrokersIsByPartition(t *testing.T) {
	b := &brokers{topic: "tweets"}
	state := b.note(ends{offsets: map[int32]int64{0: 5000, 1: 20}}, map[int32]int64{0: 188, 1: 20})
	if state.lags[partitionOf{"tweets", "0"}] != 4812 || len(state.lags) != 2 || state.lag != 4812 {
		t.Errorf("%+v", state)
	}
	if s := lagging(state.lags, 60); s.Count != 4812 || s.Parts != 2 || s.Name != "0 of tweets" {
		t.Errorf("%+v", s)
	}
	if s := lagging(state.lags, math.NaN()); s.Name == "" {
		t.Error("a lag of unknown age is not looked at")
	}
}

// If this fails, a component has renamed a metric, and the page misses it without a word.
func TestMetricsOfSkewExist(t *testing.T) {
	var set metric.Set
	hotreport.Declare(&set, "subpartition")
	var names []string
	for _, m := range slices.Concat(set.All(), kafkabatch.Metrics(), sentimentwindow.Metrics()) {
		names = append(names, m.Name)
	}
	for _, name := range []string{hotKeyHeld, hotKeyShare, partitionSkew, brandSkew} {
		if !slices.Contains(names, name) {
			t.Errorf("no component declares %s", name)
		}
	}
}
