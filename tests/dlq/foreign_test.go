package dlq_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a letter of another program is not replayed to the partition of its
// record with its key, headers and time, or with headers of its writer, or one whose topic
// does not exist ends the replay of the others.
func TestLettersOfOtherProgramsAreReplayed(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 3), c.Topic(t, 1)
	own := headers("user", "1", "user", "2")
	forms := map[string][]kgo.RecordHeader{
		"spring": spring(topic, 2, 5), "spring_retry": springRetry(topic, 2, 6), "spring_cloud": springCloud(topic, 2, 7),
		"kafka_connect": connect(topic, 2, 8), "kafka_streams": streams(topic, 2, 9),
		"mapping": headers("from", topic, "at", "2/10"), "absent": spring("no-topic-of-this-name", 2, 11), "internal": spring("__consumer_offsets", 2, 12),
		"partition": spring(topic, 99, 13), // that the topic does not have: the key decides
	}
	names := []string{"absent", "internal", "kafka_connect", "kafka_streams", "mapping", "partition", "spring", "spring_cloud", "spring_retry"}
	for i, name := range names {
		l := letter(dead, i, "of "+name, append(slices.Clone(own), forms[name]...))
		l.Key = []byte("key")
		c.Produce(t, l)
	}
	out := dlq(t, c, 0, "replay", "--dead-topic", dead, "--yes")
	for _, says := range []string{
		"6 letters of " + dead + " to replay, to " + topic + ".", "2 letters not replayed: the topic of its record does not exist, or this user may not see it.\n  Letter 0:0: no-topic-of-this-name",
		"1 letter not replayed: the topic of its record is not known.", "6 letters settled",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	origin := `root.topic = @from
let at = @at.split("/")
root.partition = $at.index(0)
root.offset = $at.index(1)`
	if out := dlq(t, c, 0, "replay", "--dead-topic", dead, "--yes", "--topic", topic, "--origin", origin); !strings.Contains(out, "1 letter settled") {
		t.Errorf("with --origin it says\n%s", out)
	}
	byKey := kgo.StickyKeyPartitioner(nil).ForTopic(topic).Partition(&kgo.Record{Key: []byte("key")}, 3)
	var got []string
	for _, r := range c.Read(t, topic, 7) {
		name := strings.TrimPrefix(string(r.Value), "of ")
		partition, at, want := int32(2), begin.Add(time.Duration(slices.Index(names, name))*time.Second), append(slices.Clone(own), headers("dlq_replays", "1")...)
		switch name {
		case "spring", "spring_retry":
			at = time.UnixMilli(1_767_225_600_000)
		case "partition":
			partition, at = int32(byKey), time.UnixMilli(1_767_225_600_000)
		case "spring_cloud":
			at = r.Timestamp // the letter does not say it
		case "mapping": // which headers are the writer's is not known
			want = slices.Concat(own, forms[name], headers("dlq_replays", "1"))
		}
		if r.Partition != partition || string(r.Key) != "key" || !r.Timestamp.Equal(at) || !slices.EqualFunc(r.Headers, want, sameHeader) {
			t.Errorf("%s is replayed to partition %d with the key %q, the time %s and %v", name, r.Partition, r.Key, r.Timestamp, r.Headers)
		}
		got = append(got, name)
	}
	slices.Sort(got)
	if want := names[2:]; !slices.Equal(got, want) {
		t.Errorf("replayed are %q, not %q", got, want)
	}
	if l := list(t, c, "--dead-topic", dead, "--by", "topic", "--origin", origin); l.Letters != 2 {
		t.Errorf("listed are %+v", l)
	}
}
