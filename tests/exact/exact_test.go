package exact_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/stream/produce"
	"github.com/brandpulse/brandpulse-connect/tests/stream/sample"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// size is the size of a run.
type size struct {
	partitions int32
	tweets     int64
	rate       float64 // while faults happen
}

var (
	short = size{stream.Partitions, 200_000, 4_000}
	long  = size{stream.Partitions, 2_000_000, 30_000}
	wide  = size{24, 2_000_000, 30_000}
)

// If this fails, a crash, a pause, a rebalance, an outage or a reset of offsets makes
// InfluxDB hold more or fewer tweets than Kafka, temporarily or permanently.
func TestNothingIsLostOrCountedTwice(t *testing.T) {
	if !testenv.Full() {
		t.Skip("a long run: tests/faultlab shows the same on fewer tweets")
	}
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		for _, size := range []size{long, wide} {
			t.Run(fmt.Sprintf("%d partitions", size.partitions), func(t *testing.T) {
				r := newRun(t, stream.ExactConfig, version, size)
				r.suffer(t)
				r.samples.End(t)
				r.mustBeExact(t)
			})
		}
	})
}

// If this fails, the faults are too weak to show anything.
func TestSameFaultsSpoilTheStockCut(t *testing.T) {
	if !testenv.Full() {
		t.Skip("a long run")
	}
	r := newRun(t, stream.IngestConfig, testenv.InfluxV1, short)
	r.suffer(t)
	r.samples.End(t)
	got, err := oracle.ReadInflux(t.Context(), r.server.Database)
	if err != nil {
		t.Fatal(err)
	}
	if err := oracle.Equal(got, r.topic(t).Counts); err == nil {
		t.Error("the sums of the stock cut are right after all the faults")
	} else {
		t.Log(err)
	}
}

// run is a stream with its producers and the processes of a group that read it.
type run struct {
	*stream.Stream
	server    *influxd.Server
	proxy     *influxfault.Proxy
	reader    *stream.Reader // writes through the proxy
	producers *produce.Producers
	samples   *sample.Samples
	size
	exact bool
}

func newRun(t *testing.T, config, version string, size size) *run {
	t.Helper()
	r := &run{Stream: stream.New(t, size.partitions), size: size, exact: config == stream.ExactConfig}
	r.server = testenv.OwnInflux(t, influxd.Options{Version: version})
	var through *influxd.Database
	r.proxy, through = testenv.FaultyProxy(t, r.server.Database, nil)
	r.reader = r.Into(config, through, stream.Env{"SHUTDOWN_TIMEOUT": "3s"}).QuickToNotice(session)
	r.samples = sample.Start(t, sample.Options{Reader: r.reader, Bucket: r.server.Database, Exact: r.exact})
	r.producers = produce.Start(t, r.Stream, produce.Options{
		Partitions: size.partitions, Least: size.tweets, Rate: size.rate, Seed: 7,
	})
	return r
}

// topic returns the content of Kafka.
func (r *run) topic(t *testing.T) *oracle.Topic {
	t.Helper()
	topic, err := oracle.ReadTopic(t.Context(), r.Kafka.Brokers, r.Topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

// mustBeExact compares everything that was written with Kafka.
func (r *run) mustBeExact(t *testing.T) {
	t.Helper()
	topic := r.topic(t)
	r.reader.MustEqual(t, topic.Counts)
	coverage, err := oracle.ReadCoverage(t.Context(), r.server.Database)
	if err != nil {
		t.Fatal(err)
	}
	if err := coverage.Tiles(topic); err != nil {
		t.Error(err)
	}
	letters, err := oracle.ReadLetters(t.Context(), r.Kafka.Brokers, r.Dead)
	if err != nil {
		t.Fatal(err)
	}
	repeated, err := oracle.LettersOf(letters, r.Topic, topic)
	if err != nil {
		t.Error(err)
	}
	if len(topic.Undecodable) == 0 {
		t.Error("no record was undecodable")
	}
	smallest, largest := coverage[0].Records, coverage[0].Records
	for _, s := range coverage {
		smallest, largest = min(smallest, s.Records), max(largest, s.Records)
	}
	t.Logf("%d records in %d record batches of %d to %d, %d undecodable, %d of their letters repeated",
		topic.Records, len(coverage), smallest, largest, len(topic.Undecodable), repeated)
}

// suffer runs all the faults that the promise covers while tweets arrive. The resets
// come first: what they replay would hide an earlier loss.
func (r *run) suffer(t *testing.T) {
	t.Helper()
	began := time.Now()
	step := func(what string) {
		stats := r.proxy.Stats()
		t.Logf("%5.1f s: %s; %d lines, %d of them written again", time.Since(began).Seconds(), what, stats.Lines, stats.Twice)
		r.samples.MustBeRight(t)
	}
	first := r.reader.Start(t)
	stream.AwaitCounted(t, first, 5000)
	step("reads")

	r.killHeld(t, first)
	r.reader.SetOffsets(t, "the middle of a record batch", r.insideBatches(t))
	r.repeats(t, 1, func() { first.Restart(t) })
	step("killed, and offsets set inside record batches")

	stream.AwaitCounted(t, first, 1)
	r.killHeld(t, first)
	r.reader.SetOffsets(t, "the start", r.starts())
	stats := r.proxy.Stats() // a line that is written a third time is not counted again
	r.repeats(t, (stats.Lines-stats.Twice)/2, func() { first.Restart(t) })
	step("killed, and offsets set to the start")

	second := r.reader.Start(t)
	stream.AwaitCounted(t, second, 1)
	r.reader.AwaitMembers(t, 2)
	r.repeats(t, 1, func() {
		r.killHeld(t, first)
		first.Restart(t)
	})
	stream.AwaitCounted(t, first, 1)
	step("a second process has joined, and the first was killed and restarted")

	r.repeats(t, 1, func() { r.holdAndStop(t, second) })
	step("the second has left, with what it could not write")
	direct := *r.reader
	direct.Bucket = r.server.Database // its requests do not go through the proxy
	third := direct.Start(t)
	stream.AwaitCounted(t, third, 1)
	third.Kill(t)
	r.reader.AwaitMembers(t, 1)
	step("a third has joined and was killed")

	r.becomeZombie(t, first, second)
	step("the first was paused, and went on when the second had its partitions")

	third.Restart(t)
	stream.AwaitCounted(t, third, 1)
	r.outage(t, second)
	step("InfluxDB was killed and restarted, and the second has left meanwhile")

	r.repeats(t, 1, func() {
		r.killHeld(t, first)
		first.Restart(t)
	})
	stream.AwaitCounted(t, first, 1)
	step("killed once more")

	r.producers.Finish()
	if !r.exact {
		r.producers.Seal()
	}
	r.reader.Drained(t, 2*time.Minute)
	for name, p := range map[string]*testenv.Program{"first": first, "third": third} {
		if code := p.Stop(t); code != 0 {
			t.Errorf("the %s process has ended with exit code %d", name, code)
		}
		t.Logf("peak memory of the %s process: %d MB", name, p.PeakRSS(t)>>20)
	}
	step("drained")
}
