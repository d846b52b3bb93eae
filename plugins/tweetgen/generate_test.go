package tweetgen

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"testing"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

var (
	halfTheRest = shares{50 * shareUnit, 30 * shareUnit, 20 * shareUnit}
	superCoffee = []brand{{"SuperCoffee", 1}}
)

// plainGenerator generates tweets without keys and headers, of texts as they are.
func plainGenerator(seed uint64, encoding string, texts corpus, brands []brand) *generator {
	return newGenerator(seed, &content{encoding: encoding, texts: texts, brands: brands})
}

// generated returns the tweets of a plan, each as its bytes.
func generated(g *generator, p plan, millis int64) [][]byte {
	b := &batch{plan: p}
	g.fillBatch(b, millis)
	return tweetsOf(b)
}

// tweetsOf returns the tweets of a batch, each as its bytes.
func tweetsOf(b *batch) (tweets [][]byte) {
	start := uint32(0)
	for _, end := range b.ends {
		tweets = append(tweets, b.data[start:end])
		start = end
	}
	if start != uint32(len(b.data)) {
		panic("bytes behind the last tweet")
	}
	return tweets
}

// peer reads with implementations that share no code with the generator.
type peer struct {
	ID        string `avro:"id" json:"id"`
	Text      string `avro:"text" json:"text"`
	Brand     string `avro:"brand" json:"brand"`
	Sentiment string `avro:"sentiment" json:"sentiment"`
	Timestamp int64  `avro:"timestamp" json:"timestamp"`
}

var peerSchema = avro.MustParse(schemas.Tweet)

func (p *peer) read(encoding string, b []byte) error {
	switch encoding {
	case encodingJSON:
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		return dec.Decode(p)
	case encodingSingleObject:
		_, b, _ = tweet.SplitSingleObject(b)
	}
	return avro.Unmarshal(peerSchema, b, p)
}

var uuidV4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// The generator puts tweets together from prepared parts. Whatever the corpus,
// the brands and the plan, each must be a tweet with the meaning that was
// planned: to our own strict decoder and to a foreign one.
func TestGeneratedTweetsMeanWhatWasPlanned(t *testing.T) {
	text := rapid.OneOf(rapid.StringN(1, 100, -1), rapid.SampledFrom([]string{`"quoted" \ back`, "☕ é\n\t", "x"}))
	name := rapid.OneOf(rapid.StringN(1, 20, 200), rapid.SampledFrom([]string{"SuperCoffee", `a"b`, "Caffè, Nero=1"}))
	rapid.Check(t, func(t *rapid.T) {
		var texts corpus
		for s := range texts {
			texts[s] = rapid.SliceOfN(text, 1, 4).Draw(t, tweet.Sentiment(s).String())
		}
		brands := []brand{}
		for _, n := range rapid.SliceOfNDistinct(name, 1, 4, rapid.ID).Draw(t, "brands") {
			brands = append(brands, brand{n, rapid.Float64Range(0.1, 10).Draw(t, "weight")})
		}
		encoding := rapid.SampledFrom([]string{encodingAvro, encodingSingleObject, encodingJSON}).Draw(t, "encoding")
		g := plainGenerator(rapid.Uint64().Draw(t, "seed"), encoding, texts, brands)
		mix := fixedMix{shares: anyShares(t)}
		p := wholeBatch(rapid.Int64Range(0, maxBatches-1).Draw(t, "k"), mix.next(rapid.IntRange(1, 50).Draw(t, "size")))
		millis := rapid.Int64Range(0, tweet.MaxMillis).Draw(t, "millis")

		var got counts
		for _, b := range generated(g, p, millis) {
			if len(b) > g.maxBytes {
				t.Fatalf("a tweet of %d bytes, at most %d were expected", len(b), g.maxBytes)
			}
			var ours tweet.Tweet
			if err := decode(encoding, b, &ours); err != nil {
				t.Fatalf("%q: %v", b, err)
			}
			var theirs peer
			if err := theirs.read(encoding, b); err != nil {
				t.Fatalf("%q: by the peer: %v", b, err)
			}
			if theirs.ID != string(ours.ID) || theirs.Text != string(ours.Text) || theirs.Brand != string(ours.Brand) ||
				theirs.Sentiment != ours.Sentiment.String() || theirs.Timestamp != ours.Millis {
				t.Fatalf("%q: read as %+v, by the peer as %+v", b, ours, theirs)
			}
			if !uuidV4.MatchString(theirs.ID) {
				t.Fatalf("%s is not a UUID of version 4", theirs.ID)
			}
			if !slices.Contains(texts[ours.Sentiment], theirs.Text) {
				t.Fatalf("the text %q is not a %s one", theirs.Text, theirs.Sentiment)
			}
			if !slices.ContainsFunc(brands, func(b brand) bool { return b.name == theirs.Brand }) {
				t.Fatalf("nobody knows the brand %q", theirs.Brand)
			}
			if ours.Millis != millis {
				t.Fatalf("timestamp %d, want %d", ours.Millis, millis)
			}
			got[ours.Sentiment]++
		}
		if got != p.counts {
			t.Fatalf("got %v, planned %v", got, p.counts)
		}
	})
}

