package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// outputOn makes an output on a cluster, connected.
func outputOn(t *testing.T, c *testenv.Cluster, topic, extra string) *output {
	t.Helper()
	parsed, err := outputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\ntopic: %s\n%s", c.Brokers[0], topic, extra), nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOutput(parsed, service.MockResources())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := o.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

func withValues(values ...string) (batch service.MessageBatch) {
	for _, v := range values {
		batch = append(batch, service.NewMessage([]byte(v)))
	}
	return batch
}

// If this fails, records have another key, time, header or value than the messages say.
func TestOutputRecords(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 4)
	o := outputOn(t, c, `'${! @where }'`, `
message: record
partition: explicit
partition_number: ${! @number }
key: ${! @key.or("") }
timestamp_ms: ${! @time }
metadata:
  include_prefixes: [ h_ ]
compression: zstd
compression_level: 5
acks: leader`)
	var batch service.MessageBatch
	for i := range 8 {
		m := service.NewMessage(fmt.Append(nil, "value ", i))
		m.MetaSetMut("where", topic)
		m.MetaSetMut("number", i%4)
		m.MetaSetMut("time", 1_700_000_000_000+i)
		m.MetaSetMut("other", "x")
		if i > 0 {
			m.MetaSetMut("key", fmt.Sprint("key ", i))
			m.MetaSetMut("h_a", fmt.Sprint(i))
		}
		batch = append(batch, m)
	}
	tombstone := service.NewMessage(nil)
	tombstone.MetaSetMut("where", topic)
	tombstone.MetaSetMut("number", 0)
	tombstone.MetaSetMut("time", 1)
	tombstone.MetaSetMut(contract.KafkaTombstone, true)
	batch = append(batch, tombstone)
	if err := o.WriteBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Read(t, topic, 9) {
		got = append(got, fmt.Sprintf("%d %d %q %v %q %v", r.Timestamp.UnixMilli(), r.Partition, r.Key, r.Key == nil, r.Value, r.Headers))
		if r.Timestamp.UnixMilli() == 1 && r.Value != nil {
			t.Error("a tombstone has a value")
		}
	}
	want := []string{`1 0 "" true "" []`, `1700000000000 0 "" true "value 0" []`}
	for i := 1; i < 8; i++ {
		want = append(want, fmt.Sprintf("%d %d %q false %q %v", 1_700_000_000_000+i, i%4, fmt.Sprint("key ", i), fmt.Sprint("value ", i), []kgo.RecordHeader{{Key: "h_a", Value: fmt.Append(nil, i)}}))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("stored:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// If this fails, a key goes to another partition than with Java's producer or librdkafka,
// and consumers that join topics by partition find nothing.
func TestPartitionOfKey(t *testing.T) {
	java := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "key")
		n := rapid.IntRange(1, 1000).Draw(t, "partitions")
		if got, want := byKey(partitionMurmur2, key, n), java.Partition(&kgo.Record{Key: key}, n); int(got) != want {
			t.Fatalf("murmur2: %d, want %d", got, want)
		}
		if got, want := byKey(partitionCRC32, key, n), int64(crc32.ChecksumIEEE(key))%int64(n); int64(got) != want {
			t.Fatalf("crc32: %d, want %d", got, want)
		}
	})
}

// If this fails, a whole batch is not what was read, or anything else passes for one.
func TestOutputWholeBatches(t *testing.T) {
	c := testenv.FakeKafka(t)
	from, to := c.Topic(t, 2), c.Topic(t, 2)
	produceWith(t, c, from, kgo.ZstdCompression(), 1, 3, 500, 1)
	in := connected(t, c, from, "")
	o := outputOn(t, c, to, "message: record_batch\npartition: explicit\npartition_number: ${! @kafka_partition }\nrejected:\n  drop: {}")
	for range 3 {
		b := in.must()
		before := slices.Clone(b.bytes())
		if err := o.WriteBatch(t.Context(), append(b.messages, service.NewMessage([]byte("not a batch")))); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, b.bytes()) {
			t.Error("the bytes of the message are changed")
		}
		b.done(t)
	}
	want, got := c.Read(t, from, 504), c.Read(t, to, 504)
	for i, r := range got {
		if w := want[i]; string(r.Value) != string(w.Value) || r.Partition != 1 || r.Offset != w.Offset || r.Attrs.CompressionType() != w.Attrs.CompressionType() || !r.Timestamp.Equal(w.Timestamp) {
			t.Errorf("record %d is %+v, want %+v", i, r, w)
		}
	}
	if len(got) != 504 || got[100].Attrs.CompressionType() != uint8(recordbatch.Zstd) {
		t.Errorf("%d records, compressed with %d", len(got), got[100].Attrs.CompressionType())
	}
}

