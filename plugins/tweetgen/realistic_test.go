package tweetgen

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// If this fails, a seed gives other brands than the weights say, or than before: the
// first index whose end is beyond the draw.
func TestPickerPicksTheFirstEndBeyondTheDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(0, 10), 1, 300).Draw(t, "weights")
		weights[rapid.IntRange(0, len(weights)-1).Draw(t, "positive")] = 1
		p := newPicker(weights)
		for range 20 {
			draw := rapid.Uint32().Draw(t, "draw")
			want := 0
			for p.ends[want] <= uint64(draw) {
				want++
			}
			if got := p.pick(draw); got != want {
				t.Fatalf("%d picks %d, want %d", draw, got, want)
			}
		}
	})
}

func TestBrandsFollowZipf(t *testing.T) {
	c := testConfig(t, "brand_count: 10000\nbrand_zipf: 1")
	g := newGenerator(3, &c.content)
	const size = 400_000
	seen := map[string]float64{}
	for _, b := range generated(g, wholeBatch(0, counts{size, 0, 0}), 1) {
		var tw tweet.Tweet
		if err := tw.DecodeAvro(b); err != nil {
			t.Fatal(err)
		}
		seen[string(tw.Brand)]++
	}
	var sum float64
	for n := 1; n <= 10_000; n++ {
		sum += 1 / float64(n)
	}
	for _, n := range []int{1, 2, 5, 10, 50} {
		want := size / sum / float64(n)
		if got := seen["brand_"+strconv.Itoa(n)]; math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("brand_%d has %v tweets, want about %.0f", n, got, want)
		}
	}
	if len(seen) < 8000 {
		t.Errorf("%d of 10,000 brands have tweets", len(seen))
	}
}

const enveloped = "batch_size: 200\nkey: user\nkey_count: 50\nheaders:\n  - { name: source, value: web }\n  - { name: trace_id, random_hex: 21 }\n"

// If this fails, keys or headers change the tweets of a seed, differ between the two
// forms of message, or are missing.
func TestKeysAndHeadersAreTheSameInBothForms(t *testing.T) {
	for _, key := range []string{keyNone, keyBrand, keyID, keyUser} {
		fields := strings.Replace(enveloped, "key: user", "key: "+key, 1)
		records, batches := testConfig(t, fields), testConfig(t, fields+"message: record_batch")
		g := newGenerator(9, &records.content)
		packer, err := newPacker(newGenerator(9, &batches.content), &batches)
		if err != nil {
			t.Fatal(err)
		}
		p := plan{k: 4, counts: counts{100, 60, 40}, from: 50, to: 200}
		b := &batch{plan: p}
		g.fillBatch(b, 7)
		bare := testConfig(t, "batch_size: 200")
		plain := generated(newGenerator(9, &bare.content), p, 7)
		got := packed(t, packer.pack(p, 7), 1<<20)
		traces := map[string]bool{}
		for i, m := range b.messages() {
			value, err := m.AsBytes()
			if err != nil || !bytes.Equal(value, plain[i]) || !bytes.Equal(value, got[i].Value) {
				t.Fatalf("%s: tweet %d is %q, %v; without a key %q, in a record batch %q", key, i, value, err, plain[i], got[i].Value)
			}
			var tw tweet.Tweet
			if err := tw.DecodeAvro(value); err != nil {
				t.Fatal(err)
			}
			meta, _ := m.MetaGetMut(contract.KafkaKey)
			k, _ := meta.([]byte)
			if !bytes.Equal(k, got[i].Key) || (k == nil) != (key == keyNone) || (got[i].Key == nil) != (key == keyNone) {
				t.Fatalf("%s: the key is %q as metadata, %q in a record batch", key, k, got[i].Key)
			}
			switch {
			case key == keyBrand && string(k) != string(tw.Brand), key == keyID && string(k) != string(tw.ID),
				key == keyUser && !strings.HasPrefix(string(k), "user_"):
				t.Fatalf("%s: the key is %q of %q", key, k, value)
			}
			headers := map[string]string{}
			for name, v := range got[i].Headers.All() {
				headers[string(name)] = string(v)
				if meta, _ := m.MetaGetMut(string(name)); meta != string(v) {
					t.Fatalf("header %s is %q as metadata, %q in a record batch", name, meta, v)
				}
			}
			trace := headers["trace_id"]
			if headers["source"] != "web" || len(trace) != 21 || strings.Trim(trace, hexDigits) != "" || traces[trace] {
				t.Fatalf("headers are %q", headers)
			}
			traces[trace] = true
		}
	}
}

