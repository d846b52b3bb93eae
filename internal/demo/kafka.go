package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

const (
	partitions = 8

	// The embedded Kafka keeps its log on disk. Beyond trimAbove bytes, what
	// has been counted and stored is deleted; beyond blockAbove, producers wait
	// for that.
	trimAbove  = 256 << 20
	blockAbove = 1 << 30
)

// kafkaFolder has the log of the embedded Kafka.
const kafkaFolder = "kafka"

// kafka is the Kafka of the demo, embedded or the user's own.
type kafka struct {
	brokers string
	topic   string
	dead    string
	group   string

	client  *kgo.Client
	admin   *kadm.Client
	cluster *kfake.Cluster // nil: the user's own

	trimAbove, blockAbove int64 // bytes

	mu    sync.Mutex
	room  chan struct{} // closed while producers may go on
	tally *tally
}

func openKafka(ctx context.Context, brokers, dir, name string) (_ *kafka, err error) {
	k := &kafka{
		brokers: brokers, topic: "tweets", dead: "tweets_dead", group: name,
		trimAbove: trimAbove, blockAbove: blockAbove, room: make(chan struct{}),
	}
	close(k.room)
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if brokers == "" {
		if err := k.embed(filepath.Join(dir, kafkaFolder)); err != nil {
			return nil, err
		}
	} else {
		k.topic, k.dead = name, name+"_dead"
	}
	if k.client, err = kgo.NewClient(kgo.SeedBrokers(strings.Split(k.brokers, ",")...)); err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	k.admin = kadm.NewClient(k.client)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for topic, n := range map[string]int32{k.topic: partitions, k.dead: 1} {
		// -1 leaves the number of replicas to the broker.
		if _, err := k.admin.CreateTopic(ctx, n, -1, nil, topic); err != nil {
			return nil, fmt.Errorf("creating topic %s at %s: %w", topic, k.brokers, err)
		}
	}
	return k, nil
}

func (k *kafka) embed(dir string) error {
	ports, err := process.FreePorts(1)
	if err != nil {
		return err
	}
	k.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(ports...), kfake.DataDir(dir))
	if err != nil {
		return fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	k.brokers = "127.0.0.1:" + strconv.Itoa(ports[0])
	// A full log makes producers wait, as a broker with a quota does.
	k.cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.cluster.KeepControl()
		if room := k.hasRoom(); room != nil {
			k.cluster.SleepControl(func() { <-room })
		}
		return nil, nil, false
	})
	return nil
}

// hasRoom gives what a producer must wait for, or nil.
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

// trim deletes from the embedded log what has been counted by the tally and
// committed by the ingest, once it has grown large. A user's own Kafka has its
// own retention.
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
