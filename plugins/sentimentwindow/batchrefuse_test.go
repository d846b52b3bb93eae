package sentimentwindow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// resealed gives the CRC that belongs to the bytes of a batch, so that what is
// wrong with it is not the CRC.
func resealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// A message that is not one sound batch at a genuine place leaves whole, with
// its bytes and what to do about it, and nothing of it is counted: a count under
// a wrong offset, or of a half of a batch, would replace a right one.
func TestABatchThatIsNotSoundLeavesWhole(t *testing.T) {
	const now = 1_700_000_000_000
	good := func(base int64) *service.Message {
		return batchMessage(t, "tweets", 2, recordbatch.Header{BaseOffset: base, ProducerID: -1},
			recordAt(base, datum("SuperCoffee", tweet.Positive, now), now))
	}
	sound, err := good(6).AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(b []byte) []byte) *service.Message {
		m := good(6)
		m.SetBytes(change(bytes.Clone(sound)))
		return m
	}
	with := func(name string, value any) *service.Message {
		m := good(6)
		m.MetaSetMut(name, value)
		return m
	}
	without := func(name string) *service.Message {
		m := good(6)
		m.MetaDelete(name)
		return m
	}
	half := func() *service.Message {
		// Two good records, and the header says three.
		b, err := recordbatch.AppendBatch(nil, recordbatch.Header{BaseOffset: 6, LastOffsetDelta: 5, ProducerID: -1},
			recordAt(6, datum("SuperCoffee", tweet.Positive, now), now), recordAt(7, []byte("no tweet"), now))
		if err != nil {
			t.Fatal(err)
		}
		b[60] = 3
		return wrapBatch(t, "tweets", 2, resealed(b))
	}

	const lies = "the record batch of topic tweets, partition 2, offset 6: "
	for _, c := range []struct {
		name   string
		bad    *service.Message
		reason string
		want   []string // of the error
		offset any
	}{
		{"compressed, but not so", changed(func(b []byte) []byte { b[22] |= byte(recordbatch.Zstd); return resealed(b) }), contract.ReasonBatch, []string{lies, "zstd", wantUnchanged}, 6},
		{"unknown codec", changed(func(b []byte) []byte { b[22] |= 7; return resealed(b) }), contract.ReasonBatch, []string{lies, "codec 7"}, 6},
		{"larger than may be", batchMessage(t, "tweets", 2, recordbatch.Header{BaseOffset: 6, ProducerID: -1}, recordAt(6, make([]byte, 1<<20), now)), contract.ReasonBatch, []string{lies, "1048576 bytes", "raise `max_batch_bytes`"}, 6},
		{"control batch", changed(func(b []byte) []byte { b[22] |= recordbatch.AttrControl; return resealed(b) }), contract.ReasonBatch, []string{lies, "control batch", "skip it"}, 6},
		{"trailing byte", changed(func(b []byte) []byte { return append(b, 0) }), contract.ReasonBatch, []string{lies, "1 bytes follow", wantUnchanged}, 6},
		{"two batches", changed(func(b []byte) []byte { return append(b, b...) }), contract.ReasonBatch, []string{lies, "bytes follow"}, 6},
		{"cut off", changed(func(b []byte) []byte { return b[:len(b)-1] }), contract.ReasonBatch, []string{lies, "truncated"}, 6},
		{"cut off in the header", changed(func(b []byte) []byte { return b[:40] }), contract.ReasonBatch, []string{lies, "truncated"}, 6},
		{"no bytes", changed(func([]byte) []byte { return nil }), contract.ReasonBatch, []string{lies, "truncated"}, 6},
		{"a bit has flipped", changed(func(b []byte) []byte { b[len(b)-3] ^= 1; return b }), contract.ReasonBatch, []string{lies, "CRC-32C"}, 6},
		{"a record, not a batch", changed(func([]byte) []byte { return datum("SuperCoffee", tweet.Positive, now) }), contract.ReasonBatch, []string{lies, "magic"}, 6},
		{"fewer records than it says", half(), contract.ReasonBatch, []string{lies, "record", wantUnchanged}, 6},
		{"byte behind the last record", changed(func(b []byte) []byte {
			b = append(b, 0)
			binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
			return resealed(b)
		}), contract.ReasonBatch, []string{lies, "follow the last record"}, 6},
		{"offset of another batch", with(contract.KafkaOffset, 7), contract.ReasonOrigin, []string{"offset 7: ", "kafka_offset is 7, but its bytes say 6", wantUnchanged}, 7},
		{"bytes of another batch", changed(func(b []byte) []byte { b[7] = 5; return b }), contract.ReasonOrigin, []string{lies, "kafka_offset is 6, but its bytes say 5"}, 6},
		{"another last offset", with(contract.KafkaLastOffset, 7), contract.ReasonOrigin, []string{lies, "kafka_last_offset is 7, but its bytes say 6"}, 6},
		{"another count", with(contract.KafkaBatchRecords, 2), contract.ReasonOrigin, []string{lies, "kafka_batch_records is 2, but its bytes say 1"}, 6},
		{"offset from a header", with(contract.KafkaOffset, "6"), contract.ReasonOrigin, []string{"partition 2, offset unknown", "kafka_offset", "string"}, nil},
		{"offset from a mapping", with(contract.KafkaOffset, int64(6)), contract.ReasonOrigin, []string{"kafka_offset", "6 (an integer)"}, nil},
		{"last offset from a mapping", with(contract.KafkaLastOffset, int64(6)), contract.ReasonOrigin, []string{lies, "kafka_last_offset", "6 (an integer)"}, 6},
		{"count from a header", with(contract.KafkaBatchRecords, "1"), contract.ReasonOrigin, []string{lies, "kafka_batch_records", "string"}, 6},
		{"partition from a header", with(contract.KafkaPartition, "2"), contract.ReasonOrigin, []string{"partition unknown", "kafka_partition"}, 6},
		{"partition beyond Kafka's", with(contract.KafkaPartition, 1<<32), contract.ReasonOrigin, []string{"partition unknown", "kafka_partition", "4294967296"}, 6},
		{"id of the topic from a header", with(contract.KafkaTopicID, "0123456789abcdef"), contract.ReasonOrigin, []string{lies, "kafka_topic_id", "string"}, 6},
		{"no topic", without(contract.KafkaTopic), contract.ReasonOrigin, []string{"topic unknown", "kafka_topic is missing"}, 6},
		{"message of a stock input", without(contract.KafkaLastOffset), contract.ReasonOrigin, []string{lies, "kafka_last_offset", "message: record"}, 6},
		{"message from elsewhere", service.NewMessage(sound), contract.ReasonOrigin, []string{"does not come from Kafka", "message: record"}, nil},
		{"partition without room", with(contract.KafkaPartition, 64), contract.ReasonOrigin, []string{"beyond max_partitions, 64"}, 6},
		{"second topic", with(contract.KafkaTopic, "other"), contract.ReasonOrigin, []string{"topic other", "already counts topic tweets"}, 6},
		{"failed before", func() *service.Message {
			m := good(6)
			m.SetError(errors.New("no such field"))
			return m
		}(), contract.ReasonFailedBefore, []string{lies, "no such field"}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := c.bad.AsBytes()
			if err != nil {
				t.Fatal(err)
			}
			for _, emit := range []string{emitWindows, emitTweets} {
				points, refused := process(t, testProcessor(t, batches+"max_batch_bytes: 1MiB\nemit: "+emit), good(5), c.bad.Copy(), good(8))
				want, _ := process(t, testProcessor(t, batches+"max_batch_bytes: 1MiB\nemit: "+emit), good(5), good(8))
				if !slices.Equal(lines(t, points), lines(t, want)) {
					t.Errorf("emit: %s: the sound batches become %q, want %q", emit, lines(t, points), lines(t, want))
				}
				if len(refused) != 1 {
					t.Fatalf("%d messages are refused, want 1", len(refused))
				}
				m := refused[0]
				if after, _ := m.AsBytes(); !bytes.Equal(after, before) {
					t.Errorf("its bytes are %q, were %q", after, before)
				}
				for _, want := range c.want {
					if !strings.Contains(m.GetError().Error(), want) {
						t.Errorf("error %q does not say %q", m.GetError(), want)
					}
				}
				if got, _ := m.MetaGet(contract.DeadReason); got != c.reason {
					t.Errorf("reason is %q, want %q", got, c.reason)
				}
				if got, _ := m.MetaGetMut(contract.DeadOffset); got != c.offset {
					t.Errorf("metadata %s is %v, want %v", contract.DeadOffset, got, c.offset)
				}
			}
		})
	}
}

