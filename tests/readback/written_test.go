package readback_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// headerNames are the headers that records have, in their order.
var headerNames = []string{"h1", "h2"}

// given makes records for one partition, and the messages that become them: no value, an
// empty one, a large one, and values that compress well and badly. They have no tab and no
// line break, which the console consumer does not escape.
func given(random *rand.Rand, partition int32, count int) (records []record, messages service.MessageBatch) {
	for i := range count {
		r := record{partition: partition, offset: int64(i), millis: 1_700_000_000_000 + random.Int64N(1_000_000)}
		var text strings.Builder
		switch i % 8 {
		case 0:
			fmt.Fprint(&text, strings.Repeat("so good ☕ ", random.IntN(300)))
		case 1: // empty
		default:
			for range random.IntN(400) {
				text.WriteByte("abcdefghijklmnopqrstuvwxyzäöüABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[random.IntN(26)])
			}
		}
		if i == count/2 {
			fmt.Fprint(&text, strings.Repeat("large", 50_000))
		}
		r.value = []byte(text.String())
		m := service.NewMessage(r.value)
		if i%9 == 3 {
			r.value = nil
			m.SetBytes(nil)
			m.MetaSetMut(contract.KafkaTombstone, true)
		}
		if i%3 > 0 {
			r.key = fmt.Appendf(nil, "key %d", i)
			m.MetaSetMut("k", string(r.key))
		}
		for _, name := range headerNames[:i%3] {
			r.headers = append(r.headers, header{name, fmt.Sprint("of ", i)})
			m.MetaSetMut(name, fmt.Sprint("of ", i))
		}
		m.MetaSetMut("millis", fmt.Sprint(r.millis))
		records, messages = append(records, r), append(messages, m)
	}
	return records, messages
}

// If this fails, another client reads other records than the output was given, or none.
func TestRecordsOfTheOutput(t *testing.T) {
	l := start(t)
	topic := l.Topic(t, int32(len(codecs)))
	random := rand.New(rand.NewPCG(1, 2))
	var want []record
	for p, codec := range codecs {
		records, messages := given(random, int32(p), 1000)
		want = append(want, records...)
		l.run(t, topic, p, "", fmt.Sprintf(`message: record
  compression: %s
  max_batch_bytes: 64KiB
  key: ${! @k.or("") }
  timestamp_ms: ${! @millis }
  metadata: { include_prefixes: [ h ] }`, codec), messages)
	}
	got := l.franz(t, topic, len(want))
	for i := range want {
		if !got[i].equals(want[i]) {
			t.Fatalf("%v\nis stored as\n%v", want[i], got[i])
		}
	}
	l.everybody(t, topic, want)
}

// If this fails, another client cannot read the record batches of the generator.
func TestBatchesOfTheGenerator(t *testing.T) {
	l := start(t)
	topic := l.Topic(t, int32(len(codecs)))
	const count = 3000
	for p, codec := range codecs {
		input := fmt.Sprintf("tweet_generator: { message: record_batch, compression: %s, encoding: json, count: %d, batch_size: 700, max_batch_bytes: 50KiB, rate: 0, seed: 7, progress: never }", codec, count)
		l.run(t, topic, p, input, "message: record_batch", nil)
	}
	want := l.franz(t, topic, count*len(codecs))
	ids := map[string]bool{}
	for _, r := range want {
		ids[fmt.Sprintf("%d %.40s", r.partition, r.value)] = true
	}
	if len(want) != count*len(codecs) || len(ids) != len(want) {
		t.Fatalf("%d records, %d different ones", len(want), len(ids))
	}
	l.everybody(t, topic, want)
}
