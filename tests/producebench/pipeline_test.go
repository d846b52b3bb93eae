package producebench_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	pipelineGoal = 2_000_000 // tweets/s
	latencyRate  = 968_000   // tweets/s, held before batches were generated whole
	latencyGoal  = 0.250     // seconds, the 99th percentile

	latencySpan = 30 * time.Second
	probeSpan   = 20 * time.Second
	retrySpan   = time.Minute
	warmUp      = 5 * time.Second

	// most is the lag of a rate that is held, in seconds of tweets.
	mostLag = 2

	// keepMillis is how long the topic keeps records, so that five minutes of them do not
	// fill the disk. It is ten times the lag of a rate that is held.
	keepMillis = 20_000
)

// pipeline runs everything at once: generate_fast.yaml, Kafka, exact.yaml and InfluxDB.
// First at a rate for its latency, then at the highest of the rates that it holds.
func pipeline(b *bench) {
	server := testenv.OwnInflux(b.B, influxd.Options{Version: testenv.InfluxV1})
	b.log.printf("\ngenerate_fast.yaml, Kafka, exact.yaml, InfluxDB %s at once, %s, %d partitions,\n", server.Version, b.codecs[0], partitions)
	b.log.printf("segments of 32 MB that Kafka keeps for %d s\n", keepMillis/1000)
	atRest := b.hold(server, latencyRate, latencySpan)
	b.goals("pipeline", goal{what: fmt.Sprintf("p99 in s at %s/s", grouped(latencyRate)), limit: latencyGoal, figure: atRest.p99, atMost: true})
	span := b.duration
	for _, rate := range b.rates {
		if span > probeSpan && !b.hold(server, rate, probeSpan).held() {
			continue
		}
		h := b.hold(server, rate, span)
		if !h.held() {
			span = min(span, retrySpan) // another five minutes would tell little more
			continue
		}
		b.goals("pipeline",
			goal{what: fmt.Sprintf("tweets/s held for %s", span), limit: pipelineGoal, figure: h.rate()},
			goal{what: "p99 in s at that rate", limit: latencyGoal, figure: h.p99, atMost: true})
		return
	}
	b.goals("pipeline", goal{what: fmt.Sprintf("tweets/s held for %s", b.duration), limit: pipelineGoal, unknown: fmt.Sprintf("none of %d", b.rates)})
}

// held is what was seen while a rate had to be held.
type hold struct {
	wanted    int64 // tweets/s
	delivered int64
	took      time.Duration
	maxLag    float64 // tweets, after the warm-up
	missed    float64
	p50, p99  float64 // seconds
	faults    []string
}

func (h *hold) rate() float64 { return float64(h.delivered) / h.took.Seconds() }

func (h *hold) held() bool { return len(h.faults) == 0 }

func (h *hold) fault(format string, args ...any) {
	h.faults = append(h.faults, fmt.Sprintf(format, args...))
}

