package deadview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func open(t *testing.T, c *testenv.Cluster, topic string) *View {
	t.Helper()
	v, err := New(Source{Kafka: c.Brokers, Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	v.fresh, v.timeout = 300*time.Millisecond, 2*time.Second
	return v
}

// letter is a record as the pipelines write it, sent a number of seconds after 2026 began.
func letter(topic string, partition int32, second int, reason, value string, more ...kgo.RecordHeader) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: partition, Value: []byte(value),
		Timestamp: time.Unix(1767225600+int64(second), 0),
		Headers:   append([]kgo.RecordHeader{{Key: "dead_reason", Value: []byte(reason)}}, more...),
	}
}

func produce(t *testing.T, c *testenv.Cluster, records ...*kgo.Record) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func values(u Update) (values []string) {
	for _, l := range u.Letters {
		values = append(values, l.Excerpt)
	}
	return values
}

// What would break: other letters than the newest, or reasons counted wrongly.
func TestTheNewestOfAllPartitions(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 3)
	var records []*kgo.Record
	for i := range 30 {
		records = append(records, letter(topic, int32(i%3), i, []string{"undecodable", "rejected", "undecodable"}[i%3], fmt.Sprint("value ", i)))
	}
	produce(t, c, records...)
	v := open(t, c, topic)
	u := v.Newest(t.Context(), 5)
	if diff := cmp.Diff([]string{"value 29", "value 28", "value 27", "value 26", "value 25"}, values(u)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Reason{{"undecodable", 3}, {"rejected", 2}}, u.Reasons); diff != "" {
		t.Error(diff)
	}
	if u.Total != 30 || u.Problem != nil || u.Note != "" || u.Read == 0 {
		t.Errorf("total %d, problem %v, note %q, read %d", u.Total, u.Problem, u.Note, u.Read)
	}
	// More than before, from the same letters, and a newer one after a while.
	if got := len(v.Newest(t.Context(), 200).Letters); got != 30 {
		t.Errorf("%d letters, want 30", got)
	}
	produce(t, c, letter(topic, 1, 99, "rejected", "newer"))
	time.Sleep(v.fresh)
	if got := values(v.Newest(t.Context(), 1)); len(got) != 1 || got[0] != "newer" {
		t.Errorf("the newest is %q", got)
	}
}

// What would break: a header that the pipelines do not write is shown, which may be
// a secret of the producer, or an excerpt has no limit.
func TestWhatIsShownOfALetter(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	produce(t, c,
		letter(topic, 0, 4, "undecodable", "<b>text</b>\n", header("dead_error", "bad\xff byte"), header("dead_topic", "tweets"), header("dead_partition", "7"),
			header("dead_offset", "123"), header("dead_last_offset", "130"), header("dead_cut_from", "2000000"), header("authorization", "Bearer secret")),
		letter(topic, 0, 3, strings.Repeat("r", 5000), strings.Repeat("é", 5000), header("dead_topic", "tweets"), header("dead_after_offset", "41")),
		letter(topic, 0, 2, "binary", "\x00\x01"+strings.Repeat("a", 5000)),
		letter(topic, 0, 1, "empty", ""),
	)
	u := open(t, c, topic).Newest(t.Context(), 10)
	want := []Letter{
		{Offset: 0, Time: 1767225604000, Reason: "undecodable", Error: "bad\uFFFD byte", Topic: "tweets", From: "7", FromOffset: "123", LastOffset: "130", CutFrom: "2000000", Bytes: 12, Excerpt: "<b>text</b>\n", Shown: 12},
		{Offset: 1, Time: 1767225603000, Reason: strings.Repeat("r", 1000) + "…", Topic: "tweets", After: "41", Bytes: 10000, Excerpt: strings.Repeat("é", 1000), Shown: 2000},
		{Offset: 2, Time: 1767225602000, Reason: "binary", Bytes: 5002, Hex: true, Shown: 256},
		{Offset: 3, Time: 1767225601000, Reason: "empty"},
	}
	for i := range u.Letters {
		if u.Letters[i].Hex {
			if first, _, _ := strings.Cut(u.Letters[i].Excerpt, "\n"); first != "00000000  00 01 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |..aaaaaaaaaaaaaa|" || len(u.Letters[i].Excerpt) > 1300 {
				t.Errorf("the dump is %q", u.Letters[i].Excerpt)
			}
			u.Letters[i].Excerpt = ""
		}
	}
	if diff := cmp.Diff(want, u.Letters); diff != "" {
		t.Error(diff)
	}
}

// What would break: letters of a megabyte take all memory, or hide the newest.
func TestLargeLettersAreBounded(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	value := string(bytes.Repeat([]byte("0123456789abcdef"), 60_000)) // compresses well
	var records []*kgo.Record
	for i := range 40 {
		records = append(records, letter(topic, 0, i, fmt.Sprint(i), value))
	}
	for _, r := range records {
		produce(t, c, r)
	}
	u := open(t, c, topic).Newest(t.Context(), 50)
	if len(u.Letters) != 12 || u.Letters[0].Reason != "39" || u.Letters[11].Reason != "28" {
		t.Errorf("%d letters, the newest %q", len(u.Letters), u.Letters[0].Reason)
	}
	if !strings.Contains(u.Note, "newest 12") || u.Problem != nil {
		t.Errorf("the note is %q, the problem %v", u.Note, u.Problem)
	}
}

