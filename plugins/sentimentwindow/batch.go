package sentimentwindow

import (
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/stamp"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// bytesPerTweetLine sizes the buffer of a group that emits tweets.
const bytesPerTweetLine = 192

// Metadata of an emitted message, beside the topic, partition and offset.
const (
	metaLastOffset = "kafka_last_offset"
	metaTweets     = "tweets"
	metaPoints     = "points"
)

// group is what a batch holds of one topic and partition, or of no Kafka at
// all. It becomes one message of lines, or one message a point.
type group struct {
	first   origin
	last    int64 // offset
	inKafka bool
	err     error // why no tweet of it can be stamped, or nil

	series *seriesCache
	slot   int64 // of the first offset: a window's points all have it
	fold   fold

	lines  []byte
	points service.MessageBatch
	tweets int
	count  int // points
}

func (g *group) holds(o origin, inKafka bool) bool {
	return g.inKafka == inKafka && g.first.partition == o.partition && g.first.topic == o.topic && g.first.topicID == o.topicID
}

// folder turns one batch into points. It belongs to one thread at a time and
// is used again for the next batch.
type folder struct {
	conf   *config
	law    stamp.Law
	groups []*group // of this batch
	spare  []*group
	caches map[string]*seriesCache // by the value of the tag src
	size   int                     // messages of this batch
}

func newFolder(c *config, law stamp.Law) *folder {
	return &folder{conf: c, law: law, caches: make(map[string]*seriesCache)}
}

// groupOf finds the group of a message, or opens it.
func (f *folder) groupOf(o origin, inKafka bool) (g *group, opened bool) {
	for _, g := range f.groups {
		if g.holds(o, inKafka) {
			return g, false
		}
	}
	g = f.open(o, inKafka)
	f.groups = append(f.groups, g)
	return g, true
}

func (f *folder) open(o origin, inKafka bool) *group {
	var g *group
	if n := len(f.spare); n > 0 {
		g, f.spare = f.spare[n-1], f.spare[:n-1]
	} else {
		g = &group{fold: fold{law: f.law}}
	}
	g.first, g.inKafka = o, inKafka
	source := ""
	if f.conf.identity == identitySource {
		if !o.hasID {
			g.err = errors.New("identity: source needs the id of the topic, which the stock Kafka inputs do not give: set identity: timestamp")
			return g
		}
		source = sourceTag(o.topicID, o.partition)
	}
	if g.slot, g.err = f.law.Slot(o.offset, o.partition); g.err != nil {
		return g
	}
	g.series = f.caches[source]
	if g.series == nil {
		g.series = newSeriesCache(f.conf.measurement, source)
		f.caches[source] = g.series
	}
	return g
}

// add counts one tweet of g, or says why it cannot be.
func (f *folder) add(g *group, o origin, t *tweet.Tweet) error {
	s := g.series.of(t.Brand)
	if s.err != nil {
		return s.err
	}
	if f.conf.emit == emitWindows {
		if err := g.fold.add(t, s); err != nil {
			return err
		}
	} else if err := f.addTweet(g, o, t, s); err != nil {
		return err
	}
	g.tweets++
	g.last = o.offset
	return nil
}

func (f *folder) addTweet(g *group, o origin, t *tweet.Tweet, s *series) error {
	nanos, err := f.law.At(t.Millis, o.offset, o.partition)
	if err != nil {
		return err
	}
	g.count++
	if f.conf.output == outputPoints {
		g.addPoint(o.offset, o.offset, 1, tweetPoint(g.series, s, t, nanos))
		return nil
	}
	if g.lines == nil {
		g.lines = make([]byte, 0, f.size*bytesPerTweetLine/len(f.groups))
	}
	g.lines = appendTweet(g.lines, s, t, nanos)
	return nil
}

// addPoint adds a message of one point to what g emits.
func (g *group) addPoint(first, last int64, tweets int, point map[string]any) {
	m := service.NewMessage(nil)
	m.SetStructuredMut(point)
	g.describe(m, first, last, tweets, 1)
	g.points = append(g.points, m)
}

// messages gives what the batch becomes and how many points that is, group by
// group in the order of their first messages. A group without a tweet gives
// none.
func (f *folder) messages() (out service.MessageBatch, points int) {
	for _, g := range f.groups {
		if g.tweets == 0 {
			continue
		}
		if f.conf.emit == emitWindows {
			f.appendWindows(g)
		}
		points += g.count
		if f.conf.output == outputPoints {
			out = append(out, g.points...)
			continue
		}
		m := service.NewMessage(g.lines)
		g.describe(m, g.first.offset, g.last, g.tweets, g.count)
		out = append(out, m)
	}
	return out, points
}

func (f *folder) appendWindows(g *group) {
	for _, c := range g.fold.sorted() {
		for i, count := range c.counts {
			if count == 0 {
				continue
			}
			sentiment, nanos := tweet.Sentiment(i), c.start+g.slot
			g.count++
			if f.conf.output == outputPoints {
				g.addPoint(g.first.offset, g.last, int(count), windowPoint(g.series, c.series, sentiment, count, nanos))
			} else {
				g.lines = appendWindow(g.lines, c.series, sentiment, count, nanos)
			}
		}
	}
}

// describe says in metadata where the points come from, so that a refused one
// can be traced back.
func (g *group) describe(m *service.Message, first, last int64, tweets, points int) {
	m.MetaSetMut(metaTweets, tweets)
	m.MetaSetMut(metaPoints, points)
	if !g.inKafka {
		return
	}
	m.MetaSetMut(metaTopic, g.first.topic)
	m.MetaSetMut(metaPartition, int(g.first.partition))
	m.MetaSetMut(metaOffset, int(first))
	m.MetaSetMut(metaLastOffset, int(last))
}

// reset forgets the batch. What was emitted belongs to its messages.
func (f *folder) reset() {
	for _, g := range f.groups {
		g.fold.reset()
		*g = group{fold: g.fold}
		f.spare = append(f.spare, g)
	}
	f.groups = f.groups[:0]
	for source, c := range f.caches {
		if len(f.caches) > maxCachedBrands {
			delete(f.caches, source)
			continue
		}
		c.trim()
	}
}
