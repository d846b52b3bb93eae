package tweetgen

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// observed counts what a consumer sees, which knows the tweets of the plan without flaws.
func observed(t *rapid.T, encoding string, f *flaws, values, perfect [][]byte, millis int64) (c contents) {
	next := 0
	var last []byte
	for _, value := range values {
		var tw tweet.Tweet
		if err := decode(encoding, value, &tw); err != nil {
			if len(value) == 0 || !bytes.HasPrefix(perfect[next], value) || len(value) >= len(perfect[next]) {
				t.Fatalf("a broken tweet is %q, which is no part of %q", value, perfect[next])
			}
			c.flaws[broken]++
			next++
			continue
		}
		c.countable[tw.Sentiment]++
		if bytes.Equal(value, last) {
			c.flaws[duplicated]++
			c.flaws[flawless]--
			continue
		}
		last = value
		var want tweet.Tweet
		if err := decode(encoding, perfect[next], &want); err != nil {
			t.Fatal(err)
		}
		next++
		if !bytes.Equal(tw.ID, want.ID) || !bytes.Equal(tw.Text, want.Text) || tw.Sentiment != want.Sentiment {
			t.Fatalf("the flaws change tweet %s", want.ID)
		}
		switch behind := time.Duration(millis-tw.Millis) * time.Millisecond; {
		case behind == 0:
			c.flaws[flawless]++
		case behind > 0 && behind <= f.orderBy:
			c.flaws[outOfOrder]++
		case behind > f.orderBy && behind <= f.lateBy:
			c.flaws[late]++
		default:
			t.Fatalf("a tweet is behind by %s", behind)
		}
	}
	if next != len(perfect) {
		t.Fatalf("%d of %d tweets arrive", next, len(perfect))
	}
	return c
}

func drawFlaws(t *rapid.T) flaws {
	f := flaws{lateBy: 10 * time.Minute, orderBy: time.Second}
	left := 1.0
	for kind := late; kind < numFlaws; kind++ {
		f.shares[kind] = rapid.OneOf(rapid.Just(0.0), rapid.Just(left), rapid.Float64Range(0, left)).Draw(t, kind.String())
		left = max(0, left-f.shares[kind])
	}
	return f
}

// If this fails, the ledger does not say what was made, flaws change the tweets, a broken
// tweet can be decoded, or record and record_batch have other tweets.
func TestTheLedgerIsWhatAConsumerSees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFlaws(t)
		plain := content{
			encoding: rapid.SampledFrom([]string{encodingAvro, encodingSingleObject, encodingJSON}).Draw(t, "encoding"),
			texts:    builtin, brands: []brand{{"SuperCoffee", 3}, {"MegaTea", 1}},
			key: rapid.SampledFrom([]string{keyNone, keyID}).Draw(t, "key"),
		}
		flawed := plain
		flawed.flaws = f
		seed := rapid.Uint64().Draw(t, "seed")
		mix := fixedMix{shares: anyShares(t)}
		p := wholeBatch(rapid.Int64Range(0, maxBatches-1).Draw(t, "k"), mix.next(rapid.IntRange(1, 300).Draw(t, "size")))
		p.from = rapid.IntRange(0, p.to-1).Draw(t, "from")
		p.to = rapid.IntRange(p.from+1, p.to).Draw(t, "to")
		const millis = 1767225600000
		perfect := generated(newGenerator(seed, &plain), p, millis)
		g := newGenerator(seed, &flawed)

		b := &batch{plan: p}
		g.fillBatch(b, millis)
		values := tweetsOf(b)
		for i, value := range values {
			var tw tweet.Tweet
			if decode(plain.encoding, value, &tw) == nil && plain.key == keyID && !bytes.Equal(b.keys.at(i), tw.ID) {
				t.Fatalf("the key of tweet %s is %s", tw.ID, b.keys.at(i))
			}
		}
		if got := observed(t, plain.encoding, &f, values, perfect, millis); got != b.contents || b.contents.records() != len(values) {
			t.Fatalf("the ledger has %v, a consumer sees %v", b.contents, got)
		}

		packer, err := newPacker(g, &config{message: contract.RecordBatch, maxBatchBytes: 5000})
		if err != nil {
			t.Fatal(err)
		}
		batches := packer.pack(p, millis)
		records := packed(t, batches, 5000)
		if batches.contents != b.contents || len(records) != len(values) {
			t.Fatalf("record_batch has %d records, %v; record has %d, %v", len(records), batches.contents, len(values), b.contents)
		}
		for i, r := range records {
			if !bytes.Equal(r.Value, values[i]) || r.Timestamp != millis {
				t.Fatalf("record %d is %q at %d, want %q", i, r.Value, r.Timestamp, values[i])
			}
		}
	})
}

