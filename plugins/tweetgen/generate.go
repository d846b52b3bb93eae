package tweetgen

import (
	"math/rand/v2"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// plan describes batch k, and which part of it is to be made. Together with the
// seed and the time it determines every byte.
type plan struct {
	k        int64
	counts   counts // of the whole batch
	from, to int    // tweets of the batch, the first and the one after the last
}

// size is the number of tweets to be made.
func (p plan) size() int { return p.to - p.from }

// wholeBatch plans all of batch k.
func wholeBatch(k int64, c counts) plan { return plan{k: k, counts: c, to: c.total()} }

func (c counts) total() (n int) {
	for _, part := range c {
		n += part
	}
	return n
}

// generator turns plans into encoded tweets. A tweet is five strings one after
// the other, all but the id prepared: head, id, text, brand with sentiment,
// and tail, which holds the timestamp. It is not changed by use, so all workers
// share one.
type generator struct {
	seed uint64
	ids  ids

	encoding string
	head     []byte
	texts    [tweet.NumSentiments][][]byte
	brands   [tweet.NumSentiments][][]byte
	// weights[i] is the chance, in 2^-32, that a tweet is about a brand up to i.
	weights []uint64

	meanBytes [tweet.NumSentiments]int // of a tweet, and a little more
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
	g.weights[len(g.weights)-1] = 1 << 32 // whatever the rounding did
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

// sizeHint estimates the bytes of the tweets of p.
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

// appendBatch appends the tweets of p to dst and where each ends in dst to
// ends. All have the time millis; all else is a function of the seed and p. The
// tweets before those of p are drawn and not made: a part is the same tweets as in
// the whole batch.
func (g *generator) appendBatch(dst []byte, ends []uint32, p plan, millis int64) ([]byte, []uint32) {
	var random rand.PCG
	random.Seed(g.seed^contentStream, uint64(p.k))
	tail := g.tail(millis)
	left := p.counts
	size := p.counts.total()
	for i := range p.to {
		// The sentiments are spread by drawing from those that are left, as
		// from an urn: every order is as likely as any other.
		draw := random.Uint64()
		at := int(draw >> 32 * uint64(size-i) >> 32)
		s := 0
		for at >= left[s] {
			at -= left[s]
			s++
		}
		left[s]--

		texts := g.texts[s]
		text := texts[uint64(uint32(draw))*uint64(len(texts))>>32]
		high := random.Uint64()
		about := g.brands[s][0]
		if len(g.weights) > 1 {
			about = g.brands[s][g.pickBrand(random.Uint64()>>32)]
		}
		if i < p.from {
			continue
		}

		dst = append(dst, g.head...)
		n := len(dst)
		dst = append(dst, noUUID...)
		high, low := g.ids.of(p.k, i, high)
		putUUID(dst[n:], high, low)
		dst = append(dst, text...)
		dst = append(dst, about...)
		dst = append(dst, tail...)
		ends = append(ends, uint32(len(dst)))
	}
	return dst, ends
}

// noUUID makes the room for an id by an append of constant length.
const noUUID = "00000000-0000-0000-0000-000000000000"

// pickBrand gives the brand for a draw of 32 bits, by bisection.
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
