package dlq_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	letters = 10_000
	kinds   = 5
	kills   = 20
)

// ofKind returns a letter of record i, in one of the forms.
func ofKind(dead, topic string, i int) *kgo.Record {
	partition, offset := int32(i%4), int64(i/4)
	value := fmt.Sprint("value ", i)
	var h []kgo.RecordHeader
	own := headers("user", strconv.Itoa(i))
	switch i % kinds {
	case 0:
		h = append(ours("undecodable", topic, partition, offset), headers("dead_timestamp_ms", strconv.FormatInt(begin.UnixMilli()+int64(i), 10), "dead_key", fmt.Sprint("key ", i),
			"dead_headers", fmt.Sprintf(`[["user","%s"]]`, base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(i)))))...)
	case 1:
		h = append(own, spring(topic, partition, offset)...)
	case 2:
		h = append(own, connect(topic, partition, offset)...)
	case 3:
		h = append(own, streams(topic, partition, offset)...)
	case 4:
		h = ours("unstorable", topic, partition, offset)
	}
	r := &kgo.Record{Topic: dead, Timestamp: begin.Add(time.Duration(i) * time.Millisecond), Value: []byte(value), Headers: h}
	if i%kinds != 0 {
		r.Key = []byte(fmt.Sprint("key ", i))
	}
	return r
}

// fixToTweets makes a tweet of a letter's value.
const fixToTweets = `let n = content().string().replace_all("value ", "")
root = {"id": $n, "text": "Hi", "brand": "SuperCoffee", "sentiment": "neutral", "timestamp": 1767225600000 + $n.number()}`

// readUntil reads a topic as a read_committed consumer, until this many records with the
// value "end" have come.
func readUntil(t *testing.T, c *testenv.Cluster, topic string, ends int) (records []*kgo.Record) {
	t.Helper()
	client := c.Client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for ends > 0 {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			if records = append(records, r); string(r.Value) == "end" {
				ends--
			}
		}
	}
	return records
}

// If this fails, a replay that is killed, or started twice, writes a record twice, loses
// one, does not fix its value, or changes its partition, key, headers or time; or it
// touches letters that were not selected.
func TestEachLetterIsReplayedOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 4), c.Topic(t, 3)
	var records, originals []*kgo.Record
	for i := range letters {
		originals = append(originals, &kgo.Record{Topic: topic, Partition: int32(i % 4), Value: []byte(fmt.Sprint("value ", i))})
		records = append(records, ofKind(dead, topic, i))
		if i%50 == 0 { // dead letters are delivered at least once
			records = append(records, ofKind(dead, topic, i))
		}
	}
	c.Produce(t, records...)
	writer := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := writer.ProduceSync(t.Context(), originals...).FirstErr(); err != nil {
		t.Fatal(err)
	}

	replay := []string{"dlq", "replay", "--brokers", strings.Join(c.Brokers, ","), "--dead-topic", dead, "--yes", "--fix", fixToTweets,
		"--reason", "undecodable", "--reason", "java.lang.IllegalStateException", "--reason", "org.apache.kafka.connect.errors.DataException"}
	written := func() int64 {
		n, err := c.Records(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := int64(letters)
	for pair := range kills / 2 {
		// Two at once: the second fences the first.
		first := testenv.Start(t, testenv.Command{Args: append(replay, "--rate", "600")})
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		second := testenv.Start(t, testenv.Command{Args: append(replay, "--rate", "600")})
		if pair%2 == 0 { // the others are killed whatever they do
			testenv.Eventually(t, 30*time.Second, "a replay writes", func() error {
				if n := written(); n == before {
					return fmt.Errorf("%d records, as before", n)
				}
				return nil
			})
		}
		time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
		first.Kill(t)
		second.Kill(t)
		before = written()
	}
	if out := dlq(t, c, 0, append([]string{"replay"}, replay[4:]...)...); !strings.Contains(out, "settled.") {
		t.Errorf("the last replay says:\n%s", out)
	}

	// The last record of each partition ends the reading.
	const want = letters / kinds * 3
	for p := range int32(4) {
		if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: []byte("end")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for _, r := range readUntil(t, c, topic, 4) {
		if string(r.Value) == "end" || r.Offset < letters/4 {
			continue
		}
		var tweet struct{ ID string }
		if err := json.Unmarshal(r.Value, &tweet); err != nil {
			t.Fatalf("%q is not fixed: %v", r.Value, err)
		}
		i, err := strconv.Atoi(tweet.ID)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(r.Value)]++
		at := begin.Add(time.Duration(i) * time.Millisecond)
		if i%kinds == 1 {
			at = time.UnixMilli(1_767_225_600_000)
		}
		if i%kinds > 2 || r.Partition != int32(i%4) || !bytes.Equal(r.Key, fmt.Append(nil, "key ", i)) || !r.Timestamp.Equal(at) ||
			!slices.EqualFunc(r.Headers, headers("user", strconv.Itoa(i), "dlq_replays", "1"), sameHeader) {
			t.Fatalf("record %d is replayed to partition %d with the key %q, the time %s and the headers %v", i, r.Partition, r.Key, r.Timestamp, r.Headers)
		}
	}
	for value, n := range seen {
		if n != 1 {
			t.Errorf("%s is replayed %d times", value, n)
		}
	}
	if len(seen) != want {
		t.Errorf("%d of %d letters are replayed", len(seen), want)
	}
	// A pipeline counts each fixed record once, and audit agrees.
	bucket := testenv.Influx(t, testenv.InfluxV1)
	env := environment(c, bucket, topic, c.Topic(t, 1))
	drain(t, c, "config/exact.yaml", env)
	env["DEAD_TOPIC"] = dead
	audited(t, 0, env)
	if sums, err := bucket.SumBy(t.Context(), "tweets", "count", "brand"); err != nil || sums["SuperCoffee"] != want || len(sums) != 1 {
		t.Errorf("counted are %v, %v; want %d", sums, err, want)
	}

	rest := dlq(t, c, 0, "replay", "--dead-topic", dead, "--dry-run")
	for _, says := range []string{"2,000 letters of " + dead + " to replay, to " + topic, "6,200 letters already settled", "2,000 letters not replayed: it was cut or does not say its key"} {
		if !strings.Contains(rest, says) {
			t.Errorf("of the rest it does not say %q:\n%s", says, rest)
		}
	}
	if l := list(t, c, "--dead-topic", dead); l.Letters != 4_000 || len(l.Groups) != 2 {
		t.Errorf("%d letters are listed, in %d groups", l.Letters, len(l.Groups))
	}
	dlq(t, c, 0, "drop", "--dead-topic", dead, "--yes", "--why", "test data", "--reason", "unstorable")
	if l := list(t, c, "--dead-topic", dead); l.Letters != 2_000 || l.Groups[0].Reason != "java.lang.NullPointerException" {
		t.Errorf("after a drop %d letters are listed", l.Letters)
	}
	if l := list(t, c, "--dead-topic", dead, "--all"); l.Letters != letters+letters/50 {
		t.Errorf("--all lists %d letters", l.Letters)
	}
}