func decode(encoding string, b []byte, t *tweet.Tweet) error {
	switch encoding {
	case encodingJSON:
		return t.DecodeJSON(b)
	case encodingSingleObject:
		fingerprint, datum, ok := tweet.SplitSingleObject(b)
		if !ok || fingerprint != tweet.Fingerprint {
			return tweet.ErrTruncated
		}
		b = datum
	}
	return t.DecodeAvro(b)
}

// The same seed must give the same tweets on every machine and with every
// later version: people keep seeds.
func TestTweetsOfASeedNeverChange(t *testing.T) {
	g := plainGenerator(42, encodingJSON, builtin, []brand{{"SuperCoffee", 3}, {"MegaTea", 1}})
	mix := volatileMix{base: halfTheRest, factor: 800_000, seed: 42}
	var got []string
	for k := range int64(2) {
		for _, b := range generated(g, wholeBatch(k, mix.at(k).split(3)), 1767225600000) {
			got = append(got, string(b))
		}
	}
	want := []string{
		`{"id":"bc08c578-51b3-4d03-aa31-9dd76723e1dc","text":"They have opened another shop next to the station this week.","brand":"MegaTea","sentiment":"neutral","timestamp":1767225600000}`,
		`{"id":"2a3d886e-7ffe-4d28-a902-fc699aa376e6","text":"Could not start my morning without it. Ten out of ten, again.","brand":"MegaTea","sentiment":"positive","timestamp":1767225600000}`,
		`{"id":"f6860e47-f63c-4686-b25a-57281871f5e7","text":"Best coffee I have had in a long time, and the staff are lovely!","brand":"SuperCoffee","sentiment":"positive","timestamp":1767225600000}`,
		`{"id":"a612dd59-c414-422c-901a-72638cd47c71","text":"Could not start my morning without it. Ten out of ten, again.","brand":"SuperCoffee","sentiment":"positive","timestamp":1767225600000}`,
		`{"id":"eb5edca9-757f-4423-9961-2aaf16cbc153","text":"Waited twenty minutes for a cup that was cold. Not coming back.","brand":"SuperCoffee","sentiment":"negative","timestamp":1767225600000}`,
		`{"id":"4a5bf6db-cb0b-45fc-959d-0a8277e9e420","text":"Waited twenty minutes for a cup that was cold. Not coming back.","brand":"SuperCoffee","sentiment":"negative","timestamp":1767225600000}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q", got)
	}
}

func TestABatchIsAFunctionOfSeedAndNumber(t *testing.T) {
	p := wholeBatch(7, counts{50, 30, 20})
	first := generated(plainGenerator(1, encodingAvro, builtin, superCoffee), p, 5)
	g := plainGenerator(1, encodingAvro, builtin, superCoffee)
	generated(g, wholeBatch(6, counts{1, 2, 3}), 4)
	if again := generated(g, p, 5); !slices.EqualFunc(first, again, bytes.Equal) {
		t.Error("batch 7 depends on what was generated before")
	}
	for name, other := range map[string][][]byte{
		"another seed":  generated(plainGenerator(2, encodingAvro, builtin, superCoffee), p, 5),
		"another batch": generated(g, wholeBatch(8, p.counts), 5),
	} {
		for i := range other {
			if bytes.Equal(other[i][:37], first[i][:37]) {
				t.Errorf("%s has the same id %s", name, other[i][1:37])
			}
		}
	}
}

// Ids repeat neither within a batch nor between batches; that the second half
// can be turned back into k and i proves it for all of them.
func TestIDsAreUnique(t *testing.T) {
	inverse := func(odd uint64) uint64 { // modulo 2^62, by Newton's method
		x := odd
		for range 6 {
			x *= 2 - odd*x
		}
		return x
	}
	rapid.Check(t, func(t *rapid.T) {
		g := newIDs(rapid.Uint64().Draw(t, "seed"))
		k := rapid.Int64Range(0, maxBatches-1).Draw(t, "k")
		i := rapid.IntRange(0, maxBatchSize-1).Draw(t, "i")
		high, low := g.of(k, i, rapid.Uint64().Draw(t, "random"))
		if high>>12&0xF != 4 || low>>62 != 2 {
			t.Fatalf("%016x%016x is not a UUID of version 4", high, low)
		}
		n := low & mask62
		n ^= n>>29 ^ n>>58
		n = n * inverse(0x94d049bb133111eb) & mask62
		n ^= n >> 31
		n = n * inverse(0xbf58476d1ce4e5b9) & mask62
		n = (n - g.key) & mask62
		if n != uint64(k)<<indexBits|uint64(i) {
			t.Fatalf("%016x comes from %d, not from batch %d, tweet %d", low, n, k, i)
		}
	})
}

// Runs without a seed must not share ids.
func TestDrawnSeedsDiffer(t *testing.T) {
	seen := make(map[int64]bool)
	for range 10 {
		c := testConfig(t, "seed: 0")
		if !c.seedDrawn || c.seed < 1 || c.seed > maxSeed || seen[c.seed] {
			t.Fatalf("drawn seed %d, %v", c.seed, c.seedDrawn)
		}
		seen[c.seed] = true
	}
}

// Sorted sentiments would give consumers, and partitions that are filled one
// after the other, a wrong picture.
func TestSentimentsAreSpreadOverTheBatch(t *testing.T) {
	g := plainGenerator(9, encodingAvro, builtin, superCoffee)
	const size = 10_000
	p := wholeBatch(0, counts{size / 2, size * 3 / 10, size / 5})
	var firstHalf counts
	changes, last := 0, tweet.Sentiment(9)
	for i, b := range generated(g, p, 1) {
		var tw tweet.Tweet
		if err := tw.DecodeAvro(b); err != nil {
			t.Fatal(err)
		}
		if i < size/2 {
			firstHalf[tw.Sentiment]++
		}
		if tw.Sentiment != last {
			changes++
		}
		last = tw.Sentiment
	}
	for s, n := range firstHalf {
		if math.Abs(float64(n-p.counts[s]/2)) > 150 { // over four standard deviations
			t.Errorf("the first half has %d of %d %s tweets", n, p.counts[s], tweet.Sentiment(s))
		}
	}
	// The chance that two neighbours differ is 1 - (0.25+0.09+0.04).
	if want := size * 62 / 100; math.Abs(float64(changes-want)) > 250 {
		t.Errorf("the sentiment changes %d times, want about %d", changes, want)
	}
}

func TestBrandsAndTextsAreDrawnByWeight(t *testing.T) {
	texts := builtin
	texts[tweet.Positive] = []string{"a", "a", "b"}
	brands := []brand{{"none", 0}, {"most", 6}, {"some", 3}, {"few", 1}, {"never", 0}}
	g := plainGenerator(5, encodingAvro, texts, brands)
	const size = 20_000
	seen := make(map[string]float64)
	for _, b := range generated(g, wholeBatch(0, counts{size, 0, 0}), 1) {
		var tw tweet.Tweet
		if err := tw.DecodeAvro(b); err != nil {
			t.Fatal(err)
		}
		seen[string(tw.Brand)] += 1. / size
		seen[string(tw.Text)] += 1. / size
	}
	for what, want := range map[string]float64{"none": 0, "most": .6, "some": .3, "few": .1, "never": 0, "a": 2. / 3, "b": 1. / 3} {
		if got := seen[what]; math.Abs(got-want) > 0.015 || want == 0 && got > 0 {
			t.Errorf("%s has a part of %v, want %v", what, got, want)
		}
	}
}

// The buffer of a batch is made once, at the right size, and nothing else for a
// tweet.
func TestGeneratingDoesNotAllocatePerTweet(t *testing.T) {
	for _, encoding := range []string{encodingAvro, encodingSingleObject, encodingJSON} {
		g := plainGenerator(1, encoding, builtin, superCoffee)
		p := wholeBatch(0, counts{500, 300, 200})
		b := &batch{plan: p, data: make([]byte, 0, g.sizeHint(p)), ends: make([]uint32, 0, p.size())}
		room := cap(b.data)
		n := testing.AllocsPerRun(20, func() {
			b.plan.k++
			b.data, b.ends = b.data[:0], b.ends[:0]
			g.fillBatch(b, 1767225600000)
		})
		if n > 12 { // the ends of tweets of each sentiment, once a batch
			t.Errorf("%s: %v allocations for a batch of 1000", encoding, n)
		}
		if cap(b.data) != room {
			t.Errorf("%s: %d bytes were expected, %d needed", encoding, room, len(b.data))
		}
	}
}

// What would break: another rate gives other tweets for the same seed, or tweets
// are lost or repeated where one part of a batch ends and the next begins.
func TestPartsOfABatchAreTheWholeBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encoding := rapid.SampledFrom([]string{encodingAvro, encodingSingleObject, encodingJSON}).Draw(t, "encoding")
		brands := []brand{{"SuperCoffee", 3}, {"MegaTea", 1}}[:rapid.IntRange(1, 2).Draw(t, "brands")]
		g := plainGenerator(rapid.Uint64().Draw(t, "seed"), encoding, builtin, brands)
		mix := fixedMix{shares: anyShares(t)}
		whole := wholeBatch(rapid.Int64Range(0, maxBatches-1).Draw(t, "k"), mix.next(rapid.IntRange(1, 200).Draw(t, "size")))
		want := generated(g, whole, 5)
		part := whole
		var got [][]byte
		for part.to = 0; part.to < whole.to; part.from = part.to {
			part.to = rapid.IntRange(part.from+1, whole.to).Draw(t, "to")
			got = append(got, generated(g, part, 5)...)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("the parts are %d tweets, the batch %d, and they differ", len(got), len(want))
		}
	})
}
