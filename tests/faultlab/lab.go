// Package faultlab is a laboratory for faults: the real program as processes of a
// consumer group between a real Kafka and a real InfluxDB, with a proxy on every
// connection, a schedule of faults determined by a seed, samples throughout, and at the
// end a comparison with an independent reader.
package faultlab

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
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

// Session is how long the group waits for a silent member.
const Session = 2 * time.Second

// Lab runs one scenario. It must not be used by several goroutines at once.
type Lab struct {
	testing.TB
	Options
	Seed   uint64
	Random *rand.Rand // seeded: determines the schedule

	Stream    *stream.Stream
	Reader    *stream.Reader  // the group, and how its processes are started
	Broker    *Broker         // the Kafka, shared with others unless OwnBroker
	Kafka     *Link           // from the processes to the broker; nil with several
	Server    *influxd.Server // shared with others unless OwnInflux
	Bucket    *influxd.Database
	Producers *produce.Producers
	Samples   *sample.Samples
	Members   []*Member // all that were ever started
	Disk      *Disk     // nil unless SmallDisk

	first   *influxfault.Proxy // whose record of lines the others share
	began   time.Time
	drained bool
	usage   usage
}

// Options are the settings of a laboratory. The zero value is the usual one.
type Options struct {
	// Config is the pipeline; stream.ExactConfig if empty.
	Config string
	// Set are values of its configuration, as path=value.
	Set []string
	// Env are its environment variables, besides the addresses.
	Env stream.Env
	// Inexact allows sums to differ: for a pipeline that promises less.
	Inexact bool
	// OwnBroker and OwnInflux are for a scenario that kills or pauses them.
	OwnBroker, OwnInflux bool
	// Brokers is the number of brokers. If it is more than 1, they belong to this
	// laboratory, and processes use their own addresses.
	Brokers int
	// Broker are properties of the broker, which then belongs to this laboratory.
	Broker map[string]string
	// Partitions of the topic; 8 if 0.
	Partitions int32
	// Tweets is the least number of tweets to write, and Rate the number per second
	// while the scenario runs; 200,000 and 10,000 if 0. Drain writes the rest as fast
	// as possible.
	Tweets int64
	Rate   float64
	// Recovery is how long it may take after the last fault until everything is
	// acknowledged; 30 s if 0.
	Recovery time.Duration
	// Header precedes each tweet, such as that of a schema registry.
	Header []byte
	// Retention is InfluxDB's retention; forever if 0.
	Retention time.Duration
	// Rejected means that InfluxDB rejects points: including those in the dead letters
	// it holds what Kafka holds.
	Rejected bool
	// SmallDisk puts the data of the laboratory's own servers on a disk that can be
	// full.
	SmallDisk bool
	// Memory and Descriptors bound the resources of a process; 256 MB and 100 if 0.
	Memory      int64
	Descriptors int
}

func (o Options) withDefaults() Options {
	if o.Config == "" {
		o.Config = stream.ExactConfig
	}
	if o.Partitions == 0 {
		o.Partitions = stream.Partitions
	}
	if o.Tweets == 0 {
		o.Tweets = 200_000
	}
	if o.Rate == 0 {
		o.Rate = 10_000
	}
	if o.Recovery == 0 {
		o.Recovery = 30 * time.Second
	}
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if o.Descriptors == 0 {
		o.Descriptors = 100
	}
	return o
}

func newLab(t testing.TB, servers *Servers, version string, seed uint64, o Options) *Lab {
	t.Helper()
	l := &Lab{TB: t, Options: o.withDefaults(), Seed: seed, Random: rand.New(rand.NewPCG(seed, 1)), began: time.Now()}
	l.Broker = servers.broker
	properties, data := l.Options.Broker, ""
	if l.SmallDisk {
		l.Disk = newDisk(t)
		properties = maps.Clone(properties)
		if properties == nil {
			properties = map[string]string{}
		}
		properties["log.dirs"] = filepath.Join(l.Disk.Dir, "kafka")
		data = filepath.Join(l.Disk.Dir, "influxdb")
	}
	switch {
	case l.Brokers > 1:
		l.Broker = StartCluster(t, l.Brokers, properties)
	case l.OwnBroker || l.Options.Broker != nil:
		l.Broker = StartBroker(t, properties)
	}
	l.Server = servers.influx[version]
	if l.OwnInflux {
		l.Server = testenv.OwnInflux(t, influxd.Options{Version: version, Data: data})
	}
	address := strings.Join(l.Broker.Cluster.Brokers, ",")
	if l.Brokers <= 1 {
		l.Kafka = l.Broker.link(t)
		address = l.Kafka.Address
	}
	l.Stream = stream.In(t, &l.Broker.Cluster, l.Partitions)
	if err := l.Server.CreateBucket(t.Context(), l.Stream.Topic, l.Retention); err != nil {
		t.Fatal(err)
	}
	l.Bucket = l.Server.Sibling(l.Stream.Topic)

	env := stream.Env{"KAFKA_BROKERS": address, "SHUTDOWN_TIMEOUT": "3s"}
	for name, value := range l.Env {
		env[name] = value
	}
	l.Reader = l.Stream.Into(l.Config, l.Bucket, env).QuickToNotice(Session)
	for _, value := range l.Set {
		l.Reader.Args = append(l.Reader.Args, "--set", value)
	}
	l.first, _ = testenv.FaultyProxy(t, l.Bucket, nil)
	l.usage.watch(t)
	l.Samples = sample.Start(t, sample.Options{
		Reader: l.Reader, Bucket: l.Bucket, Exact: !l.Inexact, Every: 700 * time.Millisecond, Form: l.form(),
	})
	l.Producers = produce.Start(t, l.Stream, produce.Options{Partitions: l.Partitions, Least: l.Tweets, Rate: l.Rate, Seed: seed, Header: l.Header})
	return l
}

// form returns the form of the topic's records.
func (l *Lab) form() oracle.Form {
	if l.Header == nil {
		return oracle.Avro
	}
	return oracle.Behind(l.Header, oracle.Avro)
}

// Event logs what has just happened, and ends the test if a sample was wrong.
func (l *Lab) Event(format string, args ...any) {
	l.Helper()
	stats := l.first.Stats()
	l.Logf("%5.1f s: %s; %d records sent, %d lines stored, %d of them again",
		time.Since(l.began).Seconds(), fmt.Sprintf(format, args...), l.Producers.Sent(), stats.Lines, stats.Twice)
	l.Samples.MustBeRight(l)
}

// Wait waits for some time.
func (l *Lab) Wait(d time.Duration) {
	l.Helper()
	select {
	case <-time.After(d):
	case <-l.Context().Done():
	}
	l.Samples.MustBeRight(l)
}

// Between draws a duration.
func (l *Lab) Between(least, most time.Duration) time.Duration {
	return least + time.Duration(l.Random.Int64N(int64(most-least)))
}

// Twice returns how many lines were sent to InfluxDB more than once, by any process
// that writes through a proxy.
func (l *Lab) Twice() int { return l.first.Stats().Twice }

// Repeats fails the test unless lines are rewritten because of do: otherwise the fault
// has shown nothing.
func (l *Lab) Repeats(do func()) {
	l.Helper()
	before := l.Twice()
	do()
	stream.Await(l, "lines are written again", func() bool { return l.Twice() > before })
}
