package sentimentwindow

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files")

const batches = "message: record_batch\n"

// failer is what a test and a rapid check have in common.
type failer interface{ Fatal(...any) }

// batchMessage is a record batch as kafka_batches hands it on. Of h it takes
// what recordbatch.AppendBatch does.
func batchMessage(t failer, topic string, partition int, h recordbatch.Header, records ...recordbatch.Record) *service.Message {
	b, err := recordbatch.AppendBatch(nil, h, records...)
	if err != nil {
		t.Fatal(err)
	}
	return wrapBatch(t, topic, partition, b)
}

// wrapBatch is the message of a batch that is bytes already.
func wrapBatch(t failer, topic string, partition int, b []byte) *service.Message {
	h, err := recordbatch.ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	m := service.NewMessage(b)
	m.MetaSetMut(contract.KafkaTopic, topic)
	m.MetaSetMut(contract.KafkaTopicID, [16]byte{0xff, 15: 1})
	m.MetaSetMut(contract.KafkaPartition, partition)
	m.MetaSetMut(contract.KafkaOffset, int(h.BaseOffset))
	m.MetaSetMut(contract.KafkaLastOffset, int(h.LastOffset()))
	m.MetaSetMut(contract.KafkaBatchRecords, int(h.Records))
	return m
}

// recordAt is a record whose time in Kafka is a second behind its tweet's.
func recordAt(offset int64, value []byte, millis int64) recordbatch.Record {
	return recordbatch.Record{Offset: offset, Timestamp: millis + 1000, Key: fmt.Appendf(nil, "key%d", offset), Value: value}
}

// goldenBatches are two batches of partition 3 and one of 4, with what a log can
// hold: gaps, disorder, records that are no tweets, and headers that are called
// like metadata.
func goldenBatches(t failer) service.MessageBatch {
	const second = int64(1_700_000_000_000)
	spoofed := recordAt(13, datum("Tea, green", tweet.Neutral, second+1000), second+1000)
	spoofed.Headers = spoofed.Headers.Append(contract.KafkaOffset, []byte("999")).Append(contract.KafkaTopic, nil)
	return service.MessageBatch{
		batchMessage(t, "tweets", 3, recordbatch.Header{BaseOffset: 10, LastOffsetDelta: 7, ProducerID: 9, Attributes: recordbatch.AttrTransactional},
			recordAt(10, datum("SuperCoffee", tweet.Negative, second+5), second+5),
			recordAt(11, datum("SuperCoffee", tweet.Positive, second+5), second+5),
			spoofed,
			recordAt(14, []byte("no tweet"), second+3999),
			recordAt(15, nil, second),
			recordAt(16, datum("SuperCoffee", tweet.Positive, second+999), second+999)),
		batchMessage(t, "tweets", 3, recordbatch.Header{BaseOffset: 18, ProducerID: -1},
			recordAt(18, datum("SuperCoffee", tweet.Positive, second), second)),
		batchMessage(t, "tweets", 4, recordbatch.Header{BaseOffset: 1 << 40, ProducerID: -1},
			recordAt(1<<40, []byte("no tweet"), second),
			recordAt(1<<40+1, datum("line\nbreak", tweet.Positive, second), second)),
		batchMessage(t, "tweets", 4, recordbatch.Header{BaseOffset: 1<<40 + 2, LastOffsetDelta: 5, ProducerID: 9, MaxTimestamp: second + 7777}),
	}
}

// What is stored is these bytes. Whoever changes them doubles what people have
// stored already, as soon as they read Kafka again.
func TestRecordBatchesBecomeTheseBytes(t *testing.T) {
	for name, yaml := range map[string]string{
		"windows":      "",
		"minutes":      "window: 1m\nmeasurement: per_minute",
		"no_coverage":  `coverage_measurement: ""`,
		"renamed":      "coverage_measurement: a b",
		"source":       "identity: source",
		"tweets":       "emit: tweets",
		"tweets_milli": "emit: tweets\nresolution: 1ms\nmax_partitions: 8\nidentity: source",
	} {
		t.Run(name, func(t *testing.T) {
			points, refused := process(t, testProcessor(t, batches+yaml), goldenBatches(t)...)
			var got bytes.Buffer
			for _, m := range points {
				fmt.Fprintf(&got, "# %s\n", metadataOf(t, m))
				b, err := m.AsBytes()
				if err != nil {
					t.Fatal(err)
				}
				got.Write(b)
			}
			if yaml == "" { // the same with any of them
				for _, m := range refused {
					b, err := m.AsBytes()
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&got, "# refused: %q %s\n", b, metadataOf(t, m))
				}
			}
			file := filepath.Join("testdata", "record_batch", name+".lp")
			if *updateGolden {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("got\n%s\nwant\n%s", &got, want)
			}
		})
	}
}

