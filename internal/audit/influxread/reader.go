// Package influxread reads the contents of InfluxDB with queries: InfluxQL from 1.x and
// 3, Flux from 2.x and Cloud. It shares no code with the output that writes there.
//
// Flux can return a stored point more than once: a block of a file is returned again
// when points that are still in memory end in the middle of it
// (integerArrayAscendingCursor.Next of package tsm1, in 1.8.10 and 2.7.12). So points
// are identified by series and time, and each is returned once. To do so within bounded
// memory, a range is read in slices of time.
package influxread

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Bounds of a timestamp in InfluxDB, in nanoseconds since the Unix epoch
// (models.MinNanoTime and MaxNanoTime of InfluxDB 1.8 and 2.7).
const (
	MinNanos int64 = -1<<63 + 2
	MaxNanos int64 = 1<<63 - 2
)

// Tags with a meaning in this package.
const (
	tagBrand     = "brand"
	tagSentiment = "sentiment"
	tagSource    = "src"
	tagTopic     = "topic" // tag of coverage points
)

const fieldCount = "count"

// coverageFields are the fields of a coverage point. Older versions do not write the
// last one; its value is then 0.
var coverageFields = []string{"partition", "base", "last", "records", "counted", "undecodable", fieldFiltered}

const fieldFiltered = "filtered"

// Options are the settings of a Reader.
type Options struct {
	URL      string // http://HOST:PORT, with a path if a proxy needs one
	Org      string // organisation, in 2.x
	Bucket   string // in 1.x DATABASE or DATABASE/POLICY
	Token    string // token of 2.x; USER:PASSWORD in 1.8
	Username string // for 1.x, instead of Token
	Password string
	Headers  map[string]string
	TLS      *tls.Config // nil: the defaults
	Proxy    *url.URL    // nil: from the environment

	// Language is influxql or flux. If it is empty, it follows from the server's
	// version.
	Language string

	Measurement string // measurement of the counts
	Coverage    string // measurement of the coverage points

	// SliceRows is how many field values are in memory at a time, of about 24 bytes
	// each; 0 means 500,000.
	SliceRows int
}

// Reader reads one bucket.
type Reader struct {
	options  Options
	base     *url.URL
	http     *http.Client
	version  string
	language string
	rows     func(ctx context.Context, q query, each func(row) error) error
}

// Point is a point of the counts.
type Point struct {
	Brand, Sentiment string
	Source           string // the tag src, or empty
	Other            string // all other tags as NAME=VALUE, separated by commas; usually empty
	Nanos            int64  // since the Unix epoch
	Count            int64
}

// Span is a coverage point, which describes one record batch.
type Span struct {
	Source     string // the tag src, or empty
	Topic      string // the tag topic, empty in points of older versions
	Other      string // all other tags
	Nanos      int64
	Partition  int64
	Base, Last int64 // offsets
	Records    int64 // the sum of the next three
	// Filtered counts the records that the pipeline's mapping deleted.
	Counted, Undecodable, Filtered int64
	// Missing names the fields that do not exist. A completely written point has all of
	// them. It never names filtered.
	Missing []string
}

// query requests some fields of a measurement in a range of time. The end is exclusive,
// except that MaxNanos is included if the language allows it.
type query struct {
	measurement string
	fields      []string
	brands      bool // the points have the tag brand
	from, to    int64
}

// row is one value of a field. tags are all tags of its series; consecutive rows of a
// series share the map.
type row struct {
	tags  map[string]string
	nanos int64
	field int // position in the query's fields
	value int64
}

// Open connects to a server and requests its version. Its errors name the address and
// never the token.
func Open(ctx context.Context, o Options) (*Reader, error) {
	base, err := url.Parse(o.URL)
	switch {
	case err != nil:
		// The address may contain a password, which url.Error would print.
		return nil, errors.New("the address of InfluxDB is not a URL")
	case base.Scheme != "http" && base.Scheme != "https" && strings.ContainsAny(o.URL, "@?"): // for example joe:password@host
		return nil, errors.New("the address of InfluxDB must begin with http:// or https:// and must not contain a user, a password or a query")
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, fmt.Errorf("the address of InfluxDB, %q, must begin with http:// or https://", base.Redacted())
	case base.User != nil, base.RawQuery != "":
		return nil, errors.New("the address of InfluxDB must not contain a user, a password or a query. Use a token instead")
	case o.Bucket == "":
		return nil, errors.New("the name of the bucket is missing (in InfluxDB 1.x, of the database)")
	}
	if o.SliceRows == 0 {
		o.SliceRows = 500_000
	}
	r := &Reader{options: o, base: base, http: newClient(o)}
	if err := r.choose(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Version returns the version that the server reports, or an empty string.
func (r *Reader) Version() string { return r.version }

// Close frees idle connections.
func (r *Reader) Close() { r.http.CloseIdleConnections() }

// Points passes each point of the counts in a range of time to do, once. The range is
// in nanoseconds since the Unix epoch; its end is exclusive. Within a slice the points
// of a series are in the order of time, and slices are in the order of time.
func (r *Reader) Points(ctx context.Context, from, to int64, do func(Point) error) error {
	var p Point
	last := -1
	q := query{r.options.Measurement, []string{fieldCount}, true, from, to}
	return r.slices(ctx, q, func(found []cell, series []map[string]string) error {
		for _, c := range found {
			if c.series != last {
				p = Point{
					Brand: series[c.series][tagBrand], Sentiment: series[c.series][tagSentiment],
					Source: series[c.series][tagSource], Other: others(series[c.series], tagBrand, tagSentiment, tagSource),
				}
				last = c.series
			}
			p.Nanos, p.Count = c.nanos, c.value
			if err := do(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Coverage passes each coverage point to do, once.
func (r *Reader) Coverage(ctx context.Context, do func(Span) error) error {
	q := query{r.options.Coverage, coverageFields, false, MinNanos, MaxNanos}
	return r.slices(ctx, q, func(found []cell, series []map[string]string) error {
		for len(found) > 0 {
			n := 1
			for n < len(found) && found[n].series == found[0].series && found[n].nanos == found[0].nanos {
				n++
			}
			if err := do(spanOf(found[:n], series[found[0].series])); err != nil {
				return err
			}
			found = found[n:]
		}
		return nil
	})
}

func spanOf(found []cell, tags map[string]string) Span {
	s := Span{Source: tags[tagSource], Topic: tags[tagTopic], Other: others(tags, tagSource, tagTopic), Nanos: found[0].nanos}
	into := [...]*int64{&s.Partition, &s.Base, &s.Last, &s.Records, &s.Counted, &s.Undecodable, &s.Filtered}
	var have [len(into)]bool
	for _, c := range found {
		*into[c.field], have[c.field] = c.value, true
	}
	for i, name := range coverageFields {
		if !have[i] && name != fieldFiltered {
			s.Missing = append(s.Missing, name)
		}
	}
	return s
}

// others returns the tags except those named, in the order of their names.
func others(tags map[string]string, but ...string) string {
	var text []string
	for name, value := range tags {
		if value != "" && !slices.Contains(but, name) {
			text = append(text, name+"="+value)
		}
	}
	slices.Sort(text)
	return strings.Join(text, ",")
}

// cell is a row in a slice.
type cell struct {
	nanos  int64
	value  int64
	series int
	field  int
}

func compareCells(a, b cell) int {
	return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.nanos, b.nanos), cmp.Compare(a.field, b.field))
}
