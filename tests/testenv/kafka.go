package testenv

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Cluster is a Kafka and its addresses.
type Cluster struct {
	Brokers []string // HOST:PORT
	// Fake is the Kafka in this process, whose faults can be controlled; nil for a real
	// one.
	Fake *kfake.Cluster
}

// RealKafka is a real Kafka that a test may kill and pause.
type RealKafka struct {
	Cluster
	*kafkad.Server
}

var sharedKafka = &shared[*kafkad.Server]{
	name: "kafka",
	start: func(ctx context.Context, dir string) (*kafkad.Server, error) {
		return kafkad.Start(ctx, kafkad.Options{Dir: dir, Optimized: benchmarks()})
	},
}

// benchmarks reports whether this process runs benchmarks and no tests.
func benchmarks() bool {
	f := flag.Lookup("test.bench")
	return f != nil && f.Value.String() != ""
}

// Kafka returns the shared real Kafka.
func Kafka(t testing.TB) *Cluster {
	t.Helper()
	return &Cluster{Brokers: []string{sharedKafka.get(t).Address}}
}

// OwnKafka starts a real Kafka for this test. Dir of the options is set here.
func OwnKafka(t testing.TB, options kafkad.Options) *RealKafka {
	t.Helper()
	server := startOwn(t, "kafka", func(ctx context.Context, dir string) (*kafkad.Server, error) {
		options.Dir, options.Optimized = dir, benchmarks()
		return kafkad.Start(ctx, options)
	})
	return &RealKafka{Cluster{Brokers: []string{server.Address}}, server}
}

// OwnKafkaCluster starts a real Kafka of several brokers for this test, which may kill
// and pause each of them. Dir of the options is set here.
func OwnKafkaCluster(t testing.TB, options kafkad.Options, brokers int) (*Cluster, []*kafkad.Server) {
	t.Helper()
	cluster := startOwn(t, "kafka-cluster", func(ctx context.Context, dir string) (*kafkad.Cluster, error) {
		options.Dir, options.Optimized = dir, benchmarks()
		return kafkad.StartCluster(ctx, options, brokers)
	})
	return &Cluster{Brokers: cluster.Addresses()}, cluster.Servers
}

// FakeKafka starts a Kafka in this process, in memory, with one broker unless the
// options change that. It is for everyday tests. Promises that only a real broker can
// prove need Kafka or OwnKafka.
func FakeKafka(t testing.TB, options ...kfake.Opt) *Cluster {
	t.Helper()
	fake, err := startFake(options)
	for range 5 {
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		fake, err = startFake(options) // another program took the port first
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return &Cluster{Brokers: fake.ListenAddrs(), Fake: fake}
}

func startFake(options []kfake.Opt) (*kfake.Cluster, error) {
	ports, err := process.FreePorts(1)
	if err != nil {
		return nil, err
	}
	return kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(ports...),
		kfake.GroupMinSessionTimeout(time.Second),
	}, options...)...)
}

// Client returns a client that is closed with the test.
func (c *Cluster) Client(t testing.TB, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic creates a topic with a new name.
func (c *Cluster) Topic(t testing.TB, partitions int32) string {
	t.Helper()
	name := freshName(t)
	c.CreateTopic(t, name, partitions, nil)
	return name
}

// CreateTopic creates a topic and waits until each partition has a leader.
func (c *Cluster) CreateTopic(t testing.TB, name string, partitions int32, configs map[string]string) {
	t.Helper()
	values := map[string]*string{}
	for key, value := range configs {
		values[key] = &value
	}
	// ListTopics may respond from the client's metadata, which is up to 5 s old: for
	// that time a topic without leaders would stay one.
	client := c.Client(t, kgo.MetadataMinAge(50*time.Millisecond))
	defer client.Close()
	admin := kadm.NewClient(client)
	replicas := int16(-1) // the brokers' default
	if c.Fake != nil {
		replicas = 1
	}
	if _, err := admin.CreateTopic(t.Context(), partitions, replicas, values, name); err != nil {
		t.Fatalf("creating the topic %s: %v", name, err)
	}
	Eventually(t, 20*time.Second, "the topic "+name+" has leaders", func() error {
		details, err := admin.ListTopics(t.Context(), name)
		if err != nil {
			return err
		}
		if err := details[name].Err; err != nil {
			return err
		}
		led := 0
		for _, partition := range details[name].Partitions {
			if partition.Err == nil && partition.Leader >= 0 {
				led++
			}
		}
		if led != int(partitions) {
			return fmt.Errorf("%d of %d", led, partitions)
		}
		return nil
	})
}

// Produce writes records and waits until the broker has them.
func (c *Cluster) Produce(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("producing %d records: %v", len(records), err)
	}
}

// readPatience is how long Read waits for all records.
const readPatience = 30 * time.Second

// Read returns the records of a topic from its start, without those of aborted
// transactions, as franz-go's own consumer reads them: at least this many.
func (c *Cluster) Read(t testing.TB, topic string, records int) []*kgo.Record {
	t.Helper()
	client := c.Client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), readPatience)
	defer cancel()
	var got []*kgo.Record
	for len(got) < records {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading the topic %s, %d of %d records: %v", topic, len(got), records, err)
		}
		got = append(got, fetches.Records()...)
	}
	return got
}

// Records returns the number of offsets in a topic, over all its partitions: its
// records and the markers of transactions.
func (c *Cluster) Records(ctx context.Context, topic string) (int64, error) {
	return c.offsets(ctx, topic, func(_ int32, start, end int64) int64 { return end - start })
}

// Lag returns the number of records of a topic that a group has not committed.
func (c *Cluster) Lag(ctx context.Context, group, topic string) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	committed, err := committed(ctx, kadm.NewClient(client), group, topic)
	if err != nil {
		return 0, fmt.Errorf("reading the committed offsets of %s: %w", group, err)
	}
	return c.offsets(ctx, topic, func(partition int32, start, end int64) int64 {
		if at, ok := committed.Lookup(topic, partition); ok {
			start = max(start, at.At) // -1 if nothing was committed
		}
		return max(0, end-start)
	})
}

// committed returns the committed offsets of a group, none for a group that does not
// exist. It waits while the broker creates or moves the topic of commits.
func committed(ctx context.Context, admin *kadm.Client, group, topic string) (kadm.OffsetResponses, error) {
	for {
		offsets, err := admin.FetchOffsetsForTopics(ctx, group, topic)
		if err == nil {
			err = offsets.Error()
		}
		switch {
		case err == nil:
			return offsets, nil
		case errors.Is(err, kerr.GroupIDNotFound):
			return nil, nil
		case !kerr.IsRetriable(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// offsets sums up a function of each partition's first and next offset.
func (c *Cluster) offsets(ctx context.Context, topic string, of func(partition int32, start, end int64) int64) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var listed [2]kadm.ListedOffsets
	for i, list := range []func(context.Context, ...string) (kadm.ListedOffsets, error){admin.ListStartOffsets, admin.ListEndOffsets} {
		if listed[i], err = list(ctx, topic); err == nil {
			err = listed[i].Error()
		}
		if err != nil {
			return 0, fmt.Errorf("reading the offsets of %s: %w", topic, err)
		}
	}
	var sum int64
	listed[1].Each(func(end kadm.ListedOffset) {
		start, _ := listed[0].Lookup(topic, end.Partition)
		sum += of(end.Partition, start.Offset, end.Offset)
	})
	return sum, nil
}
