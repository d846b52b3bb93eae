package tweetgen

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/shape"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// config is the checked configuration.
type config struct {
	mode      string
	sentiment shares
	factor    int64 // in 1/factorUnit
	batchSize int
	interval  time.Duration
	workers   int
	rate      float64
	shape     *shape.Shape // instead of a rate; nil without one
	count     int64        // at most the tweets of the shape
	duration  time.Duration
	seed      int64
	seedDrawn bool // the seed is random, not configured
	content
	compressibility compressibility
	message         string
	// For contract.RecordBatch.
	maxBatchBytes int
	codec         recordbatch.Codec
	level         int // recordbatch.DefaultLevel for Kafka's own
	maxInFlight   int
	maxBytes      uint64 // in flight
	progress      string
	ledger        string
}

// paced reports whether tweets are due at times, and not as soon as possible.
func (c *config) paced() bool { return c.rate > 0 || c.shape != nil }

// configFrom reads and checks the fields and the corpus. It checks all values again,
// since lint may have been skipped.
func configFrom(parsed *service.ParsedConfig, files *service.FS) (c config, err error) {
	var workers, maxFlight, seed, count int
	var batchBytes uint64
	var factor float64
	var corpusPath string
	for _, read := range []func() error{
		func() (err error) { c.mode, err = parsed.FieldString(fieldMode); return },
		func() (err error) { c.sentiment, err = sentimentFrom(parsed.Namespace(fieldSentiment)); return },
		func() (err error) { factor, err = parsed.FieldFloat(fieldVolatilityFactor); return },
		func() (err error) { c.batchSize, err = parsed.FieldInt(fieldBatchSize); return },
		func() (err error) { c.interval, err = parsed.FieldDuration(fieldInterval); return },
		func() (err error) { workers, err = parsed.FieldInt(fieldWorkers); return },
		func() (err error) { c.rate, err = parsed.FieldFloat(fieldRate); return },
		func() (err error) { c.shape, err = shapeFrom(parsed.Namespace(fieldShape)); return },
		func() (err error) { count, err = parsed.FieldInt(fieldCount); return },
		func() (err error) { c.duration, err = parsed.FieldDuration(fieldDuration); return },
		func() (err error) { seed, err = parsed.FieldInt(fieldSeed); return },
		func() (err error) { c.encoding, err = parsed.FieldString(fieldEncoding); return },
		func() (err error) { c.message, err = parsed.FieldString(fieldMessage); return },
		func() (err error) { batchBytes, err = sizeFrom(parsed, fieldMaxBatchBytes, maxPlanBytes); return },
		func() (err error) { c.codec, c.level, err = compression.From(parsed); return },
		func() (err error) { c.brands, err = brandsFrom(parsed); return },
		func() (err error) { c.key, err = parsed.FieldString(fieldKey); return },
		func() (err error) { c.keyCount, err = parsed.FieldInt(fieldKeyCount); return },
		func() (err error) { c.keyZipf, err = parsed.FieldFloat(fieldKeyZipf); return },
		func() (err error) { c.headers, err = headersFrom(parsed); return },
		func() (err error) {
			c.compressibility, err = compressibilityFrom(parsed.Namespace(fieldCompressibility))
			return
		},
		func() (err error) { corpusPath, err = parsed.FieldString(fieldCorpus); return },
		func() (err error) { c.flaws, err = flawsFrom(parsed.Namespace(fieldFlaws)); return },
		func() (err error) { maxFlight, err = parsed.FieldInt(fieldMaxInFlight); return },
		func() (err error) {
			c.maxBytes, err = sizeFrom(parsed, fieldMaxInFlightBytes, mostInFlightBytes)
			return
		},
		func() (err error) { c.progress, err = parsed.FieldString(fieldProgress); return },
		func() (err error) { c.ledger, err = parsed.FieldString(fieldLedger); return },
	} {
		if err := read(); err != nil {
			return c, err
		}
	}
	c.count, c.seed, c.maxInFlight, c.maxBatchBytes = int64(count), int64(seed), maxFlight, int(batchBytes)
	c.factor = int64(math.Round(factor * factorUnit))
	if c.workers = workers; workers == 0 {
		c.workers = max(minWorkers, runtime.GOMAXPROCS(0))
	}
	if c.seed == 0 {
		c.seed, c.seedDrawn = 1+rand.Int64N(maxSeed), true
	}
	if c.texts = builtin; corpusPath != "" {
		if c.texts, err = readCorpus(files, corpusPath); err != nil {
			return c, err
		}
	}
	if err := c.check(); err != nil {
		return c, err
	}
	if c.shape != nil && !c.shape.Repeats() {
		if total := c.shape.Total(); c.count == 0 || c.count > total {
			c.count = total
		}
	}
	if c.compressibility.ratio == 0 {
		return c, nil
	}
	c.fill, err = fillFor(&c)
	return c, err
}

