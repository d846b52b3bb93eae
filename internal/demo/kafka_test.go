package demo

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func testKafka(t *testing.T) (*kafka, *tally) {
	t.Helper()
	k, err := openKafka(t.Context(), Options{}, t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	tl, err := startTally(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tl.close)
	return k, tl
}

func tweetRecord(k *kafka, partition int32, s tweet.Sentiment) *kgo.Record {
	tw := tweet.Tweet{ID: []byte("id"), Text: []byte("text"), Brand: []byte("SuperCoffee"), Sentiment: s, Millis: 1_700_000_000_000}
	return &kgo.Record{Topic: k.topic, Partition: partition, Value: tw.AppendAvro(nil)}
}

func produce(ctx context.Context, t *testing.T, k *kafka, records ...*kgo.Record) error {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.ProduceSync(ctx, records...).FirstErr()
}

// If this fails, the comparison at the end is worthless: the tally returns numbers
// before it has read the whole topic.
func TestTallyCountsTheWholeTopic(t *testing.T) {
	k, tl := testKafka(t)
	var want counts
	var records []*kgo.Record
	for i := range 5000 {
		s := tweet.Sentiment(i % 7 % 3)
		want[s]++
		records = append(records, tweetRecord(k, int32(i%partitions), s))
	}
	if err := produce(t.Context(), t, k, records...); err != nil {
		t.Fatal(err)
	}
	got, err := tl.whole(t.Context())
	if err != nil || got != want {
		t.Fatalf("the tally is %v, %v; want %v", got, err, want)
	}
}

// If this fails, a record that is not a tweet, which would be missing on both sides,
// leads to the verdict equal.
func TestTallyFailsOnARecordThatIsNotATweet(t *testing.T) {
	k, tl := testKafka(t)
	bad := tweetRecord(k, 3, tweet.Positive)
	bad.Value = bad.Value[:10]
	if err := produce(t.Context(), t, k, bad); err != nil {
		t.Fatal(err)
	}
	if got, err := tl.whole(t.Context()); err == nil {
		t.Fatalf("the tally is %v, without an error", got)
	}
}

// If this fails, a demo that runs for days fills the disk, or records that are not
// stored yet are deleted.
func TestFullLogIsTrimmedBehindTheIngest(t *testing.T) {
	k, tl := testKafka(t)
	k.trimAbove, k.blockAbove = 0, 0
	if err := produce(t.Context(), t, k, tweetRecord(k, 0, tweet.Positive), tweetRecord(k, 0, tweet.Positive), tweetRecord(k, 1, tweet.Negative)); err != nil {
		t.Fatal(err)
	}
	if _, err := tl.whole(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit := func(offsets map[int32]int64) {
		t.Helper()
		all := make(kadm.Offsets)
		for p, at := range offsets {
			all.AddOffset(k.topic, p, at, -1)
		}
		if _, err := k.admin.CommitOffsets(t.Context(), k.group, all); err != nil {
			t.Fatal(err)
		}
		if err := k.trim(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	start := func(p int32) int64 { return k.cluster.PartitionInfo(k.topic, p).LogStartOffset }

	commit(map[int32]int64{0: 2})
	if start(0) != 2 || start(1) != 0 {
		t.Fatalf("the log starts at %d and %d, want 2 (stored) and 0 (not stored)", start(0), start(1))
	}

	produced := make(chan error, 1)
	go func() { produced <- produce(t.Context(), t, k, tweetRecord(k, 1, tweet.Neutral)) }()
	select {
	case err := <-produced:
		t.Fatalf("a producer continues while the log is full, with the error %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	commit(map[int32]int64{1: 1})
	select {
	case err := <-produced:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a producer still waits after the log was trimmed")
	}
}

// If this fails, the demo's Kafka rejects a topic of the user's own.
func TestTheEmbeddedKafkaCreatesATopicThatIsUsed(t *testing.T) {
	k, _ := testKafka(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "mine", Value: []byte("{}")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	topics, err := k.admin.ListTopics(t.Context(), "mine")
	if err != nil || len(topics["mine"].Partitions) != partitions {
		t.Errorf("the topic has %d partitions, want %d; %v", len(topics["mine"].Partitions), partitions, err)
	}
}

// If this fails, a missing Kafka is reported only after 20 seconds.
func TestAMissingKafkaIsReportedAtOnce(t *testing.T) {
	port, _, err := freePort(Options{}, usualKafka)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	_, err = openKafka(t.Context(), Options{KafkaBrokers: fmt.Sprintf("127.0.0.1:%d", port)}, t.TempDir(), begin)
	if err == nil || !strings.Contains(err.Error(), "reaching Kafka at 127.0.0.1:") || time.Since(begin) > reachLimit+time.Second {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}

// If this fails, the printed commands need addresses, or the demo takes the port of a
// running Kafka.
func TestUsualPortsAreUsedIfFree(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	usual := listener.Addr().(*net.TCPAddr).Port
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if port, _, err := freePort(Options{Keep: true}, usual); err != nil || port == usual {
		t.Errorf("port %d, %v: another program listens there", port, err)
	}
	listener.Close()
	for keep, want := range map[bool]bool{true: true, false: false} {
		port, release, err := freePort(Options{Keep: keep}, usual)
		if err != nil || (port == usual) != want {
			t.Fatalf("keep %v: port %d, %v; the usual one is %d", keep, port, err, usual)
		}
		// Until its server listens, another demo must not take the port.
		other, releaseOther, err := freePort(Options{Keep: true}, usual)
		if err != nil || (other == usual) == keep {
			t.Errorf("keep %v: another demo gets port %d, %v", keep, other, err)
		}
		releaseOther()
		release()
	}
	if port, _, err := freePort(Options{Keep: true}, usual); err != nil || port != usual {
		t.Errorf("after a demo: port %d, %v; the usual one is %d", port, err, usual)
	}
}
