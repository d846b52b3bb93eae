package dlq_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

type group struct {
	Reason, Topic, Form, Time string
	Partition                 *int32
	Letters                   int64
	First, Last, Example      string
}

type listing struct {
	Topic   string
	Letters int64
	Groups  []group
}

func list(t *testing.T, c *testenv.Cluster, args ...string) (l listing) {
	t.Helper()
	out := dlq(t, c, 0, append([]string{"list", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return l
}

// If this fails, letters of some writer are missing from the list, counted with those
// of another reason or topic, or not found by the flags; or letters of a transaction
// that was aborted are counted.
func TestListOfAllForms(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	dead := c.Topic(t, 2)
	c.Produce(t,
		letter(dead, 0, "a", ours("undecodable", "tweets", 3, 7)),
		letter(dead, 60, "b", ours("undecodable", "tweets", 4, 8)),
		letter(dead, 3600, "c", ours("rejected", "tweets", 3, 9)),
		letter(dead, 10, "d", spring("orders", 1, 55)),
		letter(dead, 11, "e", springCloud("orders", 1, 56)),
		letter(dead, 12, "f", connect("payments", 0, 1)),
		letter(dead, 13, "g", streams("payments", 0, 2)),
		letter(dead, 14, "h", nil),
	)
	writer := c.Client(t, kgo.TransactionalID(dead))
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := writer.ProduceSync(t.Context(), letter(dead, 15, "aborted", ours("undecodable", "tweets", 3, 100))).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := writer.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}

	short := func(l listing) (lines []string) {
		for _, g := range l.Groups {
			line := fmt.Sprintf("%d %s %s %s %s", g.Letters, g.Reason, g.Topic, g.Form, g.Time)
			if g.Partition != nil {
				line += fmt.Sprint(" p", *g.Partition)
			}
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		return lines
	}
	for _, test := range []struct {
		args string
		want []string
	}{
		{"", []string{"2 undecodable tweets", "1", "1 java.io.IOException orders", "1 java.lang.IllegalStateException orders", "1 java.lang.NullPointerException payments", "1 org.apache.kafka.connect.errors.DataException payments", "1 rejected tweets"}},
		{"--by topic", []string{"3 tweets", "2 orders", "2 payments", "1"}},
		{"--by form", []string{"3 brandpulse", "1 kafka_connect", "1 kafka_streams", "1 spring", "1 spring_cloud", "1 unknown"}},
		{"--by partition --topic tweets", []string{"2 p3", "1 p4"}},
		{"--by hour --topic tweets", []string{"2 2026-01-01T00:00:00.000Z", "1 2026-01-01T01:00:00.000Z"}},
		{"--by reason --since 2026-01-01T00:01:00Z", []string{"1 rejected", "1 undecodable"}},
		{"--by reason --until 2026-01-01T00:00:01Z", []string{"1 undecodable"}},
		{"--by reason --partition 3 --topic tweets --offset 8-9", []string{"1 rejected"}},
		{"--by topic --reason rejected --reason java.io.IOException", []string{"1 orders", "1 tweets"}},
		{"--topic nowhere", nil},
	} {
		got := short(list(t, c, append([]string{"--dead-topic", dead}, strings.Fields(test.args)...)...))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.args, diff)
		}
	}
	mapped := list(t, c, "--dead-topic", dead, "--by", "form,topic", "--topic", "mine", "--origin", `root.topic = if content().string() == "h" { "mine" }`)
	if diff := cmp.Diff([]string{"1 mine mapping"}, short(mapped)); diff != "" {
		t.Errorf("--origin: %s", diff)
	}
	first := list(t, c, "--dead-topic", dead, "--reason", "undecodable").Groups[0]
	if first.First != "2026-01-01T00:00:00.000Z" || first.Last != "2026-01-01T00:01:00.000Z" {
		t.Errorf("from %s to %s", first.First, first.Last)
	}
	if shown := dlq(t, c, 0, "show", "--dead-topic", dead, first.Example); !strings.Contains(shown, "topic tweets, partition 4, offset 8") {
		t.Errorf("the example of a group is not its last letter:\n%s", shown)
	}

	text := dlq(t, c, 0, "list", "--dead-topic", dead)
	for _, want := range []string{"undecodable", "unknown", "2026-01-01 00:01:00", "8 letters in all", "dlq show PARTITION:OFFSET"} {
		if !strings.Contains(text, want) {
			t.Errorf("the list does not contain %q:\n%s", want, text)
		}
	}
	if text := dlq(t, c, 0, "list", "--dead-topic", dead, "--topic", "nowhere"); !strings.Contains(text, "No letters") {
		t.Errorf("without letters: %s", text)
	}
}

// If this fails, a topic of many letters takes so long to list that nobody does it.
func TestAHundredThousandLettersAreListedInTwoSeconds(t *testing.T) {
	c := testenv.Kafka(t)
	dead := c.Topic(t, 3)
	var records []*kgo.Record
	for i := range 100_000 {
		records = append(records, letter(dead, i/100, strings.Repeat("x", 120), ours([]string{"undecodable", "unstorable", "rejected"}[i%3], "tweets", int32(i%7), int64(i))))
	}
	c.Produce(t, records...)
	took := time.Hour
	for range 5 { // tests of other packages run meanwhile: the fastest counts
		begun := time.Now()
		l := list(t, c, "--dead-topic", dead, "--by", "reason,partition")
		took = min(took, time.Since(begun))
		if l.Letters != 100_000 || len(l.Groups) != 21 {
			t.Fatalf("%d letters in %d groups", l.Letters, len(l.Groups))
		}
		if took < time.Second {
			break
		}
	}
	t.Logf("100,000 letters: %s", took.Round(time.Millisecond))
	if took > 2*time.Second {
		t.Errorf("it takes %s", took)
	}
}

// If this fails, a mistake ends without a word of what to do.
func TestMistakes(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	dead := c.Topic(t, 1)
	for _, test := range []struct{ args, says string }{
		{"list --dead-topic dlq-nowhere", "the topic dlq-nowhere does not exist"},
		{"list --dead-topic a/b", `"a/b" is not the name of a topic`},
		{"list --by brand", `"brand" is not a property to group letters by, which are reason, topic, partition, form, minute, hour, day`},
		{"list --by hour,day", "not by several"},
		{"list --offset 5", "--offset needs --partition"},
		{"list --partition x", `--partition is "x"`},
		{"list --partition 1 --offset 9-5", "it ends before it begins"},
		{"list --since yesterday", `--since: "yesterday" is neither a time`},
		{"list extra", `dlq list takes no arguments`},
		{"list --origin root=nope(", "parsing the mapping of --origin"},
		{"list --pipeline nope.yaml", "reading nope.yaml: no such file"},
		{"replay --json", "flag provided but not defined: -json"},
		{"replay extra", "dlq replay takes no arguments"},
		{"replay --max -1", "--max is -1"},
		{"drop --reason x", "dlq drop needs the reason"},
		{"drop --why x --rate -5", "--rate is -5"},
		{"show 5", `"5" is not the position of a letter, PARTITION:OFFSET such as 0:1207`},
		{"show 0:1 0:2", "one letter"},
		{"show 0:99 --dead-topic " + dead, "has no letter at 0:99"},
		{"show 7:0 --dead-topic " + dead, "has no letter at 7:0"},
		{"show --dead-topic " + dead, "has no letter that the flags select"},
		{"show 0:1 --encoding xml", `--encoding is "xml"`},
		{"show 0:1 --bytes -1", "--bytes is -1"},
		{"show --schema nope.avsc 0:0 --dead-topic " + dead, "has no letter"},
	} {
		if out := dlq(t, c, 1, strings.Fields(test.args)...); !strings.Contains(out, test.says) {
			t.Errorf("%s: does not say %q:\n%s", test.args, test.says, out)
		}
	}
}