// If this fails, batches compress as no topic with the configured ratio does.
func TestRatioIsMet(t *testing.T) {
	corpusFile := filepath.Join(t.TempDir(), "texts.jsonl")
	var lines strings.Builder
	pool := newPool(1)
	for i := range 3000 {
		n := 20 + i*7%300
		text := string(pool[i*300:i*300+n/2]) + strings.Repeat(" é", n/6)
		lines.WriteString(`{"text":"` + text + `","sentiment":"` + tweet.Sentiment(i%3).String() + "\"}\n")
	}
	if err := os.WriteFile(corpusFile, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, fields := range []string{
		"compressibility: { ratio: 1.5 }",
		"compressibility: { ratio: 2 }\nencoding: json\nmessage: record_batch",
		"compressibility: { ratio: 3, codec: zstd }\nmessage: record_batch\nbatch_size: 1000\nkey: user",
		"compressibility: { ratio: 2, codec: gzip }\nbrand_count: 10000",
		"compressibility: { ratio: 1.6, codec: snappy }\nmode: volatile\nmessage: record_batch",
		"compressibility: { ratio: 2.2, codec: lz4 }\nmessage: record_batch\ncorpus: " + corpusFile,
		"compressibility: { ratio: 1.5, codec: lz4 }\nmessage: record_batch\nencoding: json\ncorpus: " + corpusFile,
	} {
		t.Run(fields, func(t *testing.T) {
			c := testConfig(t, "seed: 5\n"+fields)
			g := newGenerator(uint64(c.seed), &c.content)
			plain := packer{generator: g, limit: c.maxBatchBytes}
			compressor, err := recordbatch.NewCompressor(c.compressibility.codec, recordbatch.DefaultLevel)
			if err != nil {
				t.Fatal(err)
			}
			before, after := 0, 0
			mix := c.mixer()
			for k := range int64(10) {
				b := plain.pack(wholeBatch(1000+k, mix(1000+k, c.batchSize)), sampleMillis)
				for _, r := range packed(t, b, 1<<20)[:10] {
					var tw tweet.Tweet
					if err := decode(c.encoding, r.Value, &tw); err != nil {
						t.Fatalf("%q: %v", r.Value, err)
					}
				}
				start := uint32(0)
				for _, end := range b.ends {
					out, err := compressor.AppendCompressed(nil, b.data[start:end])
					if err != nil {
						t.Fatal(err)
					}
					before, after = before+int(end-start), after+len(out)
					start = end
				}
			}
			ratio := float64(before) / float64(after)
			t.Logf("%.3f, %.3f of each text replaced", ratio, c.fill)
			if math.Abs(ratio/c.compressibility.ratio-1) > mostDeviation {
				t.Errorf("the ratio is %.3f, want %v", ratio, c.compressibility.ratio)
			}
		})
	}
	if _, err := parse(t, "compressibility: { ratio: 50 }"); err == nil || !strings.Contains(err.Error(), "these tweets can have from") {
		t.Errorf("a ratio that is out of reach: %v", err)
	}
}

func TestWrongContentIsFoundByLintAndConstructor(t *testing.T) {
	for fields, says := range map[string]string{
		"brand_count: 100001":                                "brand_count is 100001",
		"brand_zipf: -1":                                     "brand_zipf is -1",
		"key: none\nkey_count: 0":                            "key_count is 0",
		"key_zipf: 11":                                       "key_zipf is 11",
		"key: other":                                         "key",
		"headers: [ { name: kafka_offset } ]":                "begin with kafka_",
		"headers: [ { name: a, random_hex: 2000 } ]":         "random_hex is 2000",
		"headers: [ { name: a, value: b, random_hex: 2 } ]":  wrongHeader,
		"headers: [ { name: a }, { name: b }, { name: a } ]": wrongTwice,
		"compressibility: { ratio: 0.5 }":                    "ratio is 0.5",
		"compressibility: { codec: none }":                   "codec",
	} {
		if lints := strings.Join(lint(t, fields), "; "); !strings.Contains(lints, says) {
			t.Errorf("%s: lint says %q, want %q", fields, lints, says)
		}
		if _, err := parse(t, fields); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the constructor says %v, want %q", fields, err, says)
		}
	}
}
