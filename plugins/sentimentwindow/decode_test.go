package sentimentwindow

import (
	"context"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// newerSchema is the tweet of a producer that has moved on: a field more, and
// the brand in front.
const newerSchema = `{
  "type": "record", "name": "Tweet", "namespace": "com.brandpulse",
  "fields": [
    {"name": "brand", "type": "string"},
    {"name": "id", "type": "string"},
    {"name": "text", "type": "string"},
    {"name": "likes", "type": "long"},
    {"name": "sentiment", "type": {"type": "enum", "name": "Sentiment", "symbols": ["positive", "negative", "neutral"]}},
    {"name": "timestamp", "type": "long"}
  ]
}`

// newerDatum is a tweet of newerSchema, written by hand from Avro's rules.
func newerDatum(brand string, s tweet.Sentiment, millis int64) []byte {
	var b []byte
	for _, s := range []string{brand, "id-1", "text"} {
		b = append(binary.AppendVarint(b, int64(len(s))), s...)
	}
	b = binary.AppendVarint(b, 42)
	b = binary.AppendVarint(b, int64(s))
	return binary.AppendVarint(b, millis)
}

func writeSchema(t *testing.T, schema string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "newer.avsc")
	if err := os.WriteFile(file, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// expectOne checks that the messages become one window of as many negative
// tweets about Tea.
func expectOne(t *testing.T, p *processor, messages ...*service.Message) {
	t.Helper()
	points, refused := process(t, p, messages...)
	if len(refused) > 0 {
		t.Fatal(refused[0].GetError())
	}
	got := lines(t, points)
	if want := "tweets,brand=Tea,sentiment=negative count=" + string(rune('0'+len(messages))) + "i 1700000000000000000"; len(got) != 1 || got[0] != want {
		t.Fatalf("points are %q, want %q", got, want)
	}
}

func TestEveryWireForm(t *testing.T) {
	const now = 1_700_000_000_123
	newer := writeSchema(t, newerSchema)
	fingerprint, err := avro.Fingerprint(newerSchema)
	if err != nil {
		t.Fatal(err)
	}
	tea := tweet.Tweet{ID: []byte("1"), Text: []byte("t"), Brand: []byte("Tea"), Sentiment: tweet.Negative, Millis: now}
	newerFramed := binary.LittleEndian.AppendUint64([]byte{0xc3, 0x01}, fingerprint)
	newerFramed = append(newerFramed, newerDatum("Tea", tweet.Negative, now)...)
	structured := service.NewMessage(nil)
	structured.SetStructuredMut(map[string]any{"brand": "Tea", "sentiment": "negative", "timestamp": int64(now), "text": "t"})
	structured.MetaSetMut(contract.KafkaTopic, "tweets")
	structured.MetaSetMut(contract.KafkaPartition, 0)
	structured.MetaSetMut(contract.KafkaOffset, 0)

	for _, c := range []struct {
		name, yaml string
		message    *service.Message
	}{
		{"raw", "", kafkaMessage("tweets", 0, 0, tea.AppendAvro(nil))},
		{"raw of a newer schema", "schema_files: [" + newer + "]", kafkaMessage("tweets", 0, 0, newerDatum("Tea", tweet.Negative, now))},
		{"single object", "encoding: avro_single_object", kafkaMessage("tweets", 0, 0, tea.AppendSingleObject(nil))},
		{"single object of a newer schema", "encoding: avro_single_object\nschema_files: [" + newer + "]", kafkaMessage("tweets", 0, 0, newerFramed)},
		{"JSON", "encoding: json", kafkaMessage("tweets", 0, 0, tea.AppendJSON(nil))},
		{"structured", "encoding: json", structured},
		{"mapped", "encoding: json\nmapping: |\n  root.brand = this.company\n  root.sentiment = this.mood\n  root.timestamp = this.at.ts_parse(\"2006-01-02T15:04:05.999Z07:00\")",
			kafkaMessage("tweets", 0, 0, []byte(`{"company":"Tea","mood":"negative","at":"2023-11-14T22:13:20.123Z"}`))},
	} {
		t.Run(c.name, func(t *testing.T) { expectOne(t, testProcessor(t, c.yaml), c.message) })
	}
}

// What a mapping gives must be a tweet to the letter: a float has lost
// milliseconds, a missing field would be counted as something.
func TestMappingsAreChecked(t *testing.T) {
	p := testProcessor(t, "encoding: json\nmapping: root = this")
	for content, want := range map[string]string{
		`[1]`:                                    "not an object",
		`{"sentiment":"positive","timestamp":1}`: "brand is missing",
		`{"brand":7,"sentiment":"positive","timestamp":1}`:               "not a string",
		`{"brand":"b","sentiment":"happy","timestamp":1}`:                `sentiment is "happy"`,
		`{"brand":"b","timestamp":1}`:                                    "sentiment is missing or empty",
		`{"brand":"b","sentiment":"positive"}`:                           "timestamp is missing",
		`{"brand":"b","sentiment":"positive","timestamp":1.5}`:           "not a whole number",
		`{"brand":"b","sentiment":"positive","timestamp":"2023-01-01"}`:  "ts_parse",
		`{"brand":"b","sentiment":"positive","timestamp":9999999999999}`: "1677 to 2262",
		`{"brand":"b","sentiment":"positive","timestamp":true}`:          "not a whole number",
		`not JSON`: "mapping it",
	} {
		_, refused := process(t, p, kafkaMessage("tweets", 0, 1, []byte(content)))
		if len(refused) != 1 {
			t.Errorf("%s is counted", content)
		} else if got := refused[0].GetError().Error(); !strings.Contains(got, want) {
			t.Errorf("%s: error %q does not say %q", content, got, want)
		}
	}
}

func confluent(id uint32, datum []byte) *service.Message {
	return kafkaMessage("tweets", 0, 0, append(binary.BigEndian.AppendUint32([]byte{0}, id), datum...))
}

func registerSchema(t *testing.T, reg *srfake.Registry, schema string) uint32 {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(reg.URL()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.CreateSchema(context.Background(), "tweets-value", sr.Schema{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return uint32(s.ID)
}

func TestSchemaRegistry(t *testing.T) {
	const now = 1_700_000_000_123
	reg := srfake.New()
	defer reg.Close()
	ours := registerSchema(t, reg, schemas.Tweet)
	newer := registerSchema(t, reg, newerSchema)
	p := testProcessor(t, "encoding: avro_confluent\nschema_registry: {url: "+reg.URL()+"}")

	expectOne(t, p, confluent(ours, datum("Tea", tweet.Negative, now)), confluent(newer, newerDatum("Tea", tweet.Negative, now)))

	_, refused := process(t, p,
		confluent(9999, datum("Tea", tweet.Negative, now)),
		confluent(newer, datum("Tea", tweet.Negative, now)),
		kafkaMessage("tweets", 0, 0, datum("Tea", tweet.Negative, now)))
	if len(refused) != 3 {
		t.Fatalf("%d messages are refused, want all 3", len(refused))
	}
	for i, want := range []string{"no schema 9999", "", "header of a schema registry"} {
		if got := refused[i].GetError().Error(); !strings.Contains(got, want) {
			t.Errorf("error %q does not say %q", got, want)
		}
	}
}

// What would break: a registry that has not caught up makes tweets undecodable,
// and the next reading of the same batch counts them after all.
func TestSchemaThatIsNotThereYet(t *testing.T) {
	const now = 1_700_000_000_123
	for name, tc := range map[string]struct {
		message, unknown string
		waits            bool
	}{
		"records":                      {messageRecord, "", false},
		"records that are to wait":     {messageRecord, unknownSchemaWait, true},
		"batches":                      {contract.RecordBatch, "", true},
		"batches that are not to wait": {contract.RecordBatch, unknownSchemaUndecodable, false},
	} {
		t.Run(name, func(t *testing.T) {
			reg := srfake.New()
			defer reg.Close()
			unknown := ""
			if tc.unknown != "" {
				unknown = ", unknown_schema: " + tc.unknown
			}
			p := testProcessor(t, "message: "+tc.message+"\nencoding: avro_confluent\nschema_registry: {url: "+reg.URL()+unknown+"}")
			value := append(binary.BigEndian.AppendUint32([]byte{0}, 1), datum("Tea", tweet.Negative, now)...)
			message := kafkaMessage("tweets", 0, 0, value)
			if tc.message == contract.RecordBatch {
				message = batchMessage(t, "tweets", 0, recordbatch.Header{}, recordAt(0, value, now))
			}

			if !tc.waits {
				if _, refused := process(t, p, message); len(refused) != 1 {
					t.Fatalf("%d messages are refused, want 1", len(refused))
				}
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if out, err := p.ProcessBatch(ctx, service.MessageBatch{message}); err == nil {
				t.Fatalf("the batch is done, as %d batches, without its schema", len(out))
			}
			if id := registerSchema(t, reg, schemas.Tweet); id != 1 {
				t.Fatalf("the schema has the id %d", id)
			}
			if folds, refused := process(t, p, message); len(folds) != 1 || len(refused) != 0 {
				t.Fatalf("%d folds and %d refused when the schema is there", len(folds), len(refused))
			}
		})
	}
}

// While the registry is away nothing is known of a record, so none may be
// refused: the processor waits.
func TestSchemaRegistryThatIsAwayRefusesNothing(t *testing.T) {
	reg := srfake.New()
	defer reg.Close()
	id := registerSchema(t, reg, schemas.Tweet)
	var asked atomic.Int32
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= 2 {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, reg.URL()+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer flaky.Close()

	// A redirect to another host is not followed either: it might carry the
	// password there.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	p := testProcessor(t, "encoding: avro_confluent\nschema_registry: {url: "+flaky.URL+"}")
	out, err := p.ProcessBatch(ctx, service.MessageBatch{confluent(id, datum("Tea", tweet.Negative, 0))})
	if err == nil {
		t.Fatalf("the batch is done, as %d batches, without its schema", len(out))
	}
	if asked.Load() < 3 {
		t.Fatalf("the registry was asked %d times, want more", asked.Load())
	}
}