// With identity: source the topic's id is in the series: without it nothing is
// counted, and with it topics and partitions share what they like.
func TestIdentitySourceOfRecordBatches(t *testing.T) {
	p := testProcessor(t, batches+"identity: source")
	of := func(topic string, partition int, id any) *service.Message {
		m := batchMessage(t, topic, partition, recordbatch.Header{BaseOffset: 1_000_000_007, ProducerID: -1},
			recordAt(1_000_000_007, datum("SuperCoffee", tweet.Positive, 1_700_000_000_000), 1_700_000_000_000))
		m.MetaDelete(contract.KafkaTopicID)
		if id != nil {
			m.MetaSetMut(contract.KafkaTopicID, id)
		}
		return m
	}
	points, refused := process(t, p,
		of("tweets", 500, [16]byte{0xff}), of("other", 500, [16]byte{1}), of("tweets", 500, nil), of("tweets", 500, [16]byte{}))
	want := []string{
		"tweets,brand=SuperCoffee,sentiment=positive,src=74AAAA-500 count=1i 1700000000000000007",
		"brandpulse_batches,src=74AAAA-500,topic=tweets partition=500i,base=1000000007i,last=1000000007i,records=1i,counted=1i,undecodable=0i,filtered=0i 1700000001000000007",
		"tweets,brand=SuperCoffee,sentiment=positive,src=AEAAAA-500 count=1i 1700000000000000007",
		"brandpulse_batches,src=AEAAAA-500,topic=other partition=500i,base=1000000007i,last=1000000007i,records=1i,counted=1i,undecodable=0i,filtered=0i 1700000001000000007",
	}
	if got := lines(t, points); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(refused) != 2 {
		t.Fatalf("%d messages are refused, want the one without an id and the one with Kafka's \"no id\"", len(refused))
	}
	for _, m := range refused {
		if !strings.Contains(m.GetError().Error(), "identity: timestamp") {
			t.Errorf("error %q does not say the way out", m.GetError())
		}
	}
}

