package sentimentwindow

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// maxLetterMeta is what the metadata of a dead letter may take: 50 KB are left
// beside a content that is cut to 1,000,000 bytes, and this is far less.
const maxLetterMeta = 4 << 10

// drawValue draws a record of any kind and of up to a MiB: noise, text that an
// error may repeat, or nearly a tweet.
func drawValue(t *rapid.T) []byte {
	size := rapid.SampledFrom([]int{0, 1, 100, 2000, 600_000, 1<<20 - 200}).Draw(t, "size")
	fill := bytes.Repeat([]byte(rapid.SampledFrom([]string{"x", "ü", "\n", "\\", `"`, "\x00", "\xff", "{", "[", "9"}).Draw(t, "filled with")), size)
	parts := rapid.SampledFrom([][2]string{
		{"", ""},
		{`{"brand":"`, `"}`},
		{`{"brand":"b","sentiment":"`, `","timestamp":1}`},
		{`{"brand":"b","sentiment":"positive","timestamp":"`, `"}`},
		{`{"brand":"b","sentiment":"positive","timestamp":`, `}`},
		{`{"`, `":1,"brand":"b"}`},
		{`{"brand":"b","brand":"`, `"}`},
		{"\xc3\x01", ""},
		{"\x00\x00\x00\x00\x01", ""},
	}).Draw(t, "around it")
	value := append([]byte(parts[0]), fill...)
	return append(value[:min(len(value), 1<<20-200)], parts[1]...)
}

// What would break: a letter that is larger than what Kafka accepts is written again
// and again for ever, and all behind it waits; a log line of a megabyte fills the
// disk meanwhile.
func TestEveryPartOfADeadLetterIsBounded(t *testing.T) {
	var log bytes.Buffer
	var processors []*processor
	for _, yaml := range []string{
		"", "encoding: json", "encoding: avro_single_object",
		"encoding: json\nmapping: root = this", "encoding: json\nmapping: root = content()",
		"encoding: json\nmapping: 'root = throw(content().string())'",
		"encoding: json\nmapping: |\n  root.brand = \"b\"\n  root.sentiment = content().string()\n  root.timestamp = 1",
		"encoding: json\nmapping: |\n  root.brand = \"b\"\n  root.sentiment = \"positive\"\n  root.timestamp = content().string()",
	} {
		for _, form := range []string{messageRecord, contract.RecordBatch} {
			p := testProcessor(t, "message: "+form+"\n"+yaml)
			p.notes.log = service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&log, nil)))
			processors = append(processors, p)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(processors).Draw(t, "processor")
		value := drawValue(t)
		topic := strings.Repeat("t", rapid.SampledFrom([]int{1, 249, 100_000}).Draw(t, "topic"))
		m := kafkaMessage(topic, 1, 6, value, kgo.RecordHeader{Key: "dead_error", Value: value}, kgo.RecordHeader{Key: "dead_" + topic, Value: value})
		if p.conf.message == contract.RecordBatch {
			m = batchMessage(t, topic, 1, recordbatch.Header{BaseOffset: 6, ProducerID: -1}, recordbatch.Record{Offset: 6, Value: value})
		}
		if rapid.IntRange(0, 4).Draw(t, "failed before") == 0 {
			m.SetError(errors.New(string(value)))
		}
		p.topic.Store(nil)
		log.Reset()
		out, err := p.ProcessBatch(t.Context(), service.MessageBatch{m})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range out {
			for _, m := range b {
				if m.GetError() == nil {
					continue
				}
				if text := m.GetError().Error(); len(text) > maxErrorBytes || utf8.ValidString(text) != utf8.ValidString(string(value)) && !utf8.ValidString(text) {
					t.Fatalf("an error of %d bytes", len(text))
				}
				size := 0
				_ = m.MetaWalkMut(func(name string, _ any) error {
					if strings.HasPrefix(name, contract.DeadPrefix) {
						text, _ := m.MetaGet(name)
						size += len(name) + len(text)
					}
					return nil
				})
				if size > maxLetterMeta {
					t.Fatalf("metadata of %d bytes", size)
				}
			}
		}
		if log.Len() > 8*maxErrorBytes { // a byte may become six
			t.Fatalf("a log line of %d bytes", log.Len())
		}
	})
}

// The text that is cut is text still, and the first of it.
func TestTextIsCutBetweenCharacters(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"0123456789", "0123456789"},
		{"0123456789x", "0123456…"},
		{"012345ü789x", "012345…"},
		{strings.Repeat("ü", 100), "üüü…"},
	} {
		if got := brief(c.text, 10); got != c.want || len(got) > 10 {
			t.Errorf("%q is cut to %q, want %q", c.text, got, c.want)
		}
	}
}
