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

// generator encodes the tweets of plans. A tweet is the concatenation of strings that are
// prepared except the id: head, id, text, brand, and tail, which holds sentiment and
// timestamp. A generator is immutable, so workers share one.
type generator struct {
	seed uint64
	ids  ids

	encoding string
	head     []byte
	texts    [tweet.NumSentiments][]text
	pool     []byte // random characters behind texts; nil without any
	brands   parts
	picker   picker // of brands
	envelope envelope
	bare     bool        // the envelope is empty
	flaws    *flawPicker // nil without flaws
	copied   float64     // share of tweets that are sent twice

	meanBytes [tweet.NumSentiments]int // of a tweet, rounded up
	maxBytes  int
}

// content is what tweets are made of. Together with the mix, the seed and the size of
// batches it determines them, except for their timestamps.
type content struct {
	encoding string
	texts    corpus
	brands   []brand
	key      string
	keyCount int
	keyZipf  float64
	headers  []header
	// fill is the part of the texts that is replaced, for their compressibility.
	fill  float64
	flaws flaws
}

// brand is a brand and how often tweets are about it, relative to the others.
type brand struct {
	name   string
	weight float64
}

func newGenerator(seed uint64, c *content) *generator {
	g := &generator{seed: seed, ids: newIDs(seed), encoding: c.encoding, envelope: newEnvelope(c)}
	g.bare = g.envelope.empty()
	g.flaws, g.copied = newFlawPicker(&c.flaws), c.flaws.shares[duplicated]
	switch c.encoding {
	case encodingAvro:
		g.head = tweet.AppendLong(nil, uuidBytes)
	case encodingSingleObject:
		g.head = tweet.AppendLong(tweet.AppendSingleObjectHeader(nil), uuidBytes)
	case encodingJSON:
		g.head = []byte(`{"id":"`)
	}
	if c.fill > 0 {
		g.pool = newPool(seed)
	}
	var total, meanBrand float64
	weights := make([]float64, len(c.brands))
	for i, b := range c.brands {
		g.brands.add(g.brandPart(b.name))
		weights[i] = b.weight
		total += b.weight
	}
	for i, w := range weights {
		meanBrand += float64(len(g.brands.at(i))) * w / total
	}
	g.picker = newPicker(weights)
	longestBrand := g.brands.longest()
	tails := g.tails(tweet.MinMillis)
	for s := range g.texts {
		g.texts[s] = g.textsOf(c.texts[s], c.fill)
		frame := len(g.head) + uuidBytes + len(tails[s])
		var mean float64
		longestText := 0
		for i := range g.texts[s] {
			n := len(g.texts[s][i].part) + g.texts[s][i].fill
			longestText = max(longestText, n)
			mean += float64(n) / float64(len(g.texts[s]))
		}
		g.maxBytes = max(g.maxBytes, frame+longestText+longestBrand)
		g.meanBytes[s] = frame + int(mean+meanBrand) + 2
	}
	return g
}

func (g *generator) brandPart(name string) []byte {
	if g.encoding == encodingJSON {
		return tweet.AppendQuoted([]byte(`","brand":`), []byte(name))
	}
	return append(tweet.AppendLong(nil, int64(len(name))), name...)
}

// tails returns the end of a tweet of each sentiment.
func (g *generator) tails(millis int64) (tails [tweet.NumSentiments][]byte) {
	for s := range tails {
		tails[s] = g.appendTail(nil, tweet.Sentiment(s), millis)
	}
	return tails
}

func (g *generator) appendTail(dst []byte, s tweet.Sentiment, millis int64) []byte {
	if g.encoding == encodingJSON {
		dst = append(append(dst, `,"sentiment":"`...), s.String()...)
		return append(strconv.AppendInt(append(dst, `","timestamp":`...), millis, 10), '}')
	}
	return tweet.AppendLong(tweet.AppendLong(dst, int64(s)), millis)
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
	return g.maxBytes + g.withCopies(n)
}