func sentimentFrom(parsed *service.ParsedConfig) (mix shares, err error) {
	var percents [tweet.NumSentiments]float64
	for s := range percents {
		if percents[s], err = parsed.FieldFloat(tweet.Sentiment(s).String()); err != nil {
			return mix, err
		}
	}
	return sharesOf(percents)
}

func sizeFrom(parsed *service.ParsedConfig, field string, most uint64) (uint64, error) {
	size, err := parsed.FieldString(field)
	if err != nil {
		return 0, err
	}
	return lintrule.SizeBytes(field, size, most)
}

func (c *config) check() error {
	factor := float64(c.factor) / factorUnit
	if err := errors.Join(
		lintrule.CheckEnum(fieldMode, c.mode, modeFixed, modeVolatile),
		lintrule.CheckFloat(fieldVolatilityFactor, factor, factor >= 0 && factor <= 1, fromZeroToOne),
		lintrule.CheckInt(fieldBatchSize, int64(c.batchSize), 1, maxBatchSize),
		lintrule.CheckDuration(fieldInterval, c.interval, 0, 0),
		lintrule.CheckInt(fieldWorkers, int64(c.workers), 0, maxWorkers),
		lintrule.CheckFloat(fieldRate, c.rate, c.rate == 0 || c.rate >= minRate && c.rate <= maxRate, rates),
		lintrule.CheckInt(fieldCount, c.count, 0, 0),
		lintrule.CheckDuration(fieldDuration, c.duration, 0, 0),
		lintrule.CheckEnum(fieldEncoding, c.encoding, encodingAvro, encodingSingleObject, encodingJSON),
		lintrule.CheckEnum(fieldKey, c.key, keyNone, keyBrand, keyID, keyUser),
		lintrule.CheckInt(fieldKeyCount, int64(c.keyCount), 1, maxKeys),
		lintrule.CheckFloat(fieldKeyZipf, c.keyZipf, c.keyZipf >= 0 && c.keyZipf <= maxZipf, fromZeroToTen),
		lintrule.CheckEnum(fieldMessage, c.message, messageRecord, contract.RecordBatch),
		lintrule.CheckInt(fieldMaxInFlight, int64(c.maxInFlight), 1, maxInFlight),
		lintrule.CheckEnum(fieldProgress, c.progress, progressAuto, progressAlways, progressNever),
	); err != nil {
		return err
	}
	if c.rate != 0 && c.shape != nil {
		return errors.New(wrongRate)
	}
	if c.message != contract.RecordBatch && c.codec != recordbatch.None {
		return errors.New(wrongCodec)
	}
	if c.message == messageRecord && namesTwice(c.headers) {
		return errors.New(wrongTwice)
	}
	if err := checkBrands(c.brands); err != nil {
		return err
	}
	var needs [tweet.NumSentiments]bool
	for s := range needs {
		needs[s] = c.sentiment[s] > 0 || c.mode == modeVolatile && c.factor > 0
	}
	if err := c.texts.checkFor(needs); err != nil {
		return err
	}
	g := newGenerator(0, &c.content)
	one := recordbatch.MaxRecordSize(g.envelope.maxKeyBytes, g.maxBytes, len(g.envelope.headers))
	copies := 1
	if g.copied > 0 {
		copies = 2 // in the worst case, of every tweet
	}
	if copies*g.maxBytes*c.batchSize > maxPlanBytes || !g.bare && copies*one*c.batchSize > maxPlanBytes {
		return fmt.Errorf("a batch of %d tweets of up to %d bytes may exceed %d MiB: set a smaller %s",
			c.batchSize, g.maxBytes, maxPlanBytes>>20, fieldBatchSize)
	}
	if one += recordbatch.HeaderSize; c.message == contract.RecordBatch && one > c.maxBatchBytes {
		return fmt.Errorf("a record batch of one tweet may have %d bytes, more than the %d of %s: raise it, or shorten the texts",
			one, c.maxBatchBytes, fieldMaxBatchBytes)
	}
	return nil
}

// mixer returns a function that returns the counts of batch k.
func (c *config) mixer() func(k int64, size int) counts {
	if c.mode == modeFixed {
		mix := fixedMix{shares: c.sentiment}
		return func(_ int64, size int) counts { return mix.next(size) }
	}
	mix := volatileMix{base: c.sentiment, factor: c.factor, seed: uint64(c.seed)}
	return func(k int64, size int) counts { return mix.at(k).split(size) }
}