func metadataOf(t testing.TB, m *service.Message) string {
	t.Helper()
	var all []string
	if err := m.MetaWalkMut(func(key string, value any) error {
		format := "%s=%T(%v)"
		if _, ok := value.([]byte); ok {
			format = "%s=%T(%s)"
		}
		all = append(all, fmt.Sprintf(format, key, value, value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// The structured form must say what the lines say, the coverage points too.
func TestBothOutputsAreTheSamePointsOfARecordBatch(t *testing.T) {
	for _, yaml := range []string{"", "emit: tweets", "identity: source", `coverage_measurement: ""`} {
		t.Run(yaml, func(t *testing.T) {
			asLines, _ := process(t, testProcessor(t, batches+yaml), goldenBatches(t)...)
			asPoints, _ := process(t, testProcessor(t, batches+"output: points\n"+yaml), goldenBatches(t)...)
			var got []string
			for _, m := range asPoints {
				got = append(got, lineOf(t, m))
			}
			if want := lines(t, asLines); !slices.Equal(got, want) {
				t.Fatalf("points\n%s\nlines\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// lineOf writes a structured point as a line, with nothing of the code that
// writes lines.
func lineOf(t testing.TB, m *service.Message) string {
	t.Helper()
	v, err := m.AsStructured()
	if err != nil {
		t.Fatal(err)
	}
	p := v.(map[string]any)
	tags, fields := p["tags"].(map[string]any), p["fields"].(map[string]any)
	line, sep := p["measurement"].(string), " "
	for _, key := range []string{"brand", "sentiment", "src", "topic"} {
		if v, ok := tags[key]; ok {
			line += "," + key + "=" + strings.NewReplacer(",", `\,`, " ", `\ `).Replace(v.(string))
		}
	}
	for _, key := range []string{"partition", "base", "last", "records", "counted", "undecodable", "filtered", "count", "text"} {
		switch v := fields[key].(type) {
		case int64:
			line += fmt.Sprintf("%s%s=%di", sep, key, v)
			sep = ","
		case string:
			line += fmt.Sprintf("%s%s=%q", sep, key, v)
		}
	}
	return fmt.Sprintf("%s %d", line, p["timestamp"])
}

// Every form of a tweet is read in a batch as it is in a message of its own.
func TestEveryWireFormInARecordBatch(t *testing.T) {
	const now = 1_700_000_000_123
	tea := tweet.Tweet{ID: []byte("1"), Text: []byte("t"), Brand: []byte("Tea"), Sentiment: tweet.Negative, Millis: now}
	for _, c := range []struct {
		name, yaml string
		value      []byte
	}{
		{"raw", "", tea.AppendAvro(nil)},
		{"raw of a newer schema", "schema_files: [" + writeSchema(t, newerSchema) + "]", newerDatum("Tea", tweet.Negative, now)},
		{"single object", "encoding: avro_single_object", tea.AppendSingleObject(nil)},
		{"JSON", "encoding: json", tea.AppendJSON(nil)},
		{"mapped", "encoding: json\nmapping: |\n  root.brand = @kafka_key.string() + @kafka_topic.slice(0, 1).uppercase()\n  root.sentiment = this.mood\n  root.timestamp = @kafka_timestamp_ms + @kafka_offset + @kafka_partition",
			[]byte(`{"mood":"negative"}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := recordbatch.Record{Offset: 7, Timestamp: now, Value: c.value}
			brand := "Tea"
			if c.name == "mapped" {
				rec.Key = []byte("k")
				brand = "kT"
			}
			points, refused := process(t, testProcessor(t, batches+c.yaml), batchMessage(t, "tweets", 1, recordbatch.Header{BaseOffset: 5, ProducerID: -1}, rec))
			if len(refused) > 0 {
				t.Fatal(refused[0].GetError())
			}
			want := []string{
				"tweets,brand=" + brand + ",sentiment=negative count=1i 1700000000000000321",
				"brandpulse_batches,topic=tweets partition=1i,base=5i,last=7i,records=1i,counted=1i,undecodable=0i,filtered=0i 1700000000000000321",
			}
			if got := lines(t, points); !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
		})
	}
}

// While the schema registry is away nothing is known of a record. Were it taken
// for undecodable, the coverage point would say so for ever.
func TestARecordBatchWaitsForTheSchemaRegistry(t *testing.T) {
	p := testProcessor(t, batches+"encoding: avro_confluent\nschema_registry: {url: 'http://127.0.0.1:1'}")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	m := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, recordAt(0, []byte{0, 0, 0, 0, 1, 2}, 0))
	if out, err := p.ProcessBatch(ctx, service.MessageBatch{m}); err == nil {
		t.Fatalf("the batch is done, as %d batches, without its schema", len(out))
	}
}

// Record time is the producer's word. It must not keep a batch from being
// counted, nor its coverage point from being stored.
func TestACoveragePointHasATimeThatCanBeStored(t *testing.T) {
	for millis, want := range map[int64]string{
		1<<63 - 1: " 9223372035000000000",
		-1 << 63:  " -9223372036000000000",
		-1:        " -1000000000",
	} {
		rec := recordbatch.Record{Timestamp: millis, Value: datum("Tea", tweet.Positive, 0)}
		points, refused := process(t, testProcessor(t, batches), batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, rec))
		if len(refused) > 0 {
			t.Fatal(refused[0].GetError())
		}
		if got := lines(t, points); len(got) != 2 || !strings.HasSuffix(got[1], want) {
			t.Errorf("record time %d: %q, want %q", millis, got, want)
		}
	}
}

// A batch that compaction has emptied has nothing to tell without coverage
// points. An empty batch of messages is no batch for what comes after.
func TestARecordBatchOfNothingIsNoBatch(t *testing.T) {
	empty := batchMessage(t, "tweets", 0, recordbatch.Header{LastOffsetDelta: 3, ProducerID: 1, MaxTimestamp: -1})
	out, err := testProcessor(t, batches+`coverage_measurement: ""`).ProcessBatch(t.Context(), service.MessageBatch{empty})
	if err != nil || len(out) != 0 {
		t.Fatalf("%d batches, error %v", len(out), err)
	}
}

// One processor serves all threads: what they read in place must be their own.
func TestThreadsShareAProcessorOfRecordBatches(t *testing.T) {
	p := testProcessor(t, batches)
	batchOf := func(partition int) (b service.MessageBatch) {
		for base := int64(0); base < 200; base += 20 {
			var records []recordbatch.Record
			for i := base; i < base+20; i++ {
				records = append(records, recordAt(i, datum(fmt.Sprint("brand", i%7), tweet.Sentiment(i%3), 1_700_000_000_000+i), i))
			}
			records[7].Value = []byte("no tweet")
			b = append(b, batchMessage(t, "tweets", partition, recordbatch.Header{BaseOffset: base, ProducerID: -1}, records...))
		}
		return b
	}
	var wg sync.WaitGroup
	for partition := range 8 {
		points, _ := process(t, testProcessor(t, batches), batchOf(partition)...)
		want := lines(t, points)
		input := batchOf(partition)
		wg.Go(func() {
			for range 20 {
				out, err := p.ProcessBatch(context.Background(), input.Copy())
				if err != nil || len(out) != 1 || len(out[0]) != 20 {
					t.Errorf("%d batches, error %v", len(out), err)
					return
				}
				if got := lines(t, out[0][:10]); !slices.Equal(got, want) {
					t.Errorf("partition %d gives other points than alone", partition)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A batch is read in place: what it costs in memory must not depend on how many
// tweets are in it.
func TestRecordsOfABatchAreNotAllocated(t *testing.T) {
	p := testProcessor(t, batches)
	allocs := func(n int) float64 {
		batch := service.MessageBatch{encodedBatch(t, n, 3)}
		return testing.AllocsPerRun(20, func() {
			if _, err := p.ProcessBatch(context.Background(), batch); err != nil {
				t.Fatal(err)
			}
		})
	}
	allocs(10) // the first run fills the caches
	// Under the race detector a sync.Pool forgets at random what it is given.
	if few, many := allocs(10), allocs(5000); many > few+100 {
		t.Fatalf("10 tweets take %v allocations, 5000 take %v", few, many)
	}
}

// The time in the header is the producer's word too. The point is at that of the
// records.
func TestACoveragePointIsAtTheNewestRecord(t *testing.T) {
	b, err := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1},
		recordbatch.Record{Offset: 0, Timestamp: -5000, Value: []byte("no tweet")},
		recordbatch.Record{Offset: 1, Timestamp: -2000, Value: []byte("no tweet")},
		recordbatch.Record{Offset: 2, Timestamp: -9000, Value: []byte("no tweet")}).AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(b[35:], 1_700_000_000_000)
	points, _ := process(t, testProcessor(t, batches), wrapBatch(t, "tweets", 0, resealed(b)))
	if got := lines(t, points); len(got) != 1 || !strings.HasSuffix(got[0], " -2000000000") {
		t.Fatalf("points %q, want one at -2000000000", got)
	}
}

// A record that leaves may be kept for longer than its batch, whose bytes the
// input may use again.
func TestABrokenRecordHasItsOwnBytes(t *testing.T) {
	m := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, recordAt(0, []byte("no tweet"), 0))
	_, refused := process(t, testProcessor(t, batches), m)
	b, err := m.AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if got, _ := refused[0].AsBytes(); string(got) != "no tweet" {
		t.Fatalf("its bytes have become %q", got)
	}
}
