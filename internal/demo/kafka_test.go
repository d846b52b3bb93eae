package demo

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func testKafka(t *testing.T) (*kafka, *tally) {
	t.Helper()
	k, err := openKafka(t.Context(), "", t.TempDir(), "group")
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

// The comparison at the end is worth what the tally is: it must have read all
// that is in the topic before it says a number.
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

// A record that is no tweet would be missing on both sides; the demo must say
// so instead of calling that equal.
func TestTallyFailsOnWhatIsNoTweet(t *testing.T) {
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

// A demo that runs for days must not fill the disk: what is counted and stored
// is deleted, what is not stays, and producers wait for room.
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
		t.Fatalf("a producer goes on while the log is full, with the error %v", err)
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