// fillBatch appends the tweets of b's plan to b. All have the time millis, unless they are
// late or out of order; everything else is a function of the seed and the plan.
func (g *generator) fillBatch(b *batch, millis int64) {
	tails := g.tails(millis)
	d := g.draw(b.plan)
	if g.envelope.keyed() {
		b.keys = newParts(b.plan.size(), g.envelope.maxKeyBytes)
	}
	if len(g.envelope.headers) > 0 {
		b.headers = newParts(b.plan.size(), len(g.envelope.headers))
	}
	for range b.plan.size() {
		one := d.next()
		b.contents.add(&one)
		tail := d.tail(&one, &tails, millis)
		for range one.copies() {
			start := len(b.data)
			b.data = g.appendTweet(b.data, &one, tail)
			if one.flaw == broken {
				b.data = b.data[:start+kept(&one, len(b.data)-start)]
			}
			b.ends = append(b.ends, uint32(len(b.data)))
			if g.bare {
				continue
			}
			if g.envelope.keyed() {
				b.keys.add(d.wrapping.key)
			}
			if len(d.wrapping.headers) > 0 {
				b.headers.add(d.wrapping.headers)
			}
		}
	}
}

// drawing draws the tweets of a batch one after the other.
type drawing struct {
	g        *generator
	random   rand.PCG
	k        int64
	i        int    // of the next tweet
	size     int    // of the batch
	left     counts // tweets that are not drawn yet
	filled   int    // where the next random characters begin in the pool
	wrapping wrapping
	flaws    rand.PCG
	ownTail  []byte // of a tweet with a time of its own
}

// drawn is a tweet without its timestamp.
type drawn struct {
	high, low uint64 // its id
	text      *text
	fill      int // where its random characters begin in the pool
	brand     int
	sentiment int
	flaw      flaw
	extent    uint32 // of the flaw
}

// draw returns the drawing of the tweets of p. The random numbers of the batch's
// earlier tweets are drawn too, so that a part has the same tweets as the whole batch.
func (g *generator) draw(p plan) drawing {
	d := drawing{g: g, k: p.k, size: p.counts.total(), left: p.counts}
	d.random.Seed(g.seed^contentStream, uint64(p.k))
	if g.pool != nil {
		var random rand.PCG
		random.Seed(g.seed^fillStream, uint64(p.k))
		d.filled = int(randomBelow(&random, uint64(len(g.pool))))
	}
	if !g.bare {
		d.wrapping.begin(&g.envelope, g.seed, p.k)
	}
	if g.flaws != nil {
		d.flaws.Seed(g.seed^flawStream, uint64(p.k))
	}
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
	one.sentiment = s

	texts := g.texts[s]
	one.text = &texts[uint64(uint32(draw))*uint64(len(texts))>>32]
	high := d.random.Uint64()
	if len(g.brands.ends) > 1 {
		one.brand = g.picker.pick(uint32(d.random.Uint64() >> 32))
	}
	one.high, one.low = g.ids.of(d.k, d.i, high)
	d.i++
	if n := one.text.fill; n > 0 {
		if d.filled+n > len(g.pool) {
			d.filled = 0
		}
		one.fill = d.filled
		d.filled += n
	}
	if !g.bare {
		d.wrapping.next(&g.envelope, &one)
	}
	if g.flaws != nil {
		g.flaws.set(&d.flaws, &one)
	}
	return one
}

// tweetSize returns the number of bytes that appendTweet appends.
func (g *generator) tweetSize(one *drawn, tail []byte) int {
	return len(g.head) + uuidBytes + len(one.text.part) + one.text.fill + len(g.brands.at(one.brand)) + len(tail)
}

func (g *generator) appendTweet(dst []byte, one *drawn, tail []byte) []byte {
	dst = append(dst, g.head...)
	n := len(dst)
	dst = append(dst, noUUID...)
	putUUID(dst[n:], one.high, one.low)
	dst = append(dst, one.text.part...)
	if one.text.fill > 0 {
		dst = append(dst, g.pool[one.fill:one.fill+one.text.fill]...)
	}
	dst = append(dst, g.brands.at(one.brand)...)
	return append(dst, tail...)
}

// noUUID reserves space for an id: an append of constant length is fast.
const noUUID = "00000000-0000-0000-0000-000000000000"
