package influxdb

import (
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// about is the subject of a log line.
type about struct {
	bucket  string
	points  int
	records string // their origin
}

// about describes some lines of a request.
func (r *request) about(set []int) about {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	first, last := r.origin(set[0]), r.origin(set[len(set)-1])
	a := about{bucket: r.bucket, points: len(set), records: first.place()}
	switch {
	case a.records == "" && len(set) == 1:
		a.records = fmt.Sprintf("message %d of a batch of %d, which begins with %q", first.message+1, len(first.batch), short(string(r.lines.line(set[0]))))
	case a.records == "":
		a.records = fmt.Sprintf("from message %d of a batch of %d on, the first of which begins with %q", first.message+1, len(first.batch), short(string(r.lines.line(set[0]))))
	case last.place() != a.records:
		a.records = "from " + a.records + " to " + last.place()
	}
	return a
}

// origin is the message of a line.
type origin struct {
	batch   service.MessageBatch
	message int
}

// origin returns the message of a line. committer.mu must be held, so that the caller
// does not return with the batch meanwhile.
func (r *request) origin(line int) origin {
	p := r.parts[r.partOf(line)]
	if p.call.gone || !slices.Contains(p.call.requests, r) {
		return origin{}
	}
	return origin{p.call.batch, int(p.call.lines.from[p.from+line-p.first])}
}

// place returns the position of the message in Kafka, or "".
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

// placeOf returns the position of a message in Kafka as fields of a log line.
func placeOf(m *service.Message) []any {
	var fields []any
	for _, part := range [...]struct{ field, key string }{
		{logTopic, contract.KafkaTopic}, {logPartition, contract.KafkaPartition}, {logOffset, contract.KafkaOffset},
	} {
		value, found := m.MetaGetMut(part.key)
		if !found {
			continue
		}
		if _, number := value.(int); !number { // a header may have any length
			value = short(fmt.Sprint(value))
		}
		fields = append(fields, part.field, value)
	}
	return fields
}

// short returns the beginning of a text from a message, for the log.
func short(s string) string {
	const most = 120
	s = letter.Clean(letter.Cut(s, 2*most), nil)
	if len(s) > most {
		s = letter.Cut(s, most) + "…"
	}
	return s
}
