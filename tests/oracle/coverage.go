package oracle

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// Span is a coverage point, which describes one record batch.
type Span struct {
	Source     string // the tag src, or empty
	Topic      string // the tag topic, or empty
	Partition  int32
	Base, Last int64 // offsets
	Records    int64
	// Counted, Undecodable and Filtered are the numbers of records that were tweets,
	// were not tweets, and were deleted by the pipeline's mapping.
	Counted, Undecodable, Filtered int64
}

// Coverage is all coverage points in InfluxDB, by partition and offset.
type Coverage []Span

// coverageFields are the fields that every coverage point has. A point without the
// field filtered has filtered nothing.
var coverageFields = []string{"partition", "base", "last", "records", "counted", "undecodable"}

// ReadCoverage reads the measurement brandpulse_batches. A point that lacks a field is
// left out: it was written while the fields were read one after the other. Its offsets
// then count as not covered.
func ReadCoverage(ctx context.Context, d *influxd.Database) (Coverage, error) {
	type point struct {
		source, topic string
		nanos         int64
	}
	points := map[point]map[string]int64{} // a set: see eachPoint for repeated rows
	flux := fmt.Sprintf(`from(bucket: %q)
  |> range(start: 1677-09-22T00:00:00Z, stop: 2262-04-11T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "brandpulse_batches")
  |> drop(columns: ["_start", "_stop", "_measurement"])`, d.Bucket)
	err := d.Each(ctx, flux, func(row influxd.Row) error {
		n, ok := row.Int("_value")
		if !ok {
			return fmt.Errorf("the field %s of a coverage point is %v, not an integer", row.String("_field"), row.Values["_value"])
		}
		at := point{row.String("src"), row.String("topic"), row.Time("_time").UnixNano()}
		if points[at] == nil {
			points[at] = map[string]int64{}
		}
		points[at][row.String("_field")] = n
		return nil
	})
	if err != nil {
		return nil, err
	}
	var found Coverage
	for at, fields := range points {
		missing := func(name string) bool { _, ok := fields[name]; return !ok }
		if !slices.ContainsFunc(coverageFields, missing) {
			found = append(found, Span{
				at.source, at.topic, int32(fields["partition"]), fields["base"], fields["last"],
				fields["records"], fields["counted"], fields["undecodable"], fields["filtered"],
			})
		}
	}
	slices.SortFunc(found, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Base, b.Base))
	})
	return found, nil
}

// Of returns the spans of one partition.
func (c Coverage) Of(partition int32) Coverage {
	var of Coverage
	for _, s := range c {
		if s.Partition == partition {
			of = append(of, s)
		}
	}
	return of
}

// Inside returns, for each partition that has one, an offset inside a record batch of
// several records below the given offset, starting at the middle of these batches.
// Beyond the committed offsets there may be gaps, which would be skipped by starting
// there.
func (c Coverage) Inside(below map[int32]int64) map[int32]int64 {
	offsets := map[int32]int64{}
	for partition, limit := range below {
		var several Coverage
		for _, s := range c.Of(partition) {
			if s.Records > 1 && s.Last < limit {
				several = append(several, s)
			}
		}
		if len(several) > 0 {
			s := several[len(several)/2]
			offsets[partition] = s.Base + s.Records/2
		}
	}
	return offsets
}

// Covers returns an error if a record of the topic below the given offsets, by
// partition, is in no span: a committed record must be stored.
func (c Coverage) Covers(topic *Topic, below map[int32]int64) error {
	for partition, limit := range below {
		spans := c.Of(partition)
		for _, offset := range topic.Offsets[partition] {
			if offset >= limit {
				break
			}
			for len(spans) > 0 && spans[0].Last < offset {
				spans = spans[1:]
			}
			if len(spans) == 0 || spans[0].Base > offset {
				return fmt.Errorf("offset %d of partition %d is committed, up to %d, and no coverage point has it", offset, partition, limit)
			}
		}
	}
	return nil
}

// Tiles returns an error unless each record of the topic is in exactly one span, and
// each span has the right numbers of records. Offsets without a span and without a
// record were transaction markers or aborted records.
func (c Coverage) Tiles(topic *Topic) error {
	ends := map[int32]int64{}
	bad := map[int32][]int64{}
	for partition, offsets := range topic.Offsets {
		ends[partition] = offsets[len(offsets)-1] + 1
	}
	for _, u := range topic.Undecodable {
		bad[u.Partition] = append(bad[u.Partition], u.Offset)
	}
	if err := c.Covers(topic, ends); err != nil {
		return err
	}
	for i, s := range c {
		if i > 0 && c[i-1].Partition == s.Partition && c[i-1].Last >= s.Base {
			return fmt.Errorf("the coverage points %+v and %+v overlap", c[i-1], s)
		}
		records := between(topic.Offsets[s.Partition], s.Base, s.Last)
		undecodable := between(bad[s.Partition], s.Base, s.Last)
		filtered := between(topic.Filtered[s.Partition], s.Base, s.Last)
		want := s
		want.Records, want.Undecodable, want.Filtered = records, undecodable, filtered
		want.Counted = records - undecodable - filtered
		if s != want || records != s.Last-s.Base+1 {
			return fmt.Errorf("the coverage point %+v should be %+v, with %d offsets", s, want, s.Last-s.Base+1)
		}
	}
	return nil
}

// between counts ascending offsets from first to last.
func between(offsets []int64, first, last int64) int64 {
	from, _ := slices.BinarySearch(offsets, first)
	to, _ := slices.BinarySearch(offsets, last+1)
	return int64(to - from)
}