// If this fails, whole record batches of less than half of max_batch_bytes, such as
// compressed ones, all go to one partition.
func TestOutputSpreadsWholeBatches(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 4)
	o := outputOn(t, c, topic, "message: record_batch")
	var b recordbatch.Builder
	b.Begin(nil)
	b.Append(&recordbatch.Record{Timestamp: 1_700_000_000_000, Value: []byte("a value")})
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := o.WriteBatch(t.Context(), withValues(string(batch), string(batch))); err != nil {
			t.Fatal(err)
		}
	}
	stored := map[int32]int{}
	for _, r := range c.Read(t, topic, 8) {
		stored[r.Partition]++
	}
	for p := range int32(4) {
		if stored[p] != 2 {
			t.Errorf("partition %d has %d of 8 record batches", p, stored[p])
		}
	}
}

// refusing makes a Kafka refuse records by their value.
func refusing(c *testenv.Cluster, refuses func() bool) {
	c.Fake.ControlKey(0, func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		found := false
		for _, rt := range req.Topics {
			out := kmsg.NewProduceResponseTopic()
			out.Topic, out.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				a := kmsg.NewProduceResponseTopicPartition()
				a.Partition = rp.Partition
				reader, _ := recordbatch.NewReader(rp.Records)
				var rec recordbatch.Record
				for i := int32(0); reader.Next(&rec); i++ {
					if strings.HasPrefix(string(rec.Value), "bad") && refuses() {
						a.ErrorCode = kerr.InvalidRecord.Code
						a.ErrorRecords = append(a.ErrorRecords, kmsg.ProduceResponseTopicPartitionErrorRecord{RelativeOffset: i, ErrorMessage: kmsg.StringPtr("why")})
						found = true
					}
				}
				if a.ErrorCode == 0 {
					a.ErrorCode = kerr.NotEnoughReplicas.Code // with another partition: again
				}
				out.Partitions = append(out.Partitions, a)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp, nil, found
	})
}

// If this fails, a message that Kafka refuses is lost, or takes others along.
func TestOutputRejected(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	refusing(c, func() bool { return true })
	stream := service.NewStreamBuilder()
	if err := stream.SetYAML(fmt.Sprintf(`
logger: { level: "off" }
input:
  generate:
    count: 6
    interval: ""
    batch_size: 6
    mapping: 'root = if counter() %% 3 == 0 { "bad" } else { "good" }'
output:
  kafka_batches:
    seed_brokers: [ %q ]
    topic: %s
    message: record
    rejected:
      label: rejects
      processors:
        - mapping: 'root = "rejected: " + content().string() + " " + @refused_reason + " " + @refused_error'
      kafka_batches:
        seed_brokers: [ %q ]
        topic: %s_rejected
        message: record
`, c.Brokers[0], topic, c.Brokers[0], topic)); err != nil {
		t.Fatal(err)
	}
	c.CreateTopic(t, topic+"_rejected", 1, nil)
	s, err := stream.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	var good int
	for _, r := range c.Read(t, topic, 4) {
		if string(r.Value) == "good" {
			good++
		}
	}
	if good != 4 {
		t.Errorf("%d good records", good)
	}
	for _, r := range c.Read(t, topic+"_rejected", 2) {
		if !strings.Contains(string(r.Value), "INVALID_RECORD") || !strings.Contains(string(r.Value), "why") {
			t.Errorf("rejected: %q", r.Value)
		}
	}
}

