package faultlab

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// stored returns a record as Kafka returns it.
func (f form) stored(sender int, number int64) *kgo.Record {
	r := f.record(sender, number)
	return &kgo.Record{
		Key: []byte(r.key), Value: []byte(r.value), Timestamp: time.UnixMilli(r.millis),
		Headers: []kgo.RecordHeader{{Key: headerName, Value: []byte(r.header)}}, Partition: f.partition(sender, number, r.key),
	}
}

// If this fails, a laboratory that writes to Kafka passes whatever Kafka holds.
func TestWrittenLaw(t *testing.T) {
	f := form{seed: 1, partitions: 1}
	for _, test := range []struct {
		name   string
		change func([]*kgo.Record) []*kgo.Record
		want   string
	}{
		{"as it was sent", func(r []*kgo.Record) []*kgo.Record { return r }, ""},
		{"again", func(r []*kgo.Record) []*kgo.Record { return append(r, r...) }, ""},
		{"without one that is not acknowledged", func(r []*kgo.Record) []*kgo.Record { return r[:3] }, ""},
		{"without an acknowledged one", func(r []*kgo.Record) []*kgo.Record { return append(r[:1], r[2:]...) }, "1 of 3 acknowledged records are not stored, the first is record 1 of sender 0"},
		{"in another order", func(r []*kgo.Record) []*kgo.Record { r[1], r[2] = r[2], r[1]; return r }, "out of order: record 1 of sender 0 is stored behind record 2"},
		{"with another value", func(r []*kgo.Record) []*kgo.Record { r[1].Value[20]++; return r }, "its value is"},
		{"with another value of the same record", func(r []*kgo.Record) []*kgo.Record { r[1].Value = append(r[1].Value, ' '); return r }, "its value is"},
		{"with the value of another record", func(r []*kgo.Record) []*kgo.Record { r[1].Value = r[2].Value; return r }, "was never sent"},
		{"with another key", func(r []*kgo.Record) []*kgo.Record { r[1].Key[0]++; return r }, "its key is"},
		{"without the header", func(r []*kgo.Record) []*kgo.Record { r[1].Headers = nil; return r }, "its headers are"},
		{"with another header", func(r []*kgo.Record) []*kgo.Record { r[1].Headers[0].Value[0]++; return r }, "its headers are"},
		{"at another time", func(r []*kgo.Record) []*kgo.Record { r[1].Timestamp = r[0].Timestamp; return r }, "its time is"},
		{"in another partition", func(r []*kgo.Record) []*kgo.Record { r[1].Partition = 1; return r }, "it is in partition 1 and belongs to 0"},
		{"with a record that was not sent", func(r []*kgo.Record) []*kgo.Record { return append(r, f.stored(0, 4)) }, "was never sent"},
		{"with a record of nobody", func(r []*kgo.Record) []*kgo.Record { return append(r, f.stored(1, 0)) }, "was never sent"},
		{"with something else", func(r []*kgo.Record) []*kgo.Record { return append(r, &kgo.Record{}) }, "was never sent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var records []*kgo.Record
			for number := range int64(4) {
				records = append(records, f.stored(0, number))
			}
			law := newWrittenLaw(f, []account{{sent: 4, acknowledged: 3}})
			var said []string
			for _, r := range test.change(records) {
				if err := law.read(r); err != nil {
					said = append(said, err.Error())
				}
			}
			if err := law.missing(); err != nil {
				said = append(said, err.Error())
			}
			switch {
			case test.want == "" && len(said) > 0:
				t.Errorf("it says %q", said)
			case !strings.Contains(strings.Join(said, "\n"), test.want):
				t.Errorf("it says %q, want %q", said, test.want)
			}
		})
	}
}
