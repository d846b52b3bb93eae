package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Measurements, as the processor writes them.
const (
	measurementTweets   = "tweets"
	measurementCoverage = "brandpulse_batches"
)

// key is how InfluxDB identifies a point.
type key struct {
	series string // measurement and tags
	nanos  int64
}

// point is one line of a write request.
type point struct {
	key
	fields string

	// For a point of tweets: which tweets it counts, and how many.
	cell  cell
	count int64
}

// parsePoint reads a line of line protocol. The model's tags have no space.
func parsePoint(line string) (p point, err error) {
	first, last := strings.IndexByte(line, ' '), strings.LastIndexByte(line, ' ')
	if first < 0 || first == last {
		return p, fmt.Errorf("parsing line %q: want series, fields and time", line)
	}
	p.series, p.fields = line[:first], line[first+1:last]
	if p.nanos, err = strconv.ParseInt(line[last+1:], 10, 64); err != nil || !p.of(measurementTweets) {
		return p, err
	}
	brand := slices.Index(brands[:], tag(p.series, "brand"))
	sentiment, ok := tweet.ParseSentiment(tag(p.series, "sentiment"))
	second := p.nanos/int64(time.Second) - epoch
	if brand < 0 || !ok || second < 0 || second >= seconds {
		return p, fmt.Errorf("parsing line %q: no such tweets are in the log", line)
	}
	p.cell, p.count = cell{int(second), brand, sentiment}, field(p.fields, "count")
	return p, nil
}

// field returns an integer field, or 0.
func field(fields, name string) int64 {
	for f := range strings.SplitSeq(fields, ",") {
		if value, ok := strings.CutPrefix(f, name+"="); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(value, "i"), 10, 64)
			return n
		}
	}
	return 0
}

// tag returns a tag, or "".
func tag(series, name string) string {
	for t := range strings.SplitSeq(series, ",") {
		if value, ok := strings.CutPrefix(t, name+"="); ok {
			return value
		}
	}
	return ""
}

func (k key) of(measurement string) bool {
	return k.series == measurement || strings.HasPrefix(k.series, measurement+",")
}

// String describes the point: `2 positive coffee in second 0 (slot 64)`.
func (p point) String() string {
	slot := p.nanos % int64(time.Second)
	if p.of(measurementCoverage) {
		return fmt.Sprintf("coverage of offsets %d to %d (slot %d)", field(p.fields, "base"), field(p.fields, "last"), slot)
	}
	source := ""
	if s := tag(p.series, "src"); s != "" {
		source = ", src " + s
	}
	return fmt.Sprintf("%d %s (slot %d%s)", p.count, p.cell, slot, source)
}

// points are the points of a write.
type points []point

func (all points) String() string {
	words := make([]string, len(all))
	for i, p := range all {
		words[i] = p.String()
	}
	return strings.Join(words, "; ")
}

// influx is InfluxDB: the last write of a key wins, in the order of arrival, and
// nothing distinguishes an old request from a new one.
type influx struct {
	stored map[key]point
}

func (i *influx) apply(of points) {
	for _, p := range of {
		i.stored[p.key] = p
	}
}

// counts returns the result of a query by second, brand and sentiment.
func (i *influx) counts() (c counts) {
	for _, p := range i.stored {
		c.add(p.cell, p.count)
	}
	return c
}

// request is a write request in flight: it may arrive at any time, in parts, more than
// once or never, whether its sender is alive or not.
type request struct {
	id     int
	sender *worker
	of     []*reading
	copied bool // it has arrived before
	points points
}

func (r *request) String() string { return fmt.Sprintf("write #%d of %s", r.id, r.sender.name) }
