package configs_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// dead is a record that must become a dead letter, with the expected letter.
type dead struct {
	name    string
	value   []byte
	headers []kgo.RecordHeader
	reason  string
	says    string // part of dead_error
	without string // the part of its position that a header replaces
	cut     int    // size of the value in the letter; 0: complete

	partition int32
	offset    int64
	millis    int64 // timestamp of the record
}

// broken are the records that no pipeline can count, and tweets whose position in Kafka
// is not known.
func broken(t testing.TB, millis int64) []dead {
	tweet := tweetOf(t, "SuperCoffee", "positive", millis)
	spoofed := func(id string) []byte { // distinguished by their ids only
		return bytes.Replace(tweet, []byte("\x020"), []byte("\x02"+id), 1)
	}
	return []dead{
		{name: "random bytes", value: []byte("\xff\x00\x9c\x17\xe3random\x80"), reason: "undecodable"},
		{name: "cut off", value: tweet[:len(tweet)-3], reason: "undecodable", says: "the bytes end inside the tweet"},
		{name: "trailing byte", value: append(slices.Clone(tweet), 0), reason: "undecodable", says: "trailing bytes"},
		{name: "two tweets", value: append(slices.Clone(tweet), tweet...), reason: "undecodable", says: "trailing bytes"},
		{name: "JSON", value: []byte(`{"id":"1","text":"Hi","brand":"SuperCoffee","sentiment":"positive","timestamp":1700000000000}`), reason: "undecodable"},
		{name: "without a value", value: nil, reason: "undecodable", says: "the record is empty"},
		{name: "empty", value: []byte{}, reason: "undecodable", says: "the record is empty"},
		{name: "of the greatest size", value: bytes.Repeat([]byte{0xff}, 1<<20-200), reason: "undecodable", cut: 1_000_000},
		{name: "a brand that InfluxDB cannot store", value: tweetOf(t, `Tea\`, "positive", millis), reason: "unstorable", says: "backslash"},
		{name: "a time that InfluxDB cannot store", value: tweetOf(t, "SuperCoffee", "positive", 1<<50), reason: "undecodable", says: "2262"},
		{name: "a spoofed offset", value: spoofed("1"), headers: headers("kafka_offset", "5"), reason: "origin", says: "kafka_offset", without: "dead_offset"},
		{name: "a spoofed partition", value: spoofed("2"), headers: headers("kafka_partition", "0"), reason: "origin", says: "kafka_partition", without: "dead_partition"},
		{name: "a spoofed topic", value: spoofed("3"), headers: headers("kafka_topic", "tweets"), reason: "origin", says: "kafka_topic", without: "dead_topic"},
		{
			name: "headers of a dead letter", value: []byte("no tweet"), reason: "undecodable",
			headers: headers("dead_reason", "rejected", "dead_topic", "x", "dead_offset", "5", "dead_after_offset", "4", "dead_last_offset", "6"),
		},
		{
			name: "headers of a dead letter and a spoofed offset", value: spoofed("4"), reason: "origin", says: "kafka_offset", without: "dead_offset",
			headers: headers("kafka_offset", "5", "dead_offset", "5", "dead_partition", "9"),
		},
	}
}

func headers(keysAndValues ...string) (list []kgo.RecordHeader) {
	for i := 0; i < len(keysAndValues); i += 2 {
		list = append(list, kgo.RecordHeader{Key: keysAndValues[i], Value: []byte(keysAndValues[i+1])})
	}
	return list
}

// If this fails, a record that cannot be counted is lost, blocks the others, or cannot
// be found again; or it is counted at the position of another record.
func TestIngestSendsBrokenRecordsToTheDeadLetters(t *testing.T) {
	t.Parallel()
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		kafka, influx := testenv.Kafka(t), testenv.Influx(t, version)
		topic, deadTopic := kafka.Topic(t, 4), kafka.Topic(t, 1)

		now := time.Now().UnixMilli()
		counts := oracle.Counts{}
		var bad []*dead
		for i, d := range broken(t, now) {
			partition := int32(i % 3)
			if len(d.value) > 1<<19 {
				partition = 3 // alone, so that all others of a partition are in one batch
			}
			// Good records around it, which must still be counted, whatever headers
			// they have.
			sentiment := []string{"positive", "negative", "neutral"}[i%3]
			neighbour := func(millis int64, headers ...kgo.RecordHeader) *kgo.Record {
				counts[oracle.Key{Second: millis / 1000, Brand: "SuperCoffee", Sentiment: sentiment}]++
				return &kgo.Record{Partition: partition, Value: tweetOf(t, "SuperCoffee", sentiment, millis), Headers: headers}
			}
			record := &kgo.Record{Partition: partition, Value: d.value, Headers: d.headers}
			produceTo(t, kafka, topic, neighbour(now), record, neighbour(now-1000, headers("dead_reason", "rejected", "__rpcn_kafka_headers", "x")...))
			d.partition, d.offset, d.millis = record.Partition, record.Offset, record.Timestamp.UnixMilli()
			bad = append(bad, &d)
		}
		ingestAll(t, kafka, influx, topic, deadTopic, "ingest", counts)
		for _, l := range readLetters(t, kafka, deadTopic) {
			i := slices.IndexFunc(bad, func(d *dead) bool { return d.is(l) })
			if i < 0 {
				t.Errorf("a dead letter without a broken record, or a second one: %.100q %v", l.value, l.headers)
				continue
			}
			bad[i].check(t, l, topic)
			bad = slices.Delete(bad, i, i+1)
		}
		for _, d := range bad {
			t.Errorf("not in the dead letters: %s, partition %d, offset %d", d.name, d.partition, d.offset)
		}
	})
}

// is identifies a record by its bytes or, if it has none, by its position.
func (d *dead) is(l letter) bool {
	value := d.value
	if d.cut > 0 {
		value = value[:d.cut]
	}
	return bytes.Equal(l.value, value) && (len(value) > 0 || l.headers["dead_offset"] == strconv.FormatInt(d.offset, 10) &&
		l.headers["dead_partition"] == strconv.Itoa(int(d.partition)))
}

// check compares all headers of a letter.
func (d *dead) check(t testing.TB, l letter, topic string) {
	t.Helper()
	want := map[string]string{
		"dead_reason":       d.reason,
		"dead_topic":        topic,
		"dead_partition":    strconv.Itoa(int(d.partition)),
		"dead_offset":       strconv.FormatInt(d.offset, 10),
		"dead_timestamp_ms": strconv.FormatInt(d.millis, 10),
	}
	var carried []string
	for _, h := range d.headers {
		carried = append(carried, fmt.Sprintf(`["%s","%s"]`, h.Key, base64.StdEncoding.EncodeToString(h.Value)))
	}
	if len(carried) > 0 {
		want["dead_headers"] = "[" + strings.Join(carried, ",") + "]"
	}
	delete(want, d.without)
	if d.without == "dead_offset" {
		want["dead_after_offset"] = strconv.FormatInt(d.offset-1, 10)
	}
	if d.cut > 0 {
		want["dead_cut_from"] = strconv.Itoa(len(d.value))
	}
	says := l.headers["dead_error"]
	delete(l.headers, "dead_error")
	if says == "" || !strings.Contains(says, d.says) || !maps.Equal(l.headers, want) {
		t.Errorf("the dead letter of a record with %s says %q and has the headers\n%v, not\n%v", d.name, says, l.headers, want)
	}
}

// If this fails, a point that InfluxDB rejects is lost, blocks others or affects its
// neighbours.
func TestIngestSendsRejectedPointsToTheDeadLetters(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"ingest", "ingest_tweets"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
				kafka := testenv.Kafka(t)
				server := testenv.OwnInflux(t, influxd.Options{Version: version})
				if err := server.CreateBucket(t.Context(), "hour", time.Hour); err != nil {
					t.Fatal(err)
				}
				influx := server.Sibling("hour")
				topic, deadTopic := kafka.Topic(t, 1), kafka.Topic(t, 1)

				now := time.Now().UnixMilli()
				old := now - (3 * time.Hour).Milliseconds()
				stored, refused := oracle.Counts{}, oracle.Counts{}
				var records []*kgo.Record
				for i := range 300 {
					millis, counts := now, stored
					if i%3 == 1 {
						millis, counts = old, refused
					}
					counts[oracle.Key{Second: millis / 1000, Brand: "SuperCoffee", Sentiment: "neutral"}]++
					records = append(records, &kgo.Record{Value: tweetOf(t, "SuperCoffee", "neutral", millis)})
				}
				produceTo(t, kafka, topic, records...)
				ingestAll(t, kafka, influx, topic, deadTopic, config, stored)
				lines := map[string]int{}
				for _, l := range readLetters(t, kafka, deadTopic) {
					if lines[string(l.value)]++; lines[string(l.value)] > 1 {
						t.Errorf("twice in the dead letters: %s", l.value)
					}
					if l.headers["dead_reason"] != "rejected" || !strings.Contains(l.headers["dead_error"], "retention policy") ||
						l.place() != topic+"/0/0" || l.headers["dead_last_offset"] != "299" {
						t.Errorf("a dead letter has the headers %v", l.headers)
					}
				}
				if err := compareSums(t, lines, refused); err != nil {
					t.Errorf("dead letters: %v", err)
				}
			})
		})
	}
}

// ingestAll runs one of the ingest pipelines until all of the topic is committed, and
// compares the content of InfluxDB.
func ingestAll(t testing.TB, kafka *testenv.Cluster, influx *influxd.Database, topic, deadTopic, config string, want oracle.Counts) {
	t.Helper()
	program := testenv.Start(t, ingestInto(kafka, influx, topic, deadTopic, config))
	committed(t, kafka, topic, topic)
	if code := program.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got, err := oracle.ReadInflux(t.Context(), influx)
	if err != nil {
		t.Fatal(err)
	}
	if err := oracle.Equal(got, want); err != nil {
		t.Error(err)
	}
}

// ingestInto starts one of the ingest pipelines, in a group with the name of the topic.
func ingestInto(kafka *testenv.Cluster, influx *influxd.Database, topic, deadTopic string, config string) testenv.Command {
	return testenv.Command{
		Config: "config/" + config + ".yaml",
		Env: map[string]string{
			"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "TOPIC": topic, "DEAD_TOPIC": deadTopic, "CONSUMER_GROUP": topic,
			"INFLUXDB_URL": influx.URL, "INFLUXDB_ORG": influx.Org, "INFLUXDB_BUCKET": influx.Bucket, "INFLUXDB_TOKEN": influx.Token,
		},
	}
}

// produceTo writes records to the partitions that they name.
func produceTo(t testing.TB, kafka *testenv.Cluster, topic string, records ...*kgo.Record) {
	t.Helper()
	client := kafka.Client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(1<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("producing %d records: %v", len(records), err)
	}
}
