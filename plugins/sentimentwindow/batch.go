package sentimentwindow

import (
	"errors"
	"math"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// bytesPerTweetLine estimates the size of a line with emit: tweets.
const bytesPerTweetLine = 192

// group is a set of tweets that are counted together: those of a batch from one topic
// and partition, those that do not come from Kafka, or one record batch. It becomes one
// message of lines, or one message per point.
type group struct {
	first   contract.Position
	last    int64 // offset
	inKafka bool
	err     error // why its tweets cannot be stamped, or nil
	// delivery is that of its first message; nil if the input has none.
	delivery *delivery.Delivery

	series *seriesCache
	// seriesBefore is the size of series before the group.
	seriesBefore int64
	slot         int64 // of the first offset; all points of windows have it
	fold         fold
	counted      [tweet.NumSentiments]int64
	newest       int64 // event time of those, ms since the Unix epoch
	covers       bool  // it has a coverage point
	coverage     coverage

	spanned span // the last window of emit: tweets, see spans

	room   int // estimated bytes of lines, with emit: tweets
	lines  []byte
	points service.MessageBatch
	count  int // points
}

func (g *group) tweets() (n int64) {
	for _, sentiment := range g.counted {
		n += sentiment
	}
	return n
}

func (g *group) holds(o contract.Position, inKafka bool) bool {
	return g.inKafka == inKafka && g.first.Partition == o.Partition && g.first.Topic == o.Topic && g.first.TopicID == o.TopicID
}

// folder turns a batch into points. It is used by one thread at a time, for one batch
// after the other.
type folder struct {
	conf   *config
	laws   laws
	spans  *spans
	groups []*group // of this batch
	spare  []*group
	caches map[cacheKey]*seriesCache

	tally   tally
	refused service.MessageBatch
	broken  []brokenRecord // of the current record batch

	decompressor *recordbatch.Decompressor // with message: record_batch

	payer    *delivery.Delivery // charged for the memory of the results; nil: none
	letters  int64              // estimated bytes of dead letters
	reserved int64              // bytes

	// The current tweet. A local variable would move to the heap for each batch, since
	// it is passed to a function value.
	tweet tweet.Tweet
}

// cacheKey identifies a seriesCache. It includes the topic, which is a tag of coverage
// points.
type cacheKey struct{ source, topic string }

func newFolder(c *config, l laws, s *spans) *folder {
	return &folder{conf: c, laws: l, spans: s, caches: make(map[cacheKey]*seriesCache), decompressor: recordbatch.NewDecompressor(int(c.maxBatchBytes))}
}

// groupOf returns the group of a message, and opens it if it is new.
func (f *folder) groupOf(o contract.Position, inKafka bool) (g *group, opened bool) {
	for _, g := range f.groups {
		if g.holds(o, inKafka) {
			return g, false
		}
	}
	return f.open(o, inKafka), true
}

// open adds a group whose first offset is that of o.
func (f *folder) open(o contract.Position, inKafka bool) *group {
	var g *group
	if n := len(f.spare); n > 0 {
		g, f.spare = f.spare[n-1], f.spare[:n-1]
	} else {
		g = &group{fold: fold{law: f.laws.points}}
	}
	f.groups = append(f.groups, g)
	g.first, g.inKafka, g.newest = o, inKafka, math.MinInt64
	source := ""
	if f.conf.identity == contract.IdentitySource {
		if !o.HasID() {
			g.err = misfit{errors.New("identity: source needs the id of the topic: kafka_batches provides it with Kafka 2.8 and later, the stock Kafka inputs do not. Set identity: timestamp")}
			return g
		}
		source = sourceTag(o.TopicID, o.Partition)
	}
	if g.slot, g.err = f.laws.points.Slot(o.Offset, o.Partition); g.err != nil {
		return g
	}
	key := cacheKey{source, o.Topic}
	g.series = f.caches[key]
	if g.series == nil {
		g.series = newSeriesCache(f.conf.measurement, source)
		if f.conf.coverage != "" {
			g.series.coverage, g.err = coverageSeries(f.conf.coverage, source, o.Topic)
		}
		if g.err == nil {
			f.caches[key] = g.series
		}
	}
	g.seriesBefore = g.series.bytes
	return g
}

// add counts a tweet of g at an offset, or returns why it cannot.
func (f *folder) add(g *group, offset int64, t *tweet.Tweet) error {
	s := g.series.of(t.Brand)
	if s.err != nil {
		return s.err
	}
	if f.conf.emit == emitWindows {
		if err := g.fold.add(t, s); err != nil {
			return err
		}
	} else if err := f.addTweet(g, offset, t, s); err != nil {
		return err
	}
	g.counted[t.Sentiment]++
	g.last = offset
	return nil
}

func (f *folder) addTweet(g *group, offset int64, t *tweet.Tweet, s *series) error {
	slot, err := f.laws.points.Slot(offset, g.first.Partition)
	if err != nil {
		return err
	}
	start, err := f.laws.points.Floor(t.Millis)
	if err != nil {
		return err
	}
	nanos := start + slot
	if w := &g.spanned; !w.used || w.start != start {
		f.watch(g)
		*w = span{start: start, low: offset, high: offset, used: true}
	} else {
		w.low, w.high = min(w.low, offset), max(w.high, offset)
	}
	g.count++
	g.newest = max(g.newest, t.Millis)
	if early(t.Millis) {
		f.tally.early.add(g, t.Millis, 1)
	}
	if f.conf.output == outputPoints {
		g.addPoint(offset, offset, 1, t.Millis, tweetPoint(g.series, s, t, nanos))
		return nil
	}
	if g.lines == nil {
		g.lines = make([]byte, 0, g.room)
	}
	g.lines = appendTweet(g.lines, s, t, nanos)
	return nil
}

// addPoint adds a message with one point to g. newest is the latest event time of its
// tweets.
func (g *group) addPoint(first, last int64, tweets int, newest int64, point map[string]any) {
	m := service.NewMessage(nil)
	m.SetStructuredMut(point)
	g.describe(m, first, last, tweets, 1, newest)
	g.points = append(g.points, m)
}

// messages returns the results of the batch: points, group by group in the order of
// their first messages, then dead letters. A group without tweets and without a
// coverage point has none.
func (f *folder) messages() (out service.MessageBatch) {
	for _, g := range f.groups {
		tweets := g.tweets()
		if tweets == 0 && !g.covers {
			continue
		}
		if f.conf.emit == emitWindows {
			f.appendWindows(g)
		} else {
			f.watch(g)
		}
		if g.covers {
			f.appendCoverage(g)
		}
		f.tally.points += int64(g.count)
		for i, n := range g.counted {
			f.tally.tweets[i] += n
		}
		if f.conf.output == outputPoints {
			out = append(out, g.points...)
			continue
		}
		m := service.NewMessage(g.lines)
		g.describe(m, g.first.Offset, g.last, int(tweets), g.count, g.newest)
		out = append(out, m)
	}
	return append(out, f.refused...)
}

// watch records the span of offsets of g's last window.
func (f *folder) watch(g *group) {
	if w := &g.spanned; w.used {
		f.spans.add(spanTable{topic: g.first.Topic, partition: g.first.Partition}, w.start, w.low, w.high)
	}
}

func (f *folder) appendWindows(g *group) {
	for _, c := range g.fold.sorted() {
		if w := &g.spanned; !w.used || w.start != c.start {
			*w = span{start: c.start, low: g.first.Offset, high: g.first.Offset, used: true}
			f.watch(g)
		}
		g.newest = max(g.newest, c.newest)
		if early(c.newest) { // windows are short compared with these weeks
			f.tally.early.add(g, c.newest, c.tweets())
		}
		for i, count := range c.counts {
			if count == 0 {
				continue
			}
			sentiment, nanos := tweet.Sentiment(i), c.start+g.slot
			g.count++
			if f.conf.output == outputPoints {
				g.addPoint(g.first.Offset, g.last, int(count), c.newest, windowPoint(g.series, c.series, sentiment, count, nanos))
			} else {
				g.lines = appendWindow(g.lines, c.series, sentiment, count, nanos)
			}
		}
	}
}

func (f *folder) appendCoverage(g *group) {
	f.spans.add(spanTable{g.first.Topic, g.first.Partition, true}, g.coverage.nanos, g.coverage.base, g.coverage.base)
	g.count++
	if f.conf.output == outputPoints {
		g.addPoint(g.first.Offset, g.last, 0, 0, coveragePoint(f.conf.coverage, g.series.source, g.first.Topic, &g.coverage))
		return
	}
	g.lines = appendCoverage(g.lines, g.series.coverage, &g.coverage)
}

// describe sets the metadata of a message of points: what they count and where the
// tweets come from, so that a rejected point can be traced back, also after the topic
// was re-created.
func (g *group) describe(m *service.Message, first, last int64, tweets, points int, newest int64) {
	m.MetaSetMut(contract.Tweets, tweets)
	m.MetaSetMut(contract.Points, points)
	if tweets > 0 {
		m.MetaSetMut(contract.EventTime, newest)
	}
	if !g.inKafka {
		return
	}
	contract.Position{Topic: g.first.Topic, TopicID: g.first.TopicID, Partition: g.first.Partition, Offset: first}.Set(m)
	m.MetaSetMut(contract.KafkaLastOffset, int(last))
}

// drop removes the group that was opened last.
func (f *folder) drop() {
	last := len(f.groups) - 1
	f.spare = append(f.spare, f.groups[last].emptied())
	f.groups = f.groups[:last]
}

func (g *group) emptied() *group {
	g.fold.reset()
	*g = group{fold: g.fold}
	return g
}

// reset prepares the folder for the next batch. Emitted bytes belong to their messages.
func (f *folder) reset() {
	for _, g := range f.groups {
		f.spare = append(f.spare, g.emptied())
	}
	f.groups = f.groups[:0]
	f.refused, f.tally = nil, tally{}
	f.letters = 0
	f.tweet = tweet.Tweet{}
	for key, c := range f.caches {
		if len(f.caches) > maxCachedBrands {
			delete(f.caches, key)
			continue
		}
		c.trim()
	}
}