// The tag src has 30 bits of a topic's id. Where two topics share them, coverage
// points still tell which batch is whose.
func TestCoveragePointsOfTopicsWithOneSource(t *testing.T) {
	p := testProcessor(t, batches+"identity: source")
	var batch service.MessageBatch
	for i, topic := range []string{"one", "two", "one"} {
		m := batchMessage(t, topic, 0, recordbatch.Header{BaseOffset: int64(i), ProducerID: -1}, recordAt(int64(i), datum("Tea", tweet.Positive, 0), 0))
		m.MetaSetMut(contract.KafkaTopicID, [16]byte{0xff, 15: byte(len(topic)) + topic[0]})
		batch = append(batch, m)
	}
	points, _ := process(t, p, batch...)
	var got []string
	for _, line := range lines(t, points) {
		if series, _, _ := strings.Cut(line, " "); strings.HasPrefix(series, defaultCoverage) {
			got = append(got, series)
		}
	}
	want := []string{defaultCoverage + ",src=74AAAA-0,topic=one", defaultCoverage + ",src=74AAAA-0,topic=two", defaultCoverage + ",src=74AAAA-0,topic=one"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A topic is a tag: a name that line protocol cannot carry refuses its batch.
func TestTopicThatCannotBeATag(t *testing.T) {
	p := testProcessor(t, batches)
	m := batchMessage(t, "a\nb", 0, recordbatch.Header{ProducerID: -1}, recordAt(0, datum("Tea", tweet.Positive, 0), 0))
	points, refused := process(t, p, m)
	if len(points) != 0 || len(refused) != 1 || !strings.Contains(refused[0].GetError().Error(), `topic "a\nb"`) {
		t.Errorf("%d messages of points, refused %v", len(points), refused)
	}
}

// A small batch can hold more records that are no tweets than there is memory
// for as messages. Then it leaves once, and what can be counted is.
func TestABatchFullOfBrokenRecordsIsOneMessage(t *testing.T) {
	const now = 1_700_000_000_000
	records := make([]recordbatch.Record, maxDeadRecords+2)
	for i := range records {
		records[i] = recordbatch.Record{Offset: int64(i), Timestamp: now}
	}
	records[1].Value = datum("SuperCoffee", tweet.Positive, now)
	m := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, records...)
	sound, err := m.AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	points, refused := process(t, testProcessor(t, batches), m)
	want := []string{
		"tweets,brand=SuperCoffee,sentiment=positive count=1i 1700000000000000000",
		"brandpulse_batches,topic=tweets partition=0i,base=0i,last=8193i,records=8194i,counted=1i,undecodable=8193i,filtered=0i 1700000000000000000",
	}
	if got := lines(t, points); !slices.Equal(got, want) {
		t.Errorf("points %q, want %q", got, want)
	}
	if len(refused) != 1 {
		t.Fatalf("%d messages are refused, want 1", len(refused))
	}
	if b, _ := refused[0].AsBytes(); !bytes.Equal(b, sound) {
		t.Error("its bytes are not those of the batch")
	}
	for key, want := range map[string]any{contract.DeadReason: contract.ReasonUndecodable, contract.DeadOffset: 0, contract.DeadLastOffset: 8193} {
		if got, _ := refused[0].MetaGetMut(key); got != want {
			t.Errorf("metadata %s is %v, want %v", key, got, want)
		}
	}
	if got := refused[0].GetError().Error(); !strings.Contains(got, "8193 of its 8194 records cannot be counted, the first at offset 0") {
		t.Errorf("error %q", got)
	}
}