// If this fails, a write that ends says nothing of records in doubt, or an unsent record is
// sent later.
func TestOutputEnds(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	o := outputOn(t, c, topic, "message: record")
	refusing(c, func() bool { return true })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	// Without `rejected`, a refused message waits.
	if err := o.WriteBatch(ctx, withValues("bad", "good")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	m := service.NewMessage([]byte("a batch"))
	m.MetaSetMut(contract.KafkaBatchRecords, 5)
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := o.WriteBatch(ctx, service.MessageBatch{m}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if got := c.Read(t, topic, 1); len(got) != 1 || string(got[0].Value) != "good" {
		t.Errorf("stored: %v", got)
	}
}

func TestOutputConfig(t *testing.T) {
	env := service.NewEnvironment()
	for _, test := range []struct{ yaml, wrong string }{
		{"message: record", ""},
		{"message: record\npartition: murmur2\nkey: a", ""},
		{"message: record_batch\npartition: explicit\npartition_number: 1", ""},
		{"message: record\ncompression: gzip\ncompression_level: 9", ""},
		{"message: record\npartition: explicit", wrongNoNumber},
		{"message: record\npartition_number: 3", wrongNumber},
		{"message: record_batch\nkey: a", wrongWhole},
		{"message: record_batch\ntimestamp_ms: 5", wrongWhole},
		{"message: record_batch\nmetadata:\n  include_prefixes: [ a ]", wrongWhole},
		{"message: record_batch\npartition: crc32", wrongWholeKey},
		{"message: record_batch\ncompression: lz4", wrongWholeCodec},
		{"message: record\npartition: crc32", wrongNoKey},
		{"message: record\nacks: none", ""},
		{"message: record\nacks: none\nrejected:\n  drop: {}", wrongUnheard},
		{"message: record_batch\nacks: none\nrejected:\n  drop: {}", wrongUnheard},
		{"message: record\nacks: leader\nrejected:\n  drop: {}", ""},
		{"message: record\ncompression_level: 1", compression.WrongLevel},
		{"message: record\ncompression: snappy\ncompression_level: 1", compression.WrongLevel},
		{"message: record\ncompression: gzip\ncompression_level: 10", compression.WrongHighest},
		{"message: record\ncompression: lz4\ncompression_level: 18", compression.WrongHighest},
		{"message: record\ncompression: zstd\ncompression_level: 22", ""},
		{"message: record\ncompression: zstd\ncompression_level: 0", "compression_level"},
		{"message: records", "message"},
		{"message: record\ntopic: a topic", "topic is \"a topic\": it must be an interpolation, or the name of a topic"},
		{"message: record\ntopic: ''", "topic is \"\": it must be"},
		{"message: record\ntopic: a topic ${! @kafka_topic }", ""},
		{"message: record\nacks: 1", "acks"},
		{"message: record\ncompression: brotli", "compression"},
		{"message: record\nmax_batch_bytes: 1GB", "max_batch_bytes"},
		{"message: record\nmax_in_flight: 0", "max_in_flight"},
		{"message: record\ntimeout: 1ms", "timeout"},
	} {
		yaml := "seed_brokers: [ localhost:9092 ]\n" + test.yaml
		if !strings.Contains(yaml, "topic:") {
			yaml += "\ntopic: t"
		}
		lints, err := env.NewComponentConfigLinter().LintOutputYAML([]byte("kafka_batches:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
		if err != nil {
			t.Errorf("%s: %v", test.yaml, err)
		}
		if fmt.Sprint(lints) == "[]" != (test.wrong == "") || !strings.Contains(fmt.Sprint(lints), test.wrong) {
			t.Errorf("%s: lint says %v, want %q", test.yaml, lints, test.wrong)
		}
		parsed, err := outputSpec().ParseYAML(yaml, nil)
		if err == nil {
			_, err = outputConfigFrom(parsed)
		}
		if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%s: the constructor says %v, want %q", test.yaml, err, test.wrong)
		}
	}
}

func TestOutputConnectionTest(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := "small"
	c.CreateTopic(t, topic, 1, map[string]string{"max.message.bytes": "5000"})
	for _, test := range []struct{ topic, extra, wrong string }{
		{topic, "max_batch_bytes: 4KB", ""},
		{topic, "max_batch_bytes: 1MB", "max.message.bytes"},
		{"missing", "", ""},
		{"missing", "allow_auto_topic_creation: false", "missing"},
		{`'${! "x" }'`, "", ""},
	} {
		o := outputOn(t, c, test.topic, "message: record\n"+test.extra)
		err := o.ConnectionTest(t.Context())[0].Err
		if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%s %s: %v", test.topic, test.extra, err)
		}
	}
}

// If this fails, a stream whose output `rejected` was never needed does not stop.
func TestOutputClosesAnUnusedRejected(t *testing.T) {
	c := testenv.FakeKafka(t)
	for _, connects := range []bool{false, true} {
		parsed, err := outputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\ntopic: t\nmessage: record\nrejected: { drop: {} }", c.Brokers[0]), nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := newOutput(parsed, service.MockResources())
		if err == nil && connects {
			err = o.Connect(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error)
		go func() { closed <- o.Close(context.Background()) }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("it does not close, connected %t", connects)
		}
	}
}
