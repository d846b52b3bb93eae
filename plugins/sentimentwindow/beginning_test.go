package sentimentwindow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// inDelivery puts messages into a delivery.
func inDelivery(d *delivery.Delivery, messages ...*service.Message) service.MessageBatch {
	var batch service.MessageBatch
	for _, m := range messages {
		batch = append(batch, m.WithContext(d.In(m.Context())))
	}
	return batch
}

// What the settings do not fit stays with the input: as dead letters, whole
// topics were committed before anybody looked.
func TestMessagesThatSettingsDoNotFitStayWithTheInput(t *testing.T) {
	record := func() *service.Message { return kafkaMessage("tweets", 0, 7, datum("Tea", tweet.Positive, 0)) }
	recordBatch := func(t testing.TB) *service.Message {
		return batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, recordAt(0, datum("Tea", tweet.Positive, 0), 0))
	}
	for _, c := range []struct {
		name, yaml, identity string
		message              *service.Message
		reason               string
		want                 []string
	}{
		{"a record batch, for records", "", "", recordBatch(t), contract.ReasonBatch, []string{"set `message: record_batch`", "`emit: records`", "partition 0, offset 0"}},
		{"a record, for record batches", batches, "", record(), contract.ReasonOrigin, []string{"set message: record", "emit: record_batch"}},
		{"bytes from elsewhere, for record batches", batches, "", service.NewMessage([]byte("x")), contract.ReasonOrigin, []string{"set message: record"}},
		{"record batches of any topics, for one", batches, contract.IdentitySource, recordBatch(t), contract.ReasonOrigin, []string{"`identity: source`", "`identity: timestamp`", "Set the same identity in both"}},
		{"records of any topics, for one", "", contract.IdentitySource, record(), contract.ReasonOrigin, []string{"`identity: source`", "Set the same identity in both"}},
		{"topics without an id, for identity: source", "identity: source", contract.IdentitySource, record(), contract.ReasonOrigin, []string{"id of the topic", "identity: timestamp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			p := loggedProcessor(t, c.yaml, &out)
			d := &delivery.Delivery{Identity: c.identity}
			if out, err := p.ProcessBatch(t.Context(), inDelivery(d, c.message.Copy())); err != nil || len(out) > 0 {
				t.Errorf("%d batches come out, error %v, want the message to stay with the input", len(out), err)
			}
			refused := d.Settle()
			counted, fruitless := d.Verdict()
			if refused == nil || counted || fruitless == nil {
				t.Fatalf("refused is %v, counted %t, fruitless %v", refused, counted, fruitless)
			}
			for _, want := range c.want {
				if !strings.Contains(refused.Error(), want) || !strings.Contains(out.String(), strings.ReplaceAll(want, `"`, `\"`)) {
					t.Errorf("no %q in %q or in the log\n%s", want, refused, &out)
				}
			}
			if !strings.Contains(out.String(), "ERROR") {
				t.Errorf("it is no error in the log:\n%s", &out)
			}

			// With nobody to keep it, as behind a buffer, it is a dead letter.
			if c.identity == "" {
				points, dead := process(t, loggedProcessor(t, c.yaml, &out), inDelivery(d, c.message.Copy())...)
				if len(points) > 0 || len(dead) != 1 {
					t.Fatalf("%d points and %d dead letters, want the message", len(points), len(dead))
				}
				if reason, _ := dead[0].MetaGet(contract.DeadReason); reason != c.reason || !strings.Contains(dead[0].GetError().Error(), c.want[0]) {
					t.Errorf("the reason is %s, %v", reason, dead[0].GetError())
				}
			}
		})
	}
}

// If this fails, a topic whose batches change is counted, and a replay adds to the counts.
func TestBatchesThatChangeStayWithTheInput(t *testing.T) {
	for _, yaml := range []string{batches, batches + "identity: source"} {
		d := &delivery.Delivery{Compacted: true}
		m := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, recordAt(0, datum("Tea", tweet.Positive, 0), 0))
		out, err := testProcessor(t, yaml).ProcessBatch(t.Context(), inDelivery(d, m))
		if refused := d.Settle(); err != nil || len(out) > 0 || refused == nil || !strings.Contains(refused.Error(), "on_compacted_topic: read") {
			t.Errorf("%q: %d batches come out, error %v, refused is %v", yaml, len(out), err, refused)
		}
	}
}

