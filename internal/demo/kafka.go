package demo

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	partitions = 8
	// usualKafka is Kafka's default port.
	usualKafka = 9092

	// The embedded Kafka keeps its log on disk. Beyond trimAbove bytes, records that
	// have been counted and stored are deleted. Beyond blockAbove, producers wait for
	// that.
	trimAbove  = 256 << 20
	blockAbove = 1 << 30
)

// kafkaFolder contains the log of the embedded Kafka.
const kafkaFolder = "kafka"

// kafka is the Kafka of the demo, embedded or the user's own.
type kafka struct {
	brokers string
	topic   string
	dead    string
	group   string

	client  *kgo.Client
	admin   *kadm.Client
	cluster *kfake.Cluster // nil for the user's own

	trimAbove, blockAbove int64 // bytes

	mu    sync.Mutex
	room  chan struct{} // closed while producers may continue
	tally *tally
}

// reachLimit is how long a broker may take to accept a connection.
const reachLimit = 2 * time.Second

func openKafka(ctx context.Context, o Options, dir string, begin time.Time) (_ *kafka, err error) {
	k := &kafka{
		brokers: o.KafkaBrokers, topic: "tweets", dead: "tweets_dead", group: "brandpulse-demo",
		trimAbove: trimAbove, blockAbove: blockAbove, room: make(chan struct{}),
	}
	close(k.room)
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if k.brokers == "" {
		if err := k.embed(o, filepath.Join(dir, kafkaFolder)); err != nil {
			return nil, err
		}
	} else {
		k.group = nameOf(begin)
		k.topic, k.dead = k.group, k.group+"_dead"
		if err := k.reachable(ctx); err != nil {
			return nil, fmt.Errorf("reaching Kafka at %s: %w. Start it, or leave out --kafka for one of the demo's own", k.brokers, err)
		}
	}
	if k.client, err = kgo.NewClient(kgo.SeedBrokers(brokerList(k.brokers)...)); err != nil {
		return nil, fmt.Errorf("creating a Kafka client: %w", err)
	}
	k.admin = kadm.NewClient(k.client)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for topic, n := range map[string]int32{k.topic: partitions, k.dead: 1} {
		// -1 uses the broker's default number of replicas.
		if _, err := k.admin.CreateTopic(ctx, n, -1, nil, topic); err != nil {
			return nil, fmt.Errorf("creating topic %s at %s: %w", topic, k.brokers, err)
		}
	}
	return k, nil
}

func (k *kafka) embed(o Options, dir string) error {
	port, release, err := freePort(o, usualKafka)
	if err != nil {
		return err
	}
	defer release() // it listens at once
	k.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir),
		// A topic of the user's own is created by its first tweet.
		kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(partitions))
	if err != nil {
		return fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	k.brokers = "127.0.0.1:" + strconv.Itoa(port)
	// A full log makes producers wait, as a quota of a broker would.
	k.cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.cluster.KeepControl()
		if room := k.hasRoom(); room != nil {
			k.cluster.SleepControl(func() { <-room })
		}
		return nil, nil, false
	})
	return nil
}

// reachable returns an error if no broker of the user's Kafka accepts a connection.
func (k *kafka) reachable(ctx context.Context) error {
	if k.cluster != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	var last error
	for _, broker := range brokerList(k.brokers) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			return conn.Close()
		}
		last = err
	}
	return last
}

// hasRoom returns the channel that a producer must wait for.
func (k *kafka) hasRoom() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.room:
		return nil
	default:
		return k.room
	}
}

func (k *kafka) setRoom(free bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.room:
		if !free {
			k.room = make(chan struct{})
		}
	default:
		if free {
			close(k.room)
		}
	}
}

// trim deletes records from the embedded log that the tally has counted and the ingest
// has committed, once the log is large. A user's own Kafka has its own retention.
func (k *kafka) trim(ctx context.Context) error {
	if k.cluster == nil {
		return nil
	}
	bytes := func() (n int64) {
		for _, p := range k.cluster.PartitionInfos(k.topic) {
			n += p.NumBytes
		}
		return n
	}
	held := bytes()
	if held > k.trimAbove {
		committed, err := k.admin.FetchOffsets(ctx, k.group)
		if err != nil {
			return fmt.Errorf("reading the offsets of group %s: %w", k.group, err)
		}
		for partition := range int32(partitions) {
			at, ok := committed.Lookup(k.topic, partition)
			if !ok {
				continue
			}
			below := min(at.At, k.tally.position(partition))
			if below <= k.cluster.PartitionInfo(k.topic, partition).LogStartOffset {
				continue
			}
			if err := k.cluster.DeleteRecords(k.topic, partition, below); err != nil {
				return fmt.Errorf("deleting records below offset %d of partition %d: %w", below, partition, err)
			}
		}
		held = bytes()
	}
	k.setRoom(held <= k.blockAbove)
	return nil
}

func (k *kafka) close() {
	k.setRoom(true)
	if k.client != nil {
		k.client.Close()
	}
	if k.cluster != nil {
		k.cluster.Close()
	}
}