// hold generates at a rate for some time, waits until all is stored, and compares.
func (b *bench) hold(server *influxd.Server, rate int64, span time.Duration) *hold {
	b.Helper()
	topic, drop := b.broker.topic(b.B, partitions, map[string]string{
		"retention.ms": strconv.Itoa(keepMillis), "segment.bytes": "33554432",
	})
	defer drop()
	dead, dropDead := b.broker.topic(b.B, 1, nil)
	defer dropDead()
	if err := server.CreateBucket(b.Context(), topic, 0); err != nil {
		b.Fatal(err)
	}
	bucket := server.Sibling(topic)
	env := map[string]string{
		"KAFKA_BROKERS": b.broker.Brokers[0], "TOPIC": topic, "DEAD_TOPIC": dead, "CONSUMER_GROUP": topic,
		"INFLUXDB_URL": bucket.URL, "INFLUXDB_TOKEN": bucket.Token, "INFLUXDB_ORG": bucket.Org, "INFLUXDB_BUCKET": bucket.Bucket,
	}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(env)
		maps.Copy(all, more)
		return all
	}
	reader := testenv.Start(b, testenv.Command{Config: "config/exact.yaml", Env: env})
	reader.Ready(b, time.Minute)
	generator := testenv.Start(b, testenv.Command{Config: fastConfig, Env: with(map[string]string{
		"RATE": strconv.FormatInt(rate, 10), "DURATION": span.String(), "COMPRESSION": b.codecs[0], "ACKS": "leader", "PROGRESS": "never",
	})})
	h := &hold{wanted: rate}
	ends := b.broker.ends(topic, partitions)
	usage := b.observe(h, generator, reader, server, ends, span)
	if code := generator.Wait(b, time.Minute); code != 0 {
		h.fault("the generator has ended with exit code %d", code)
	}
	b.keepAll(topic)
	b.compareStored(h, reader, bucket, topic, dead, ends)
	audit := testenv.Start(b, testenv.Command{Args: []string{"audit", "config/exact.yaml"}, Env: env})
	if code := audit.Wait(b, 3*time.Minute); code != 0 {
		h.fault("audit has ended with exit code %d: %s", code, strings.TrimSpace(audit.Log(b)))
	}
	peak := reader.PeakRSS(b)
	reader.Stop(b)
	if least := 0.99 * float64(rate); h.rate() < least {
		h.fault("%s tweets/s is below the rate", grouped(int64(h.rate())))
	}
	if h.p99 == 0 {
		h.fault("no latency was measured")
	}
	if h.maxLag > mostLag*float64(rate) {
		h.fault("the lag is above %d s of tweets", mostLag)
	}
	verdict := "held; delivered = coverage = InfluxDB, audit equal"
	if !h.held() {
		verdict = "not held: " + strings.Join(h.faults, ";\n            ")
	}
	const indent = "            "
	b.log.printf("%11s tweets/s for %s: delivered %s, %s/s\n", grouped(rate), span, grouped(h.delivered), grouped(int64(h.rate())))
	b.log.printf(indent+"latency p50 %.0f ms, p99 %.0f ms; lag at most %s\n", 1e3*h.p50, 1e3*h.p99, grouped(int64(h.maxLag)))
	b.log.printf(indent+"%s\n", usage)
	b.log.printf(indent+"exact.yaml's memory %d MB; late by over 1 s: %s\n", peak>>20, grouped(int64(h.missed)))
	b.log.printf(indent+"%s\n", verdict)
	b.log.record(entry{Job: b.job, Case: "pipeline", Tweets: h.delivered, Figures: map[string]any{
		"wanted": rate, "rate": h.rate(), "span": span.String(), "max_lag": h.maxLag, "missed": h.missed, "p50": h.p50, "p99": h.p99,
		"exact_peak": peak, "usage": usage, "faults": h.faults,
	}})
	return h
}

// keepAll ends the removal of records, so that the audit can read those that are left.
func (b *bench) keepAll(topic string) {
	b.Helper()
	never := "-1"
	changed, err := kadm.NewClient(b.broker.client).AlterTopicConfigs(b.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &never}}, topic)
	if err == nil && len(changed) > 0 {
		err = changed[0].Err
	}
	if err != nil {
		b.Fatalf("changing the retention of the topic %s: %v", topic, err)
	}
}

