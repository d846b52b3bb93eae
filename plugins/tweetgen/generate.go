package tweetgen

import (
	"math/rand/v2"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// plan describes batch k, and which part of it to generate. Together with the seed
// and the time it determines every byte.
type plan struct {
	k        int64
	counts   counts // of the whole batch
	from, to int    // tweets of the batch, the first and the one after the last
}

// size returns the number of tweets to generate.
func (p plan) size() int { return p.to - p.from }

// wholeBatch plans all of batch k.
func wholeBatch(k int64, c counts) plan { return plan{k: k, counts: c, to: c.total()} }

func (c counts) total() (n int) {
	for _, part := range c {
		n += part
	}
	return n
}

// generator encodes the tweets of plans. A tweet is the concatenation of five
// strings, all prepared except the id: head, id, text, brand with sentiment, and
// tail, which holds the timestamp. A generator is immutable, so workers share one.
type generator struct {
	seed uint64
	ids  ids

	encoding string
	head     []byte
	texts    [tweet.NumSentiments][][]byte
	brands   [tweet.NumSentiments][][]byte
	// weights[i] is the chance, in 2^-32, that a tweet is about a brand up to i.
	weights []uint64

	meanBytes [tweet.NumSentiments]int // of a tweet, rounded up
	maxBytes  int
}

// brand is a brand and how often tweets are about it, relative to the others.
type brand struct {
	name   string
	weight float64
}

func newGenerator(seed uint64, encoding string, texts corpus, brands []brand) *generator {
	g := &generator{seed: seed, ids: newIDs(seed), encoding: encoding}
	switch encoding {
	case encodingAvro:
		g.head = tweet.AppendLong(nil, uuidBytes)
	case encodingSingleObject:
		g.head = tweet.AppendLong(tweet.AppendSingleObjectHeader(nil), uuidBytes)
	case encodingJSON:
		g.head = []byte(`{"id":"`)
	}
	var total, sum float64
	for _, b := range brands {
		total += b.weight
	}
	for _, b := range brands {
		sum += b.weight
		g.weights = append(g.weights, uint64(sum/total*(1<<32)))
	}
	g.weights[len(g.weights)-1] = 1 << 32 // despite rounding
	frame := len(g.head) + uuidBytes + len(g.tail(tweet.MinMillis))
	for s := range tweet.Sentiment(tweet.NumSentiments) {
		var mean float64
		longestText, longestBrand := 0, 0
		for _, text := range texts[s] {
			part := g.textPart(text)
			g.texts[s] = append(g.texts[s], part)
			longestText = max(longestText, len(part))
			mean += float64(len(part)) / float64(len(texts[s]))
		}
		for _, b := range brands {
			part := g.brandPart(b.name, s)
			g.brands[s] = append(g.brands[s], part)
			longestBrand = max(longestBrand, len(part))
			mean += float64(len(part)) * b.weight / total
		}
		g.maxBytes = max(g.maxBytes, frame+longestText+longestBrand)
		g.meanBytes[s] = frame + int(mean) + 2
	}
	return g
}

func (g *generator) textPart(text string) []byte {
	if g.encoding == encodingJSON {
		return tweet.AppendQuoted([]byte(`","text":`), []byte(text))
	}
	return append(tweet.AppendLong(nil, int64(len(text))), text...)
}

func (g *generator) brandPart(name string, s tweet.Sentiment) []byte {
	if g.encoding == encodingJSON {
		part := tweet.AppendQuoted([]byte(`,"brand":`), []byte(name))
		return append(append(append(part, `,"sentiment":"`...), s.String()...), `","timestamp":`...)
	}
	part := append(tweet.AppendLong(nil, int64(len(name))), name...)
	return tweet.AppendLong(part, int64(s))
}

func (g *generator) tail(millis int64) []byte {
	if g.encoding == encodingJSON {
		return append(strconv.AppendInt(nil, millis, 10), '}')
	}
	return tweet.AppendLong(nil, millis)
}

// sizeHint returns an estimate of the size of p's tweets in bytes.
func (g *generator) sizeHint(p plan) int {
	n := 0
	for s, count := range p.counts {
		n += count * g.meanBytes[s]
	}
	if total := p.counts.total(); p.size() < total {
		n = n * p.size() / total // a mean: sentiments are spread over the batch
	}
	return g.maxBytes + n
}

// appendBatch appends the tweets of p to dst, and to ends where each ends in dst. All
// have the time millis; everything else is a function of the seed and p.
func (g *generator) appendBatch(dst []byte, ends []uint32, p plan, millis int64) ([]byte, []uint32) {
	tail := g.tail(millis)
	d := g.draw(p)
	for range p.size() {
		one := d.next()
		dst = g.appendTweet(dst, &one, tail)
		ends = append(ends, uint32(len(dst)))
	}
	return dst, ends
}

// drawing draws the tweets of a batch one after the other.
type drawing struct {
	g      *generator
	random rand.PCG
	k      int64
	i      int    // of the next tweet
	size   int    // of the batch
	left   counts // tweets that are not drawn yet
}

// drawn is a tweet without its timestamp.
type drawn struct {
	high, low   uint64 // its id
	text, about []byte
}

// draw returns the drawing of the tweets of p. The random numbers of the batch's
// earlier tweets are drawn too, so that a part has the same tweets as the whole batch.
func (g *generator) draw(p plan) drawing {
	d := drawing{g: g, k: p.k, size: p.counts.total(), left: p.counts}
	d.random.Seed(g.seed^contentStream, uint64(p.k))
	for range p.from {
		d.next()
	}
	return d
}

// next returns the next tweet.
func (d *drawing) next() (one drawn) {
	g := d.g
	// Drawing without replacement makes every order of the sentiments equally likely.
	draw := d.random.Uint64()
	at := int(draw >> 32 * uint64(d.size-d.i) >> 32)
	s := 0
	for at >= d.left[s] {
		at -= d.left[s]
		s++
	}
	d.left[s]--

	texts := g.texts[s]
	one.text = texts[uint64(uint32(draw))*uint64(len(texts))>>32]
	high := d.random.Uint64()
	one.about = g.brands[s][0]
	if len(g.weights) > 1 {
		one.about = g.brands[s][g.pickBrand(d.random.Uint64()>>32)]
	}
	one.high, one.low = g.ids.of(d.k, d.i, high)
	d.i++
	return one
}

// tweetSize returns the number of bytes that appendTweet appends.
func (g *generator) tweetSize(one *drawn, tail []byte) int {
	return len(g.head) + uuidBytes + len(one.text) + len(one.about) + len(tail)
}

func (g *generator) appendTweet(dst []byte, one *drawn, tail []byte) []byte {
	dst = append(dst, g.head...)
	n := len(dst)
	dst = append(dst, noUUID...)
	putUUID(dst[n:], one.high, one.low)
	dst = append(dst, one.text...)
	dst = append(dst, one.about...)
	return append(dst, tail...)
}

// noUUID reserves space for an id: an append of constant length is fast.
const noUUID = "00000000-0000-0000-0000-000000000000"

// pickBrand returns the brand for a random number of 32 bits, by binary search.
func (g *generator) pickBrand(draw uint64) int {
	low, high := 0, len(g.weights)-1
	for low < high {
		if mid := int(uint(low+high) >> 1); draw < g.weights[mid] {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}
