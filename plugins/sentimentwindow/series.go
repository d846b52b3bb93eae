package sentimentwindow

import (
	"fmt"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Tags of a point. They are appended in the order of their names, which InfluxDB
// recommends.
const (
	tagBrand     = "brand"
	tagSentiment = "sentiment"
	tagSource    = "src"
	tagTopic     = "topic" // of coverage points
)

// series is the prefix of the lines of one brand, by sentiment.
type series struct {
	brand  string
	err    error // why line protocol cannot carry the brand, or nil
	prefix [tweet.NumSentiments][]byte
	last   hint
}

// maxCachedBrands bounds a cache whose keys come from the records. A full cache is
// cleared.
const maxCachedBrands = 4096

// seriesCache finds the series of a brand without allocating.
type seriesCache struct {
	measurement string
	source      string // value of the tag src, or empty for none
	coverage    []byte // prefix of the line of a coverage point
	brands      map[string]*series
	last        *series
	bytes       int64 // estimated memory of the brands
}

func newSeriesCache(measurement, source string) *seriesCache {
	return &seriesCache{measurement: measurement, source: source, brands: make(map[string]*series)}
}

func (c *seriesCache) of(brand []byte) *series {
	if c.last != nil && c.last.brand == string(brand) {
		return c.last
	}
	s, ok := c.brands[string(brand)]
	if !ok {
		s = c.add(string(brand))
	}
	c.last = s
	return s
}

func (c *seriesCache) add(brand string) *series {
	s := &series{brand: brand}
	if err := lineproto.CheckTagValue(brand); err != nil {
		s.err = fmt.Errorf("brand %q: %w", brand, err)
	}
	for i := range s.prefix {
		p := lineproto.AppendMeasurement(nil, c.measurement)
		p = lineproto.AppendTag(p, tagBrand, brand)
		p = lineproto.AppendTag(p, tagSentiment, tweet.Sentiment(i).String())
		if c.source != "" {
			p = lineproto.AppendTag(p, tagSource, c.source)
		}
		s.prefix[i] = append(p, ' ')
	}
	c.brands[brand] = s
	c.bytes += seriesBytes + 5*int64(len(brand))
	return s
}

// trim clears a cache that has become too large. It must only be called between batches:
// a fold identifies brands by the address of their series.
func (c *seriesCache) trim() {
	if len(c.brands) > maxCachedBrands {
		clear(c.brands)
		c.last, c.bytes = nil, 0
	}
}

// sourceTag returns the tag of a topic's partition.
func sourceTag(topicID [16]byte, partition int32) string {
	return stamp.TopicTag(topicID) + "-" + strconv.Itoa(int(partition))
}