// If this fails, the shares are not those that are configured.
func TestSharesOfFlaws(t *testing.T) {
	c := testConfig(t, "seed: 7\nflaws: { late: 0.02, late_by: 1h, out_of_order: 0.1, duplicated: 0.01, broken: 0.005 }")
	g := newGenerator(7, &c.content)
	var sums [numFlaws]float64
	const size, batches = 8000, 50
	mix := c.mixer()
	for k := range int64(batches) {
		b := &batch{plan: wholeBatch(k, mix(k, size))}
		g.fillBatch(b, 1767225600000)
		for f, n := range b.contents.flaws {
			sums[f] += float64(n)
		}
	}
	for f := late; f < numFlaws; f++ {
		if got, want := sums[f]/size/batches, c.flaws.shares[f]; got < want*0.9 || got > want*1.1 {
			t.Errorf("the share of %s tweets is %v, want %v", f, got, want)
		}
	}
}

// If this fails, flaws cost memory for each tweet, or the estimate of a batch's memory is
// below what it takes.
func TestFlawsAllocateNothingPerTweet(t *testing.T) {
	for _, encoding := range []string{encodingAvro, encodingJSON} {
		c := testConfig(t, "flaws: { late: 0.3, out_of_order: 0.3, duplicated: 0.2, broken: 0.2 }\nencoding: "+encoding)
		g := newGenerator(1, &c.content)
		packer, err := newPacker(g, &config{message: contract.RecordBatch, maxBatchBytes: 1 << 20, codec: recordbatch.None})
		if err != nil {
			t.Fatal(err)
		}
		allocations := func(size int) float64 {
			p := wholeBatch(1, c.sentiment.split(size))
			return testing.AllocsPerRun(20, func() { packer.pack(p, 1767225600000) })
		}
		if few, many := allocations(500), allocations(5000); many > few+2 {
			t.Errorf("%s: %v allocations for 500 tweets, %v for 5,000", encoding, few, many)
		}
		p := wholeBatch(1, c.sentiment.split(8000))
		if b := packer.pack(p, 1767225600000); g.recordsHint(p) < len(b.data) {
			t.Errorf("%s: the estimate is %d bytes, a batch takes %d", encoding, g.recordsHint(p), len(b.data))
		}
	}
}

func BenchmarkPackFlaws(b *testing.B) {
	for _, flaws := range []string{"", "flaws: { late: 0.01, out_of_order: 0.05, duplicated: 0.001, broken: 0.0001 }"} {
		b.Run(fmt.Sprintf("flaws=%t", flaws != ""), func(b *testing.B) {
			c := testConfig(b, "message: record_batch\n"+flaws)
			packer, err := newPacker(newGenerator(1, &c.content), &c)
			if err != nil {
				b.Fatal(err)
			}
			const size = 8000
			mix := fixedMix{shares: c.sentiment}
			p := wholeBatch(0, mix.next(size))
			b.ReportAllocs()
			for b.Loop() {
				p.k++
				p.counts = mix.next(size)
				packer.pack(p, 1767225600000)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/tweet")
		})
	}
}
