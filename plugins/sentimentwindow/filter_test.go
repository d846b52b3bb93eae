package sentimentwindow

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// A mapping that deletes a record filters it, as its user wants. What would break:
// what is no tweet by choice fills the dead letters, or it is gone without a trace
// and the records of a coverage point do not add up.
func TestAMappingFilters(t *testing.T) {
	const mapping = `
encoding: json
mapping: 'root = if this.type == "tweet" { this } else { deleted() }'
`
	values := []string{
		`{"type":"tweet","brand":"B","sentiment":"positive","timestamp":1767225600000}`,
		`{"type":"delete","id":"1"}`,
		`{"type":"delete","id":"2"}`,
		`{"type":"tweet","brand":"B"}`,
	}
	var records []recordbatch.Record
	var messages service.MessageBatch
	for i, v := range values {
		records = append(records, recordbatch.Record{Offset: int64(10 + i), Timestamp: 1767225600000, Value: []byte(v)})
		messages = append(messages, kafkaMessage("mixed", 0, 10+i, []byte(v)))
	}
	const point = "tweets,brand=B,sentiment=positive count=1i 1767225600000000640"
	for _, c := range []struct {
		yaml  string
		batch service.MessageBatch
		want  []string
	}{
		{batches, service.MessageBatch{batchMessage(t, "mixed", 0, recordbatch.Header{BaseOffset: 10, ProducerID: -1}, records...)}, []string{
			point, "brandpulse_batches,topic=mixed partition=0i,base=10i,last=13i,records=4i,counted=1i,undecodable=1i,filtered=2i 1767225600000000640",
		}},
		{"", messages, []string{point}},
	} {
		p := testProcessor(t, c.yaml+mapping)
		f := newFolder(&p.conf, laws{points: secondLaw(t), coverage: secondLaw(t)}, p.spans)
		count := p.countRecords
		if c.yaml != "" {
			count = p.countBatches
		}
		var again service.MessageBatch
		for _, m := range c.batch {
			again = append(again, m.Copy())
		}
		if err := count(t.Context(), f, again); err != nil || f.tally.filtered != 2 {
			t.Errorf("%d are counted as filtered, want 2; %v", f.tally.filtered, err)
		}
		points, refused := process(t, p, c.batch...)
		if got := lines(t, points); !slices.Equal(got, c.want) {
			t.Errorf("%q is stored, want %q", got, c.want)
		}
		if len(refused) != 1 {
			t.Errorf("%d dead letters, want that of the tweet without a sentiment", len(refused))
		}
	}
}

// A batch of which nothing is left is acknowledged, and covered.
func TestAMappingFiltersAll(t *testing.T) {
	const mapping = "encoding: json\nmapping: root = deleted()"
	out, err := testProcessor(t, mapping).ProcessBatch(t.Context(), service.MessageBatch{kafkaMessage("mixed", 0, 1, []byte("{}"))})
	if len(out) != 0 || err != nil {
		t.Errorf("%d batches and the error %v, want none", len(out), err)
	}
	var records []recordbatch.Record
	for i := range int64(3) {
		records = append(records, recordbatch.Record{Offset: i, Value: fmt.Appendf(nil, "%d", i)})
	}
	points, _ := process(t, testProcessor(t, batches+mapping), batchMessage(t, "mixed", 0, recordbatch.Header{ProducerID: -1}, records...))
	want := []string{"brandpulse_batches,topic=mixed partition=0i,base=0i,last=2i,records=3i,counted=0i,undecodable=0i,filtered=3i 0"}
	if got := lines(t, points); !slices.Equal(got, want) {
		t.Errorf("%q is stored, want %q", got, want)
	}
}
