package oracle_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/schemas"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func value(t *testing.T, brand, sentiment string, millis int64) []byte {
	t.Helper()
	b, err := avro.Marshal(avro.MustParse(schemas.Tweet), map[string]any{"id": "1", "text": "x", "brand": brand, "sentiment": sentiment, "timestamp": millis})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTopicIsReadToItsEnd(t *testing.T) {
	for name, kafka := range map[string]func(t *testing.T) *testenv.Cluster{
		"real": func(t *testing.T) *testenv.Cluster { return testenv.Kafka(t) },
		"fake": func(t *testing.T) *testenv.Cluster { return testenv.FakeKafka(t) },
	} {
		t.Run(name, func(t *testing.T) {
			c := kafka(t)
			topic := c.Topic(t, 4)
			read := func() *oracle.Topic {
				t.Helper()
				got, err := oracle.ReadTopic(t.Context(), c.Brokers, topic, oracle.Avro)
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			if got := read(); got.Records != 0 || len(got.Counts) != 0 { // must not wait for a record
				t.Fatalf("an empty topic holds %+v", got)
			}

			var records []*kgo.Record
			for i := range 1000 {
				records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: value(t, "SuperCoffee", "positive", int64(i)*10)})
			}
			c.Produce(t, append(records, &kgo.Record{Topic: topic, Value: []byte("no tweet")})...)
			// Aborted records do not count, and the last offset of a partition may be a
			// marker.
			client := c.Client(t, kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
			for _, commit := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
				if err := client.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				for range 100 {
					client.Produce(t.Context(), kgo.SliceRecord(value(t, "Tea", "neutral", 5000)), nil)
				}
				if err := client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := client.EndTransaction(t.Context(), commit); err != nil {
					t.Fatal(err)
				}
			}

			want := oracle.Counts{{Second: 5, Brand: "Tea", Sentiment: "neutral"}: 100}
			for second := range int64(10) {
				want[oracle.Key{Second: second, Brand: "SuperCoffee", Sentiment: "positive"}] = 100
			}
			got := read()
			if err := oracle.Equal(got.Counts, want); err != nil {
				t.Fatal(err)
			}
			if got.Records != 1101 || len(got.Undecodable) != 1 {
				t.Fatalf("%d records, undecodable %v", got.Records, got.Undecodable)
			}
		})
	}
}

func TestInfluxIsReadWhole(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			d := testenv.Influx(t, version)
			read := func() (oracle.Counts, int64) {
				t.Helper()
				counts, err := oracle.ReadInflux(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				points, err := oracle.CountPoints(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				return counts, points
			}
			if counts, points := read(); len(counts) != 0 || points != 0 {
				t.Fatalf("an empty bucket holds %v", counts)
			}

			// Seconds before and after 1970 and far away, series that differ in another
			// tag, other measurements and fields.
			var lines strings.Builder
			want := oracle.Counts{}
			for i, second := range []int64{-9_223_000_000, -1, 0, 1_700_000_000, 9_223_000_000} {
				for _, sentiment := range []string{"positive", "negative"} {
					for slot := range 3 {
						for _, tag := range []string{"", ",src=a-0", ",src=a-1"} {
							fmt.Fprintf(&lines, "tweets,brand=Super\\ Coffee,sentiment=%s%s count=%di,text=\"x\" %d\n", sentiment, tag, i+1, second*1e9+int64(slot)*499_999_999)
							want[oracle.Key{Second: second, Brand: "Super Coffee", Sentiment: sentiment}] += int64(i) + 1
						}
					}
				}
				fmt.Fprintf(&lines, "others,brand=Tea,sentiment=positive count=7i %d\n", second*1e9)
			}
			if err := d.Write(t.Context(), []byte(lines.String())); err != nil {
				t.Fatal(err)
			}
			counts, points := read()
			if err := oracle.Equal(counts, want); err != nil {
				t.Fatal(err)
			}
			if points != 5*2*3*3 {
				t.Fatalf("%d points", points)
			}

			// A count that is not an integer must not be silently left out.
			d = testenv.Influx(t, version)
			if err := d.Write(t.Context(), []byte("tweets,brand=Tea,sentiment=positive count=1 0")); err != nil {
				t.Fatal(err)
			}
			if counts, err := oracle.ReadInflux(t.Context(), d); err == nil {
				t.Fatalf("a count of 1.0 was read as %v", counts)
			}
		})
	}
}

func TestQueryReturnsOneRowPerSecondAndSentiment(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			d := testenv.Influx(t, version)
			start := time.Now().Add(-time.Minute).Truncate(time.Second)
			var lines strings.Builder
			for second := 0; second < 20; second += 2 { // odd seconds have no tweets
				for slot := range 4 {
					for i, sentiment := range []string{"positive", "negative", "neutral"} {
						at := start.Add(time.Duration(second) * time.Second).UnixNano()
						fmt.Fprintf(&lines, "tweets,brand=SuperCoffee,sentiment=%s count=%di %d\n", sentiment, i+1, at+int64(slot))
					}
				}
			}
			if err := d.Write(t.Context(), []byte(lines.String())); err != nil {
				t.Fatal(err)
			}
			rows, err := oracle.RunQuery(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			sums, seen := map[string]int64{}, map[oracle.QueryRow]bool{}
			for _, row := range rows {
				sums[row.Sentiment] += row.Tweets
				if after := row.Time.Sub(start) - time.Second; after < 0 || after > 18*time.Second || after%(2*time.Second) != 0 {
					t.Fatalf("row %+v is in a second without tweets", row)
				}
				row.Tweets = 0
				if seen[row] {
					t.Fatalf("second row of %+v", row)
				}
				seen[row] = true
			}
			if len(rows) != 30 || !maps.Equal(sums, map[string]int64{"positive": 40, "negative": 80, "neutral": 120}) {
				t.Fatalf("%d rows, sums %v", len(rows), sums)
			}
		})
	}
}

// If this fails, records in new partitions of a topic look like tweets that InfluxDB
// has but Kafka does not.
func TestNewPartitionsAreFollowed(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	f, err := oracle.Follow(c.Brokers, topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	admin := kadm.NewClient(c.Client(t))
	for partition := range int32(3) {
		if partition > 0 {
			answers, err := admin.UpdatePartitions(t.Context(), int(partition)+1, topic)
			if err == nil {
				err = answers.Error()
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // older than the follower's metadata may be
		}
		producer := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: value(t, "Tea", "neutral", 0)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		got, err := f.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Records != int64(partition)+1 {
			t.Fatalf("%d records of %d in %d partitions", got.Records, partition+1, partition+1)
		}
	}
}