// A second topic stays with its input, which is not ready: it has counted nothing.
func TestSecondTopicStaysWithItsInput(t *testing.T) {
	var out bytes.Buffer
	p := loggedProcessor(t, batches, &out)
	of := func(topic string) *delivery.Delivery {
		d := &delivery.Delivery{Identity: contract.IdentityTimestamp}
		m := batchMessage(t, topic, 0, recordbatch.Header{ProducerID: -1}, recordAt(0, datum("Tea", tweet.Positive, 0), 0))
		if _, err := p.ProcessBatch(t.Context(), inDelivery(d, m)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if counted, why := of("one").Verdict(); !counted {
		t.Fatalf("the first topic is not counted: %v", why)
	}
	d := of("two")
	if _, why := d.Verdict(); why == nil || d.Settle() == nil || !strings.Contains(why.Error(), "already counts topic one") {
		t.Errorf("the second topic: refused is %v, why %v", d.Settle(), why)
	}
	if !strings.Contains(out.String(), "level=ERROR") {
		t.Errorf("no error in the log:\n%s", &out)
	}
}

// Settings that fit leave deliveries alone, whatever the input promises.
func TestMessagesThatSettingsFitAreCounted(t *testing.T) {
	for _, c := range []struct{ yaml, identity string }{
		{batches, ""}, {batches, contract.IdentityTimestamp}, {batches + "identity: source", contract.IdentityTimestamp}, {batches + "identity: source", contract.IdentitySource},
	} {
		d := &delivery.Delivery{Identity: c.identity}
		m := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, recordAt(0, datum("Tea", tweet.Positive, 0), 0))
		points, dead := process(t, testProcessor(t, c.yaml), inDelivery(d, m)...)
		counted, _ := d.Verdict()
		if err := d.Settle(); err != nil || !counted || len(points) == 0 || len(dead) > 0 {
			t.Errorf("%q with %q: refused is %v, counted %t, %d points, %d dead letters", c.yaml, c.identity, err, counted, len(points), len(dead))
		}
	}
}

// Each reason names the settings that cause it.
func TestEveryReasonHasAHint(t *testing.T) {
	b := &beginning{conf: &config{message: messageRecord, encoding: encodingJSON}}
	seen := map[string]string{}
	for _, reason := range contract.DeadReasons() {
		b.reason = reason
		hint := b.hint()
		if other, again := seen[hint]; again {
			t.Errorf("%s and %s have the hint %q", reason, other, hint)
		}
		seen[hint] = reason
	}
}

// Where all of the first records are dead letters a setting is wrong, most likely,
// and a warning for each in ten seconds is easily overlooked.
func TestAllOrNothingIsLoud(t *testing.T) {
	nonsense := func(n int) (batch service.MessageBatch) {
		for i := range n {
			batch = append(batch, kafkaMessage("tweets", 0, i, []byte("nonsense")))
		}
		return batch
	}
	fruitless := func(t *testing.T, p *processor, batch service.MessageBatch) error {
		d := new(delivery.Delivery)
		process(t, p, inDelivery(d, batch...)...)
		_, why := d.Verdict()
		return why
	}
	t.Run("after 1,000", func(t *testing.T) {
		var out bytes.Buffer
		p := loggedProcessor(t, "", &out)
		if why := fruitless(t, p, nonsense(firstRecords-1)); why != nil || strings.Contains(out.String(), "ERROR") {
			t.Fatalf("after %d records: %v, the log\n%s", firstRecords-1, why, &out)
		}
		why := fruitless(t, p, nonsense(1))
		if why == nil || !strings.Contains(out.String(), "ERROR") || !strings.Contains(out.String(), "`encoding: avro`") {
			t.Fatalf("after %d records: %v, the log\n%s", firstRecords, why, &out)
		}
		if why := fruitless(t, p, service.MessageBatch{kafkaMessage("tweets", 0, 5000, datum("Tea", tweet.Positive, 0))}); why != nil {
			t.Errorf("after a record that counts: %v", why)
		}
		if !strings.Contains(out.String(), "The first record is counted") {
			t.Errorf("the log does not say that it is over:\n%s", &out)
		}
		if why := fruitless(t, p, nonsense(2*firstRecords)); why != nil {
			t.Errorf("later dead letters: %v", why)
		}
	})
	t.Run("not if one of them counts", func(t *testing.T) {
		var out bytes.Buffer
		p := loggedProcessor(t, "", &out)
		batch := append(nonsense(firstRecords-1), kafkaMessage("tweets", 0, 5000, datum("Tea", tweet.Positive, 0)))
		if why := fruitless(t, p, append(batch, nonsense(firstRecords)...)); why != nil {
			t.Errorf("%v, the log\n%s", why, &out)
		}
	})
	t.Run("not if the mapping deletes one of them", func(t *testing.T) {
		p := loggedProcessor(t, "encoding: json\nmapping: root = if this.id == 7 { deleted() } else { this }", new(bytes.Buffer))
		var batch service.MessageBatch
		for i := range 2 * firstRecords {
			batch = append(batch, kafkaMessage("tweets", 0, i, fmt.Appendf(nil, `{"id":%d}`, i)))
		}
		if why := fruitless(t, p, batch); why != nil {
			t.Error(why)
		}
	})
	t.Run("in one record batch", func(t *testing.T) {
		var out bytes.Buffer
		p := loggedProcessor(t, batches+"encoding: json\nmapping: root = this.text", &out)
		var records []recordbatch.Record
		for i := range int64(firstRecords) {
			records = append(records, recordAt(i, []byte("nonsense"), 0))
		}
		why := fruitless(t, p, service.MessageBatch{batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, records...)})
		if why == nil || !strings.Contains(why.Error(), "`mapping`") || !strings.Contains(why.Error(), "partition 0, offset 0") {
			t.Errorf("%v, the log\n%s", why, &out)
		}
	})
	t.Run("as whole record batches", func(t *testing.T) {
		p := loggedProcessor(t, batches, new(bytes.Buffer))
		var records []recordbatch.Record
		for i := range int64(firstRecords) {
			records = append(records, recordAt(i, datum("Tea", tweet.Positive, 0), 0))
		}
		m := batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, records...)
		m.SetBytes([]byte("changed"))
		if why := fruitless(t, p, service.MessageBatch{m}); why == nil || !strings.Contains(why.Error(), "`message: record_batch`") {
			t.Error(why)
		}
	})
	t.Run("once a minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			p := loggedProcessor(t, "", &out)
			for range 180 { // a second apart
				process(t, p, nonsense(firstRecords)...)
				time.Sleep(time.Second)
			}
			if n := strings.Count(out.String(), "level=ERROR"); n != 3 {
				t.Errorf("%d lines in three minutes, want 3", n)
			}
		})
	})
	t.Run("and no line is long", func(t *testing.T) {
		var out bytes.Buffer
		p := loggedProcessor(t, "encoding: json", &out)
		for i := range firstRecords {
			process(t, p, kafkaMessage("tweets", 0, i, []byte(`{"`+strings.Repeat("é", 5000)+`":1}`)))
		}
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "Nothing is counted") && len(line) > 1500 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
	})
}

// What would break: a record that is no tweet counts as a dead letter each time that
// its delivery comes while another record of it waits for a schema, though none
// leaves: then the settings seem to be wrong.
func TestRedeliveredMessagesAreNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := loggedProcessor(t, "", &out)
		r := &fakeRegistry{answer: knowsAllBut99}
		p.decoder = confluentDecoder(r.cache(t))
		for range 2 * firstRecords {
			d := new(delivery.Delivery)
			got, err := p.ProcessBatch(t.Context(), inDelivery(d,
				kafkaMessage("tweets", 0, 0, []byte("nonsense")), kafkaMessage("tweets", 0, 1, []byte{0, 0, 0, 0, unknownID, 0})))
			if _, why := d.Verdict(); err != nil || len(got) > 0 || d.Settle() == nil || why != nil {
				t.Fatalf("%d batches, error %v, fruitless: %v", len(got), err, why)
			}
		}
		if p.beginning.dead != 0 || strings.Contains(out.String(), "Not counted") {
			t.Errorf("%d dead letters, the log\n%s", p.beginning.dead, &out)
		}
	})
}
