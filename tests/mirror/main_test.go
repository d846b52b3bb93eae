// Package mirror_test holds what config/mirror.yaml promises, on a real Kafka: the records
// of a topic, unchanged and in order, in the same partitions of another one.
package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// lab is a Kafka whose log cleaner does not wait.
type lab struct {
	*testenv.Cluster
	topics int
}

func start(t *testing.T) *lab {
	t.Helper()
	kafka := testenv.OwnKafka(t, kafkad.Options{Properties: map[string]string{"log.cleaner.backoff.ms": "100"}})
	return &lab{Cluster: &kafka.Cluster}
}

// pair makes a topic and the one to copy it to.
func (l *lab) pair(t *testing.T, partitions int32, configs, target map[string]string) (from, to string) {
	t.Helper()
	l.topics++
	from = fmt.Sprintf("from_%d", l.topics)
	to = fmt.Sprintf("to_%d", l.topics)
	l.CreateTopic(t, from, partitions, configs)
	l.CreateTopic(t, to, partitions, target)
	return from, to
}

// mirror runs the pipeline, in a group of the target's name.
func (l *lab) mirror(t *testing.T, from, to string, more map[string]string, args ...string) *testenv.Program {
	t.Helper()
	brokers := strings.Join(l.Brokers, ",")
	env := map[string]string{"KAFKA_BROKERS": brokers, "TARGET_BROKERS": brokers, "TOPIC": from, "TARGET_TOPIC": to, "CONSUMER_GROUP": to, "COMMIT_PERIOD": "200ms", "SESSION_TIMEOUT": "5s", "INSTANCE_ID": "one"}
	maps.Copy(env, more)
	return testenv.Start(t, testenv.Command{Config: "config/mirror.yaml", Args: args, Env: env})
}

// copied waits until the group has committed all of a topic.
func (l *lab) copied(t *testing.T, from, group string) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "all of "+from+" is copied", func() error {
		lag, err := l.Lag(t.Context(), group, from)
		if err == nil && lag > 0 {
			err = fmt.Errorf("%d records are not", lag)
		}
		return err
	})
}

// send produces batches, each of one codec for one partition.
func (l *lab) send(t *testing.T, topic string, codec kgo.CompressionCodec, batches ...[]*kgo.Record) {
	t.Helper()
	client := l.Client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec))
	defer client.Close()
	for _, records := range batches {
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// transact produces one transaction.
func (l *lab) transact(t *testing.T, topic, id string, end kgo.TransactionEndTry, codec kgo.CompressionCodec, records ...*kgo.Record) {
	t.Helper()
	client := l.Client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID(id), kgo.ProducerBatchCompression(codec))
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := client.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// last is the key of the last record of a partition, by which its end is known whatever
// else the log has there.
const last = "the last record"

func (l *lab) finish(t *testing.T, topic string, partitions int32) {
	t.Helper()
	var records []*kgo.Record
	for p := range partitions {
		records = append(records, &kgo.Record{Partition: p, Key: []byte(last), Value: []byte{}})
	}
	l.send(t, topic, kgo.NoCompression(), records)
}

// read returns the committed records of each partition, up to the last one.
func (l *lab) read(t *testing.T, topic string, partitions int32) map[int32][]*kgo.Record {
	t.Helper()
	client := l.Client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := map[int32][]*kgo.Record{}
	for ended := int32(0); ended < partitions; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s, %d of %d partitions are read: %v", topic, ended, partitions, err)
		}
		for _, r := range fetches.Records() {
			got[r.Partition] = append(got[r.Partition], r)
			if string(r.Key) == last {
				ended++
			}
		}
	}
	return got
}

// different returns what a copy has of a record that the source has not, but for its
// offset.
func different(from, to *kgo.Record) string {
	same := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	switch {
	case !same(from.Key, to.Key):
		return fmt.Sprintf("the key %q, not %q", to.Key, from.Key)
	case !same(from.Value, to.Value):
		return fmt.Sprintf("the value %.40q, not %.40q", to.Value, from.Value)
	case !from.Timestamp.Equal(to.Timestamp):
		return fmt.Sprintf("the time %v, not %v", to.Timestamp, from.Timestamp)
	case from.Attrs.CompressionType() != to.Attrs.CompressionType():
		return fmt.Sprintf("the codec %d, not %d", to.Attrs.CompressionType(), from.Attrs.CompressionType())
	case len(from.Headers) != len(to.Headers):
		return fmt.Sprintf("%d headers, not %d", len(to.Headers), len(from.Headers))
	case to.Attrs.IsTransactional(), to.ProducerID != -1, to.Attrs.TimestampType() != 0:
		return "a producer, a transaction or the broker's time"
	}
	for i, h := range from.Headers {
		if h.Key != to.Headers[i].Key || !same(h.Value, to.Headers[i].Value) {
			return fmt.Sprintf("the header %q=%q, not %q=%q", to.Headers[i].Key, to.Headers[i].Value, h.Key, h.Value)
		}
	}
	return ""
}

// compare checks that the target has the records of the source, at offsets without gaps.
func (l *lab) compare(t *testing.T, from, to string, partitions int32) (records int) {
	t.Helper()
	var source, target map[int32][]*kgo.Record
	var wait sync.WaitGroup
	wait.Go(func() { source = l.read(t, from, partitions) })
	wait.Go(func() { target = l.read(t, to, partitions) })
	wait.Wait()
	for p := range partitions {
		records += len(source[p])
		if len(source[p]) != len(target[p]) {
			t.Errorf("partition %d has %d records, and %d in the copy", p, len(source[p]), len(target[p]))
			continue
		}
		for i, r := range target[p] {
			if what := different(source[p][i], r); what != "" || r.Offset != int64(i) {
				t.Errorf("record %d of partition %d, at offset %d, has %s", i, p, r.Offset, what)
				break
			}
		}
	}
	return records
}