// What would break: a batch that grows to a thousand times its size takes the memory
// of the dashboard, or hides the letters behind it.
func TestABombIsSkipped(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, letter(topic, 0, 1, "r", "before"))
	var bomb []*kgo.Record
	for i := range 9 {
		bomb = append(bomb, letter(topic, 0, 2+i, "bomb", strings.Repeat("\x00", 2<<20)))
	}
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(64<<20), kgo.MaxBufferedBytes(1<<30),
		kgo.ProducerLinger(time.Second), kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.BrokerMaxWriteBytes(1<<30))
	if err := client.ProduceSync(t.Context(), bomb...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	produce(t, c, letter(topic, 0, 20, "r", "after"))
	u := open(t, c, topic).Newest(t.Context(), 50)
	if diff := cmp.Diff([]string{"after", "before"}, values(u)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(u.Note, "offset 1 of partition 0") || u.Problem != nil {
		t.Errorf("the note is %q, the problem %v", u.Note, u.Problem)
	}
}

// What would break: nobody sees that the letters are old, or since when.
func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	none, err := New(Source{Topic: "dead"})
	if err != nil {
		t.Fatal(err)
	}
	if p := none.Newest(t.Context(), 5).Problem; p == nil || p.Kind != Off {
		t.Errorf("without brokers: %v", p)
	}
	c := testenv.FakeKafka(t)
	if p := open(t, c, "nowhere").Newest(t.Context(), 5).Problem; p == nil || p.Kind != Missing || p.Since == 0 || !strings.Contains(p.Message, "nowhere") {
		t.Errorf("without a topic: %v", p)
	}
	topic := c.Topic(t, 1)
	v := open(t, c, topic)
	if u := v.Newest(t.Context(), 5); u.Problem != nil || len(u.Letters) != 0 || u.Total != 0 {
		t.Errorf("an empty topic: %+v", u)
	}
	produce(t, c, letter(topic, 0, 1, "r", "kept"))
	time.Sleep(v.fresh)
	v.Newest(t.Context(), 5)
	c.Fake.Close()
	begin := time.Now()
	var since int64
	for range 2 {
		time.Sleep(v.fresh)
		u := v.Newest(t.Context(), 5)
		if u.Problem == nil || u.Problem.Kind != Unreachable || u.Problem.Since < begin.Unix() {
			t.Fatalf("Kafka is down: %v", u.Problem)
		}
		if since != 0 && u.Problem.Since != since {
			t.Errorf("since %d, then since %d", since, u.Problem.Since)
		}
		since = u.Problem.Since
		if diff := cmp.Diff([]string{"kept"}, values(u)); diff != "" {
			t.Error(diff)
		}
	}
	if took := time.Since(begin); took > 2*(v.fresh+v.timeout)+time.Second {
		t.Errorf("two readings took %s", took)
	}
}

// What would break: looking joins a group or commits, and so changes who reads what,
// or each of many viewers reads for itself.
func TestReadingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, letter(topic, 0, 1, "r", "value"))
	keys := make(chan int16, 10_000)
	c.Fake.Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		keys <- r.Key()
		return nil, nil, false
	})
	v := open(t, c, topic)
	for range 50 {
		v.Newest(t.Context(), 5)
	}
	c.Fake.Close()
	close(keys)
	fetches, offsets := 0, 0
	for key := range keys {
		switch name := kmsg.NameForKey(key); name {
		case "Fetch":
			fetches++
		case "ListOffsets":
			offsets++
		case "ApiVersions", "Metadata":
		default:
			t.Errorf("the dashboard sends %s", name)
		}
	}
	if fetches == 0 || fetches > 4 || offsets > 6 {
		t.Errorf("%d fetches and %d requests for offsets for 50 looks", fetches, offsets)
	}
}

// What would break: a viewer who leaves ends the reading of all others.
func TestAViewerWhoLeaves(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, letter(topic, 0, 1, "r", "value"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := open(t, c, topic)
	v.Newest(ctx, 5)
	if u := v.Newest(t.Context(), 5); u.Problem != nil && u.Problem.Kind == Unreachable {
		t.Errorf("after a viewer has left: %+v", u.Problem)
	}
}

// What would break: after a reading of many letters has failed, the page shows the few
// of an earlier one until the next dead letter comes.
func TestMoreLettersAfterAFailure(t *testing.T) {
	t.Parallel()
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	for i := range 5 {
		produce(t, c, letter(topic, 0, i, "r", fmt.Sprint(i)))
	}
	v := open(t, c, topic)
	if got := len(v.Newest(t.Context(), 2).Letters); got != 2 {
		t.Fatalf("%d letters, want 2", got)
	}
	var down atomic.Bool
	down.Store(true)
	c.Fake.ControlKey(kmsg.Fetch.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		return nil, errors.New("down"), down.Load()
	})
	if u := v.Newest(t.Context(), 5); u.Problem == nil || len(u.Letters) != 2 {
		t.Fatalf("%d letters while Kafka is down, problem %v", len(u.Letters), u.Problem)
	}
	down.Store(false)
	time.Sleep(v.fresh)
	if u := v.Newest(t.Context(), 5); u.Problem != nil || len(u.Letters) != 5 {
		t.Errorf("%d letters, want 5; problem %v", len(u.Letters), u.Problem)
	}
}
