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

// bytesPerTweetLine sizes the buffer of a group that emits tweets.
const bytesPerTweetLine = 192

// group is what is counted together: what a batch holds of one topic and
// partition or of no Kafka at all, or one record batch. It becomes one message
// of lines, or one message a point.
type group struct {
	first   contract.Position
	last    int64 // offset
	inKafka bool
	err     error // why no tweet of it can be stamped, or nil
	// delivery is that of its first message, nil where the input has none.
	delivery *delivery.Delivery

	series *seriesCache
	// seriesBefore is how large series was before the group.
	seriesBefore int64
	slot         int64 // of the first offset: a window's points all have it
	fold         fold
	counted      [tweet.NumSentiments]int64
	newest       int64 // event time of those, ms since the Unix epoch
	covers       bool  // it has a coverage point
	coverage     coverage

	spanned span // the last window of emit: tweets, see spans

	room   int // bytes of lines to make room for, with emit: tweets
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

// folder turns one batch into points. It belongs to one thread at a time and
// is used again for the next batch.
type folder struct {
	conf   *config
	laws   laws
	spans  *spans
	groups []*group // of this batch
	spare  []*group
	caches map[cacheKey]*seriesCache

	tally   tally
	refused service.MessageBatch
	broken  []brokenRecord // of the record batch under way

	decompressor *recordbatch.Decompressor // with message: record_batch

	payer    *delivery.Delivery // that is charged for what is made; nil: none
	letters  int64              // about how many bytes dead letters take
	reserved int64              // bytes

	// What is decoded now: a call through a function value would put a local
	// variable on the heap for each batch.
	tweet tweet.Tweet
}

// cacheKey is what series have in common. The topic is in it for the coverage
// points, where it is a tag.
type cacheKey struct{ source, topic string }

func newFolder(c *config, l laws, s *spans) *folder {
	return &folder{conf: c, laws: l, spans: s, caches: make(map[cacheKey]*seriesCache), decompressor: recordbatch.NewDecompressor(int(c.maxBatchBytes))}
}

// groupOf finds the group of a message, or opens it.
func (f *folder) groupOf(o contract.Position, inKafka bool) (g *group, opened bool) {
	for _, g := range f.groups {
		if g.holds(o, inKafka) {
			return g, false
		}
	}
	return f.open(o, inKafka), true
}

// open adds a group that begins at o.
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
			g.err = misfit{errors.New("identity: source needs the id of the topic, which kafka_batches gives where the brokers know one (Kafka 2.8 and later), and the stock Kafka inputs do not: set identity: timestamp")}
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

// add counts the tweet of g at an offset, or says why it cannot be.
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

// addPoint adds a message of one point to what g emits. newest is the event time
// of its tweets.
func (g *group) addPoint(first, last int64, tweets int, newest int64, point map[string]any) {
	m := service.NewMessage(nil)
	m.SetStructuredMut(point)
	g.describe(m, first, last, tweets, 1, newest)
	g.points = append(g.points, m)
}

// messages gives what the batch becomes, group by group in the order of their
// first messages: points, then what was refused. A group without a tweet and
// without a coverage point gives none.
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

// watch takes in the offsets that the tweets of g's last window have.
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
		if early(c.newest) { // a window is short beside the weeks that this is about
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

// describe says in metadata what the points count, and where they come from, so
// that a refused one can be traced back.
func (g *group) describe(m *service.Message, first, last int64, tweets, points int, newest int64) {
	m.MetaSetMut(contract.Tweets, tweets)
	m.MetaSetMut(contract.Points, points)
	if tweets > 0 {
		m.MetaSetMut(contract.EventTime, newest)
	}
	if !g.inKafka {
		return
	}
	contract.Position{Topic: g.first.Topic, Partition: g.first.Partition, Offset: first}.Set(m)
	m.MetaSetMut(contract.KafkaLastOffset, int(last))
}

// drop takes back the group that was opened last.
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

// reset forgets the batch. What was emitted belongs to its messages.
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