// observe follows the processes until the generator ends, and returns their CPU in cores.
func (b *bench) observe(h *hold, generator, reader *testenv.Program, server *influxd.Server, ends func(context.Context) (int64, error), span time.Duration) string {
	b.Helper()
	names := []string{"generator", "Kafka", "exact.yaml", "InfluxDB"}
	ids := []int{generator.PID(), b.broker.PID(), reader.PID(), server.PID()}
	cpu := func(of int) (used [4]time.Duration) {
		for i, id := range ids[:of] {
			used[i], _ = cpuOf(id) // the generator may have ended
		}
		return used
	}
	var begun, first, last time.Time
	var used, lastUsed [4]time.Duration
	var before latencies
	deadline := time.Now().Add(2*span + time.Minute)
	for generator.Running() && time.Now().Before(deadline) {
		written, err := reader.Metrics(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		delivered, err := ends(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		now := time.Now()
		switch {
		case delivered == 0:
		case begun.IsZero():
			begun = now
		case now.Sub(begun) > min(warmUp, span/4):
			if first.IsZero() {
				first, used, before = now, cpu(4), latenciesOf(written)
			}
			last = now
			if c := cpu(4); c[0] > 0 {
				lastUsed = c
			}
			h.maxLag = max(h.maxLag, float64(delivered)-written.Sum("influxdb_tweets_written"))
			since := latenciesOf(written).since(before)
			h.p50, h.p99 = since.quantile(0.5), since.quantile(0.99)
		}
		if generated, err := generator.Metrics(b.Context()); err == nil {
			h.missed = generated.Sum("tweet_generator_missed")
		}
		if delivered > h.delivered {
			h.delivered, h.took = delivered, now.Sub(begun)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if generator.Running() {
		h.fault("the generator needed more than %s", 2*span+time.Minute)
		generator.Kill(b)
	}
	h.took = max(h.took, span)
	var text []string
	for i, name := range names {
		text = append(text, fmt.Sprintf("%s %.2f", name, (lastUsed[i]-used[i]).Seconds()/last.Sub(first).Seconds()))
	}
	return "cores: " + strings.Join(text, ", ")
}

// compareStored waits until everything is stored, and compares InfluxDB with what Kafka was
// given, most of which Kafka has no longer.
func (b *bench) compareStored(h *hold, reader *testenv.Program, bucket *influxd.Database, topic, dead string, ends func(context.Context) (int64, error)) {
	b.Helper()
	var err error
	if h.delivered, err = ends(b.Context()); err != nil {
		b.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		lag, err := b.broker.Lag(b.Context(), topic, topic)
		if err == nil && lag == 0 {
			break
		}
		if time.Now().After(deadline) {
			h.fault("two minutes later the lag is %d, %v", lag, err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	if letters, err := b.broker.Records(b.Context(), dead); err != nil || letters > 0 {
		h.fault("%d dead letters, %v", letters, err)
	}
	if metrics, err := reader.Metrics(b.Context()); err != nil || metrics.Sum("kafka_batches_lost_records") > 0 {
		h.fault("%v records were removed before they were read, %v", metrics.Sum("kafka_batches_lost_records"), err)
	}
	counts, err := oracle.ReadInflux(b.Context(), bucket)
	if err != nil {
		b.Fatal(err)
	}
	var stored int64
	for _, n := range counts {
		stored += n
	}
	if stored != h.delivered {
		h.fault("InfluxDB has %d tweets of %d", stored, h.delivered)
	}
	coverage, err := oracle.ReadCoverage(b.Context(), bucket)
	if err != nil {
		b.Fatal(err)
	}
	var covered int64
	next := map[int32]int64{}
	for _, span := range coverage {
		if span.Base != next[span.Partition] {
			h.fault("partition %d: a coverage point begins at %d, not at %d", span.Partition, span.Base, next[span.Partition])
			break
		}
		next[span.Partition] = span.Last + 1
		covered += span.Counted
	}
	if covered != h.delivered {
		h.fault("coverage points have %d tweets of %d", covered, h.delivered)
	}
}

// latencies are the numbers of messages up to each latency, in seconds.
type latencies map[float64]uint64

func latenciesOf(metrics testenv.Metrics) latencies {
	l := latencies{}
	for _, metric := range metrics["influxdb_event_latency_ns"].GetMetric() {
		for _, bucket := range metric.GetHistogram().GetBucket() {
			l[bucket.GetUpperBound()] += bucket.GetCumulativeCount() // up to +Inf
		}
	}
	return l
}

func (l latencies) since(before latencies) latencies {
	since := latencies{}
	for upper, n := range l {
		since[upper] = n - before[upper]
	}
	return since
}

// quantile interpolates within a bucket, as Prometheus does.
func (l latencies) quantile(q float64) float64 {
	want := q * float64(l[math.Inf(1)])
	var lower, below float64
	for _, upper := range slices.Sorted(maps.Keys(l)) {
		if n := float64(l[upper]); n >= want && n > below {
			if math.IsInf(upper, 1) {
				return lower
			}
			return lower + (upper-lower)*(want-below)/(n-below)
		}
		lower, below = upper, float64(l[upper])
	}
	return 0
}
