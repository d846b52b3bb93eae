package audit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// onEach runs a test on the Kafka in this process and on a real one. Only the latter
// stores batches and transactions as users' brokers do.
func onEach(t *testing.T, test func(t *testing.T, c *testenv.Cluster)) {
	t.Run("fake", func(t *testing.T) { test(t, testenv.FakeKafka(t)) })
	t.Run("real", func(t *testing.T) { test(t, testenv.Kafka(t)) })
}

func openLog(t *testing.T, c *testenv.Cluster, topic string) *kafkalog.Log {
	t.Helper()
	l, err := kafkalog.Open(t.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

const partitions = 3

// fillLog writes batches of every codec and interleaved transactions of two producers,
// some of which are aborted.
func fillLog(t *testing.T, c *testenv.Cluster, topic string, rng *rand.Rand) {
	t.Helper()
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		producer := c.Client(t, kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(20*time.Millisecond))
		for range 3 {
			if err := producer.ProduceSync(t.Context(), someRecords(rng, topic, 1+rng.IntN(600))...).FirstErr(); err != nil {
				t.Fatalf("codec %d: %v", i, err)
			}
		}
	}
	var producers []*kgo.Client
	for i := range 2 {
		producers = append(producers, c.Client(t, kgo.TransactionalID(fmt.Sprintf("%s-%d", topic, i)), kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression())))
	}
	for range 6 {
		for _, p := range producers {
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			if err := producers[rng.IntN(2)].ProduceSync(t.Context(), someRecords(rng, topic, 1+rng.IntN(50))...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range rng.Perm(2) {
			if err := producers[i].EndTransaction(t.Context(), kgo.TransactionEndTry(rng.IntN(2) == 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	last := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := last.ProduceSync(t.Context(), someRecords(rng, topic, 30)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func someRecords(rng *rand.Rand, topic string, n int) (all []*kgo.Record) {
	for range n {
		r := &kgo.Record{Topic: topic, Partition: rng.Int32N(partitions), Timestamp: time.UnixMilli(1_700_000_000_000 + rng.Int64N(100_000))}
		if rng.IntN(10) > 0 {
			r.Value = make([]byte, rng.IntN(200))
			for i := range r.Value {
				r.Value[i] = byte('a' + rng.IntN(4))
			}
		}
		if rng.IntN(10) == 0 {
			r.Key, r.Headers = []byte("key"), []kgo.RecordHeader{{Key: "kafka_offset", Value: []byte("7")}, {Key: "h"}}
		}
		all = append(all, r)
	}
	return all
}

type record struct {
	timestamp int64
	value     string
	tombstone bool
}

// readByClient reads with franz-go's consumer, for comparison.
func readByClient(t *testing.T, c *testenv.Cluster, topic string, bounds map[int32]kafkalog.Range) map[int32]map[int64]record {
	t.Helper()
	all, from, open := map[int32]map[int64]record{}, map[int32]kgo.Offset{}, map[int32]bool{}
	for p, b := range bounds {
		all[p], from[p], open[p] = map[int64]record{}, kgo.NewOffset().At(b.Start), b.Start < b.End
	}
	client := c.Client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for slices.Contains(slices.Collect(maps.Values(open)), true) {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset >= bounds[r.Partition].End-1 {
				open[r.Partition] = false
			}
			if !r.Attrs.IsControl() {
				all[r.Partition][r.Offset] = record{r.Timestamp.UnixMilli(), string(r.Value), r.Value == nil}
			}
		})
	}
	return all
}

// If this fails, the log that the audit reads differs from what a read_committed
// consumer sees: of every codec, without aborted records, and of any range.
func TestLogIsWhatAReadCommittedConsumerSees(t *testing.T) {
	onEach(t, func(t *testing.T, c *testenv.Cluster) {
		rng := rand.New(rand.NewPCG(7, 0))
		topic := c.Topic(t, partitions)
		fillLog(t, c, topic, rng)
		l := openLog(t, c, topic)
		bounds, err := l.Bounds(t.Context())
		if err != nil || len(bounds) != partitions {
			t.Fatal(bounds, err)
		}
		want := readByClient(t, c, topic, bounds)
		kinds := map[kafkalog.Kind]int{}
		checkRead(t, l, bounds, want, kinds)
		if kinds[kafkalog.Data] == 0 || kinds[kafkalog.Aborted] == 0 || kinds[kafkalog.Control] == 0 {
			t.Errorf("batches by kind are %v: some kinds are missing", kinds)
		}
		for range 20 {
			within := map[int32]kafkalog.Range{}
			for p, b := range bounds {
				start := b.Start + rng.Int64N(b.End-b.Start+1)
				within[p] = kafkalog.Range{Start: start, End: start + rng.Int64N(b.End-start+1)}
			}
			checkRead(t, l, within, want, map[kafkalog.Kind]int{})
		}
	})
}

// checkRead reads ranges and compares them with the records in them.
func checkRead(t *testing.T, l *kafkalog.Log, ranges map[int32]kafkalog.Range, all map[int32]map[int64]record, kinds map[kafkalog.Kind]int) {
	t.Helper()
	topic, id := l.Topic()
	type head struct {
		base, last int64
		count      int
		kind       kafkalog.Kind
	}
	got, heads, next := map[int32]map[int64]record{}, map[int32][]head{}, map[int32]int64{}
	for p, r := range ranges {
		got[p], next[p] = map[int64]record{}, r.Start
	}
	err := l.Read(t.Context(), ranges, func(b kafkalog.Batch) error {
		kinds[b.Kind]++
		heads[b.Partition] = append(heads[b.Partition], head{b.Base, b.Last, b.Count, b.Kind})
		first := next[b.Partition] == ranges[b.Partition].Start
		switch {
		case b.Topic != topic || b.TopicID != id || id == [16]byte{}:
			return fmt.Errorf("%+v is of another topic", b)
		case b.Base > next[b.Partition] || b.Base < next[b.Partition] && !first || b.Last < next[b.Partition] || b.Base >= ranges[b.Partition].End:
			return fmt.Errorf("the batch %d to %d does not follow offset %d", b.Base, b.Last, next[b.Partition])
		case b.Kind != kafkalog.Data && len(b.Records) > 0, int64(b.Count) != b.Last-b.Base+1:
			return fmt.Errorf("%s batch from %d to %d with %d records of %d", b.Kind, b.Base, b.Last, len(b.Records), b.Count)
		}
		next[b.Partition] = b.Last + 1
		newest := int64(-1)
		for _, r := range b.Records {
			got[b.Partition][r.Offset] = record{r.Timestamp, string(r.Value), r.Value == nil}
			newest = max(newest, r.Timestamp)
		}
		if len(b.Records) == b.Count && newest != b.MaxTimestamp {
			return fmt.Errorf("the largest timestamp is %d, not %d", b.MaxTimestamp, newest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for p, r := range ranges {
		want := map[int64]record{}
		for offset, rec := range all[p] {
			if offset >= r.Start && offset < r.End {
				want[offset] = rec
			}
		}
		if !reflect.DeepEqual(got[p], want) {
			t.Fatalf("partition %d, offsets %+v: %d records, not %d, or others", p, r, len(got[p]), len(want))
		}
		if next[p] < r.End && r.Start < r.End {
			t.Fatalf("partition %d was read to offset %d, not to %d", p, next[p], r.End)
		}
	}
	again := map[int32][]head{}
	err = l.Headers(t.Context(), ranges, func(b kafkalog.Batch) error {
		if b.Records != nil {
			return errors.New("Headers returns records")
		}
		again[b.Partition] = append(again[b.Partition], head{b.Base, b.Last, b.Count, b.Kind})
		return nil
	})
	if err != nil || !reflect.DeepEqual(again, heads) {
		t.Fatalf("Headers returns %v, %v; Read returns %v", again, err, heads)
	}
}

// The committed end is before an open transaction, and the commits of a group are
// returned for the partitions that have some.
func TestBoundsAndCommits(t *testing.T) {
	onEach(t, func(t *testing.T, c *testenv.Cluster) {
		topic := c.Topic(t, 2)
		l := openLog(t, c, topic)
		plain := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		produce := func(p *kgo.Client) {
			t.Helper()
			for range 5 {
				if err := p.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		produce(plain)
		open := c.Client(t, kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err := open.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produce(open)
		produce(plain)
		check := func(want map[int32]kafkalog.Range) {
			t.Helper()
			testenv.Eventually(t, 10*time.Second, "the bounds", func() error {
				got, err := l.Bounds(t.Context())
				if err == nil && !maps.Equal(got, want) {
					err = fmt.Errorf("they are %v, not %v", got, want)
				}
				return err
			})
		}
		check(map[int32]kafkalog.Range{0: {Start: 0, End: 5}, 1: {}})
		if err := open.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		check(map[int32]kafkalog.Range{0: {Start: 0, End: 16}, 1: {}})
		admin := kadm.NewClient(plain)
		before := kadm.Offsets{}
		before.Add(kadm.Offset{Topic: topic, At: 3, LeaderEpoch: -1})
		if _, err := admin.DeleteRecords(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		check(map[int32]kafkalog.Range{0: {Start: 3, End: 16}, 1: {}})

		if got, err := l.Committed(t.Context(), topic); err != nil || len(got) != 0 {
			t.Errorf("a group that does not exist has committed %v, %v", got, err)
		}
		before.Add(kadm.Offset{Topic: topic, At: 7, LeaderEpoch: -1})
		if err := admin.CommitAllOffsets(t.Context(), topic, before); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Committed(t.Context(), topic); err != nil || !maps.Equal(got, map[int32]int64{0: 7}) {
			t.Errorf("committed is %v, %v", got, err)
		}
	})
}

// If this fails, a broker that is killed and restarted while a topic is read costs more
// than time.
func TestLogIsReadThroughARestartOfItsBroker(t *testing.T) {
	c := testenv.OwnKafka(t, kafkad.Options{HeapMB: 384})
	rng := rand.New(rand.NewPCG(8, 0))
	topic := c.Topic(t, partitions)
	fillLog(t, &c.Cluster, topic, rng)
	l := openLog(t, &c.Cluster, topic)
	bounds, err := l.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := readByClient(t, &c.Cluster, topic, bounds)
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	restarted := make(chan error, 1)
	go func() {
		time.Sleep(time.Second)
		restarted <- c.Restart(context.Background())
	}()
	checkRead(t, l, bounds, want, map[kafkalog.Kind]int{})
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
}
