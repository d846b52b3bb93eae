package influxdb

import (
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// about is what a log line is about.
type about struct {
	bucket  string
	points  int
	records string // where they come from
}

// about describes lines of a request.
func (r *request) about(set []int) about {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	first, last := r.origin(set[0]), r.origin(set[len(set)-1])
	a := about{bucket: r.bucket, points: len(set), records: first.place()}
	switch {
	case a.records == "" && len(set) == 1:
		a.records = fmt.Sprintf("message %d of a batch of %d, that begins %q", first.message+1, len(first.batch), short(string(r.lines.line(set[0]))))
	case a.records == "":
		a.records = fmt.Sprintf("from message %d of a batch of %d, the first begins %q", first.message+1, len(first.batch), short(string(r.lines.line(set[0]))))
	case last.place() != a.records:
		a.records = "from " + a.records + " to " + last.place()
	}
	return a
}

// origin is the message that a line comes from.
type origin struct {
	batch   service.MessageBatch
	message int
}

// origin is called with the lock of the committer held, so that a caller who waits
// does not leave with the batch.
func (r *request) origin(line int) origin {
	p := r.parts[r.partOf(line)]
	if p.call.gone || !slices.Contains(p.call.requests, r) {
		return origin{}
	}
	return origin{p.call.batch, int(p.call.lines.from[p.from+line-p.first])}
}

// place is where the message lies in Kafka, empty if it does not say so.
func (o origin) place() string {
	if o.message >= len(o.batch) {
		return ""
	}
	names := placeOf(o.batch[o.message])
	if len(names) == 0 {
		return ""
	}
	text := ""
	for i := 0; i < len(names); i += 2 {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprint(names[i], " ", names[i+1])
	}
	return text
}

// placeOf is where a message lies in Kafka, as fields of a log line.
func placeOf(m *service.Message) []any {
	var fields []any
	for _, part := range [...]struct{ field, key string }{
		{logTopic, contract.KafkaTopic}, {logPartition, contract.KafkaPartition}, {logOffset, contract.KafkaOffset},
	} {
		value, found := m.MetaGetMut(part.key)
		if !found {
			continue
		}
		if _, number := value.(int); !number { // a header may be of any length
			value = short(fmt.Sprint(value))
		}
		fields = append(fields, part.field, value)
	}
	return fields
}

// short is the beginning of a text that a message says, for the log.
func short(s string) string {
	const most = 120
	s = clean(cut(s, 2*most), nil)
	if len(s) > most {
		s = cut(s, most) + "…"
	}
	return s
}
