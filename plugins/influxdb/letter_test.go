package influxdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// letterSize is what a letter takes as a record of Kafka, each of its headers with
// the bytes that frame it.
func letterSize(m *service.Message) (size int) {
	content, _ := m.AsBytes()
	size = len(content)
	_ = m.MetaWalk(func(name, value string) error {
		size += len(name) + len(value)
		return nil
	})
	return size
}

// TestLetterIsBounded breaks if any message of 1 MiB, headers included, can make a
// letter that Kafka's default limits do not let through, a reason or a log line of
// any length, or lose the place that it came from.
func TestLetterIsBounded(t *testing.T) {
	const record = 1 << 20
	long := func(most int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			piece := rapid.SampledFrom([]string{"x", "\x00", "\u202e", "é", "\xff", "\n", `"`, `\`, ` `, "😀", "': "}).Draw(t, "piece")
			return strings.Repeat(piece, rapid.SampledFrom([]int{0, 1, 100, 5000, most}).Draw(t, "length")/len(piece))
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		conf := testConfig()
		conf.rejected = true
		conf.letterBytes = rapid.SampledFrom([]int{letter.MinBytes, 1_000_000}).Draw(t, "rejected_max_bytes")
		left := record
		take := func(s string) string {
			s = letter.Cut(s, max(left, 0))
			left -= len(s)
			return s
		}
		m := service.NewMessage(nil)
		m.MetaSetMut("kafka_topic", "tweets")
		m.MetaSetMut("kafka_partition", 3)
		m.MetaSetMut("kafka_offset", 1723)
		for i := range rapid.IntRange(0, 30).Draw(t, "headers") {
			m.MetaSetMut(take(fmt.Sprint(i)+long(record).Draw(t, "name")), take(long(record).Draw(t, "value")))
		}
		text := long(record).Draw(t, "text")
		m.SetBytes([]byte(take(rapid.SampledFrom([]string{
			text,
			"m,t=a s=\"" + text + "\" 1",
			"m" + text + ",t=a f=1i 1",
			"m,t" + text + "=a f=1i 1",
			"m,t=" + text + " f=1i 1",
			"m f" + text + "=1i 1",
			"m f=1i " + text,
			`{"measurement":"` + text + `","fields":{"f":1},"timestamp":1}`,
			`{"` + text + `":1}`,
		}).Draw(t, "content"))))
		answer := take(long(record).Draw(t, "what InfluxDB says"))
		fake := influxfake.New(influxfake.Options{Fault: func(n int, lines []string) influxfake.Fault {
			if n < 0 {
				return influxfake.Fault{}
			}
			return influxfake.Fault{Status: 400, Body: errorBody("unable to parse '" + strings.Join(lines, "") + "': " + answer)}
		}})
		rejected := &bin{fail: func(service.MessageBatch) error { return nil }}
		first := true
		rejected.fail = func(service.MessageBatch) error {
			if first {
				first = false
				return errors.New("this record is refused: " + text)
			}
			return nil
		}
		log := &logBuffer{}
		o := newLoggedOutput(conf, fake, rejected, log)
		if err := o.WriteBatch(context.Background(), service.MessageBatch{m}); err != nil {
			t.Fatal(err)
		}
		if err := o.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, rejected := range rejected.messages {
			if size := letterSize(rejected); size > conf.letterBytes {
				t.Fatalf("a letter of %d bytes", size)
			}
			reason, _ := rejected.MetaGet(contract.InfluxDBReason)
			if reason == "" || len(reason) > letter.MaxText+16 || !utf8.ValidString(reason) || strings.ContainsAny(reason, "\n\x00\u202e") {
				t.Fatalf("reason of %d bytes: %.100q", len(reason), reason)
			}
			if offset, _ := rejected.MetaGetMut("kafka_offset"); offset != 1723 {
				t.Fatalf("offset %v", offset)
			}
		}
		for line := range strings.Lines(log.String()) {
			if len(line) > 8*letter.MaxText {
				t.Fatalf("a log line of %d bytes: %.300s", len(line), line)
			}
		}
	})
}

// TestLetterThatIsTooLarge breaks if a letter that an output does not take for its
// size stands for ever, or takes the others along.
func TestLetterThatIsTooLarge(t *testing.T) {
	for _, words := range []string{
		"MESSAGE_TOO_LARGE: The request included a message larger than the max message size the server will accept.",
		"kafka: message is too large",
		"nats: maximum payload exceeded",
	} {
		conf := testConfig()
		conf.rejected = true
		var written []string
		rejected := &bin{fail: func(batch service.MessageBatch) error {
			for _, m := range batch {
				if letterSize(m) > 100_000 {
					return errors.New(words)
				}
			}
			for _, m := range batch {
				content, _ := m.AsBytes()
				written = append(written, string(content[:min(len(content), 20)]))
			}
			return nil
		}}
		o, log := startOutput(t, conf, influxfake.New(influxfake.Options{}), rejected)
		large := "nonsense " + strings.Repeat("x", 900_000)
		if err := o.WriteBatch(t.Context(), service.MessageBatch{message("nonsense1", lineOf(1), large[:len(large)-1], "nonsense2")}); err != nil {
			t.Fatal(err)
		}
		if len(written) != 3 {
			t.Errorf("%q: written %q, log %.500s", words, written, log.String())
		}
		for _, m := range rejected.messages {
			content, _ := m.AsBytes()
			from, was := m.MetaGetMut(contract.InfluxDBCutFrom)
			if was != strings.HasPrefix(large, string(content)) || was && (from != len(large)-1 || len(content) < 50_000) {
				t.Errorf("%q: %d bytes, cut from %v", words, len(content), from)
			}
		}
	}
}

// TestLetterSaysWhatWasCut breaks if metadata is cut without a word, or which part
// of it depends on chance.
func TestLetterSaysWhatWasCut(t *testing.T) {
	origin := service.NewMessage([]byte("line"))
	for name, value := range map[string]any{
		"kafka_topic": "t", "a_long": strings.Repeat("é", letter.MaxMetaValue), "short": "s", "number": 5,
		strings.Repeat("n", letter.MaxMetaName+1): "v", contract.InfluxDBStatus: "422", contract.InfluxDBCutFrom: 7,
	} {
		origin.MetaSetMut(name, value)
	}
	for i := range 20 {
		origin.MetaSetMut(fmt.Sprintf("b%02d", i), strings.Repeat("x", letter.MaxMetaValue))
	}
	m := refusal{reason: "why"}.letter(origin, 1_000_000)
	cutNames, _ := m.MetaGet(contract.InfluxDBCut)
	for _, name := range []string{"a_long", "nnn", "b19"} {
		if !strings.Contains(cutNames, name) {
			t.Errorf("%s is not in %q", name, cutNames)
		}
	}
	if strings.Contains(cutNames, "b00") || strings.Contains(cutNames, "kafka_topic") {
		t.Errorf("cut: %q", cutNames)
	}
	if value, _ := m.MetaGet("a_long"); len(value) > letter.MaxMetaValue || !utf8.ValidString(value) {
		t.Errorf("%d bytes", len(value))
	}
	if number, _ := m.MetaGetMut("number"); number != 5 {
		t.Errorf("number is %v", number)
	}
	for _, name := range []string{contract.InfluxDBStatus, contract.InfluxDBCutFrom} {
		if value, found := m.MetaGet(name); found {
			t.Errorf("%s is %s, of another refusal", name, value)
		}
	}
	if value, _ := origin.MetaGet("a_long"); len(value) != 2*letter.MaxMetaValue {
		t.Error("the message itself was changed")
	}
}

// If this fails, nobody can tell whether the tweets of a rejected point are in the topic
// of that name, or in one that it replaced; or a header passes for the id of a topic.
func TestALetterHasTheIDOfItsTopic(t *testing.T) {
	for _, c := range []struct {
		id   any
		want any
	}{
		{[16]byte{1, 2, 3}, "AQIDAAAAAAAAAAAAAAAAAA"},
		{"AQIDAAAAAAAAAAAAAAAAAA", nil},
		{nil, nil},
	} {
		m := service.NewMessage([]byte("line"))
		m.MetaSetMut(contract.InfluxDBTopicID, "of an earlier rejection")
		if c.id != nil {
			m.MetaSetMut(contract.KafkaTopicID, c.id)
		}
		if got, _ := (refusal{reason: "r"}).letter(m, letter.MinBytes).MetaGetMut(contract.InfluxDBTopicID); got != c.want {
			t.Errorf("with the id %v the letter has %v, want %v", c.id, got, c.want)
		}
	}
}
