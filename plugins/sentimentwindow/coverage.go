package sentimentwindow

import (
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// Fields of a coverage point, in the order in which they are written.
const (
	fieldKeyPartition   = "partition"
	fieldKeyBase        = "base"
	fieldKeyLast        = "last"
	fieldKeyRecords     = "records"
	fieldKeyCounted     = "counted"
	fieldKeyUndecodable = "undecodable"
	fieldKeyFiltered    = "filtered"
)

// coverage is the result of one record batch: counted, undecodable and filtered add up to
// its records. It is stored with the counts of the batch, so that readers of InfluxDB
// see which part of the log they cover.
type coverage struct {
	partition            int32
	base, last           int64 // offsets
	records              int64
	counted, undecodable int64
	filtered             int64
	nanos                int64
}

// appendCoverage appends the line of a coverage point. series is its prefix:
//
//	brandpulse_batches,topic=tweets partition=3i,base=10i,last=17i,records=8i,counted=7i,undecodable=1i,filtered=0i 1700000000000000643
func appendCoverage(dst, series []byte, c *coverage) []byte {
	dst = append(dst, series...)
	dst = lineproto.AppendInt(append(dst, fieldKeyPartition+"="...), int64(c.partition))
	dst = lineproto.AppendInt(append(dst, ","+fieldKeyBase+"="...), c.base)
	dst = lineproto.AppendInt(append(dst, ","+fieldKeyLast+"="...), c.last)
	dst = lineproto.AppendInt(append(dst, ","+fieldKeyRecords+"="...), c.records)
	dst = lineproto.AppendInt(append(dst, ","+fieldKeyCounted+"="...), c.counted)
	dst = lineproto.AppendInt(append(dst, ","+fieldKeyUndecodable+"="...), c.undecodable)
	dst = lineproto.AppendInt(append(dst, ","+fieldKeyFiltered+"="...), c.filtered)
	return appendTime(dst, c.nanos)
}

// coveragePoint returns the same point as appendCoverage, for Bloblang.
func coveragePoint(measurement, source, topic string, c *coverage) map[string]any {
	tags := map[string]any{tagTopic: topic}
	if source != "" {
		tags[tagSource] = source
	}
	return map[string]any{
		"measurement": measurement,
		"tags":        tags,
		"fields": map[string]any{
			fieldKeyPartition:   int64(c.partition),
			fieldKeyBase:        c.base,
			fieldKeyLast:        c.last,
			fieldKeyRecords:     c.records,
			fieldKeyCounted:     c.counted,
			fieldKeyUndecodable: c.undecodable,
			fieldKeyFiltered:    c.filtered,
		},
		"timestamp": c.nanos,
	}
}

// coverageSeries returns the prefix of the line of a coverage point. It always includes
// the topic: otherwise, batches of two topics at the same offset would share one
// coverage point, and it would be unclear whose it is.
func coverageSeries(measurement, source, topic string) ([]byte, error) {
	if err := lineproto.CheckTagValue(topic); err != nil {
		return nil, fmt.Errorf("topic %q: %w", topic, err)
	}
	p := lineproto.AppendMeasurement(nil, measurement)
	if source != "" {
		p = lineproto.AppendTag(p, tagSource, source)
	}
	p = lineproto.AppendTag(p, tagTopic, topic)
	return append(p, ' '), nil
}
