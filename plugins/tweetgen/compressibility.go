package tweetgen

import (
	"fmt"
	"math"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// compressibility is how well the record batches of a run compress.
type compressibility struct {
	ratio float64 // of the size before to that after; 0 leaves the texts as they are
	codec recordbatch.Codec
}

const (
	maxRatio = 1000
	// sampleBytes is how much is compressed to measure a ratio.
	sampleBytes = 1 << 20
	// mostDeviation is how far the ratio may be from the target.
	mostDeviation = 0.05
)

// fillFor returns the part of the texts to replace, so that record batches have the
// ratio that is configured. A larger part always compresses worse, so it is bisected.
func fillFor(c *config) (float64, error) {
	target := c.compressibility
	low, high := -1.0, 1.0
	most, err := ratioAt(c, low)
	if err != nil {
		return 0, err
	}
	least, err := ratioAt(c, high)
	if err != nil {
		return 0, err
	}
	if target.ratio > most || target.ratio < least {
		return 0, fmt.Errorf("%s.%s is %v: with %s these tweets can have from %.2f to %.2f; their ids, brands and sizes set the limits",
			fieldCompressibility, fieldRatio, target.ratio, target.codec, math.Ceil(least*100)/100, math.Floor(most*100)/100)
	}
	best, deviation := low, math.Inf(1)
	for range 16 {
		fill := (low + high) / 2
		ratio, err := ratioAt(c, fill)
		if err != nil {
			return 0, err
		}
		if off := math.Abs(ratio/target.ratio - 1); off < deviation {
			best, deviation = fill, off
		}
		if deviation < mostDeviation/50 {
			break
		}
		if ratio > target.ratio {
			low = fill
		} else {
			high = fill
		}
	}
	if deviation > mostDeviation/2 {
		return 0, fmt.Errorf("%s.%s is %v: the nearest that these texts can have with %s is %.0f %% away: use more texts, or another ratio",
			fieldCompressibility, fieldRatio, target.ratio, target.codec, 100*deviation)
	}
	return best, nil
}

// ratioAt measures the ratio of the first batches.
func ratioAt(c *config, fill float64) (float64, error) {
	content := c.content
	content.fill = fill
	g := newGenerator(uint64(c.seed), &content)
	plain := packer{generator: g, limit: c.maxBatchBytes}
	if c.message == messageRecord {
		plain.limit = sampleBytes
	}
	compressor, err := recordbatch.NewCompressor(c.compressibility.codec, recordbatch.DefaultLevel)
	if err != nil {
		return 0, err
	}
	pacer := &pacer{rate: c.rate, batchSize: c.batchSize, count: c.count, mix: c.mixer()}
	before, after := 0, 0
	var out []byte
	for before < sampleBytes {
		plan := pacer.part()
		if plan.size() == 0 {
			break
		}
		pacer.tweets += int64(plan.size())
		b := plain.pack(plan, sampleMillis)
		start := uint32(0)
		for _, end := range b.ends {
			if out, err = compressor.AppendCompressed(out[:0], b.data[start:end]); err != nil {
				return 0, err
			}
			before, after = before+int(end-start), after+len(out)
			start = end
		}
	}
	return float64(before) / float64(after), nil
}

// sampleMillis is a time with as many digits and bytes as that of a run.
const sampleMillis = 1767225600000
