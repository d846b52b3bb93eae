package producebench_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	partitions = 8
	heapMB     = 1024

	// leastDisk is the space that a run needs: records of several gigabytes.
	leastDisk = 12 << 30
)

// properties are the settings of the broker that are not its defaults, besides those of
// a single broker. Topics are deleted after each run, and what they had goes at once.
var properties = map[string]string{
	"log.segment.bytes":               "268435456",
	"log.segment.delete.delay.ms":     "100",
	"log.retention.check.interval.ms": "1000",
	"log.initial.task.delay.ms":       "1000",
}

// broker is the Kafka that all writers write to, and a client that asks it how much it
// has.
type broker struct {
	*testenv.RealKafka
	client *kgo.Client
}

func startKafka(b *testing.B) *broker {
	b.Helper()
	k := testenv.OwnKafka(b, kafkad.Options{HeapMB: heapMB, Properties: properties})
	return &broker{k, k.Client(b)}
}

// machine describes what the figures are from.
func machine(k *broker) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %d cores for all, load average %s\n", time.Now().UTC().Format("2 January 2006 15:04"), runtime.NumCPU(), load())
	fmt.Fprintf(&text, "Kafka %s, one broker, heap %d MB, in %s", kafkad.Version, heapMB, k.folder())
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "\n  %s=%s", name, properties[name])
	}
	return text.String()
}

// load returns the load averages of the machine.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func (k *broker) folder() string { return filepath.Join(filepath.Dir(k.LogPath()), "data") }

// topic creates a topic for one run. drop deletes it and waits until its files are gone,
// so that neither the disk fills nor the next run shares it with their removal.
func (k *broker) topic(b *testing.B, partitions int32, configs map[string]string) (name string, drop func()) {
	b.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(k.folder(), &disk); err != nil {
		b.Fatal(err)
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < leastDisk {
		b.Fatalf("the disk of %s has %d MB, and a run needs %d: free some, or set TMPDIR to another", k.folder(), free>>20, leastDisk>>20)
	}
	name = fmt.Sprintf("tweets-%d", time.Now().UnixNano())
	k.CreateTopic(b, name, partitions, configs)
	ends := k.ends(name, partitions)
	testenv.Eventually(b, time.Minute, "the broker leads all partitions", func() error {
		_, err := ends(b.Context())
		return err
	})
	return name, func() {
		if _, err := kadm.NewClient(k.client).DeleteTopics(context.WithoutCancel(b.Context()), name); err != nil {
			b.Errorf("deleting the topic %s: %v", name, err)
			return
		}
		testenv.Eventually(b, time.Minute, "the files of the topic are deleted", func() error {
			left, err := filepath.Glob(filepath.Join(k.folder(), name+"-*"))
			if err == nil && len(left) > 0 {
				err = fmt.Errorf("%d folders are left", len(left))
			}
			return err
		})
	}
}

// ends returns a function that asks for the number of records that were ever written to
// a topic. A single request, since it is asked while others are measured.
func (k *broker) ends(topic string, partitions int32) func(context.Context) (int64, error) {
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	asked := kmsg.NewListOffsetsRequestTopic()
	asked.Topic = topic
	for p := range partitions {
		of := kmsg.NewListOffsetsRequestTopicPartition()
		of.Partition, of.Timestamp = p, -1
		asked.Partitions = append(asked.Partitions, of)
	}
	request.Topics = []kmsg.ListOffsetsRequestTopic{asked}
	return func(ctx context.Context) (int64, error) {
		answer, err := k.client.Broker(1).Request(ctx, request)
		if err != nil {
			return 0, fmt.Errorf("asking for the end of the topic %s: %w", topic, err)
		}
		var sum int64
		for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return 0, fmt.Errorf("asking for the end of the topic %s, partition %d: %w", topic, p.Partition, err)
				}
				sum += p.Offset
			}
		}
		return sum, nil
	}
}
