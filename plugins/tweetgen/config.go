package tweetgen

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const (
	fieldMode             = "mode"
	fieldSentiment        = "sentiment"
	fieldVolatilityFactor = "volatility_factor"
	fieldBatchSize        = "batch_size"
	fieldInterval         = "interval"
	fieldWorkers          = "workers"
	fieldRate             = "rate"
	fieldCount            = "count"
	fieldDuration         = "duration"
	fieldSeed             = "seed"
	fieldEncoding         = "encoding"
	fieldMessage          = "message"
	fieldMaxBatchBytes    = "max_batch_bytes"
	fieldBrands           = "brands"
	fieldName             = "name"
	fieldWeight           = "weight"
	fieldBrandCount       = "brand_count"
	fieldBrandZipf        = "brand_zipf"
	fieldCorpus           = "corpus"
	fieldCompressibility  = "compressibility"
	fieldRatio            = "ratio"
	fieldCodec            = "codec"
	fieldKey              = "key"
	fieldKeyCount         = "key_count"
	fieldKeyZipf          = "key_zipf"
	fieldHeaders          = "headers"
	fieldValue            = "value"
	fieldRandomHex        = "random_hex"
	fieldMaxInFlight      = "max_in_flight"
	fieldMaxInFlightBytes = "max_in_flight_bytes"
	fieldProgress         = "progress"
)

const (
	modeFixed    = "fixed"
	modeVolatile = "volatile"

	encodingAvro         = "avro"
	encodingSingleObject = "avro_single_object"
	encodingJSON         = "json"

	// messageRecord is the value of message for a tweet per message; the other is
	// contract.RecordBatch.
	messageRecord = "record"

	progressAuto   = "auto"
	progressAlways = "always"
	progressNever  = "never"
)

const (
	minWorkers  = 4
	maxWorkers  = 1024
	maxInFlight = 10_000
	minRate     = 0.001
	maxRate     = 1e9
	maxBrands   = 100_000
	maxKeys     = 1_000_000
	maxZipf     = 10
	maxHeaders  = 100
	maxHex      = 1024
	// maxPlanBytes bounds a batch when a corpus has long texts.
	maxPlanBytes      = 64 << 20
	mostInFlightBytes = 64 << 30
	// maxSeed is the largest integer that a float64 holds exactly: some tools read the
	// numbers of YAML and JSON as float64.
	maxSeed = 1<<53 - 1
)

// Allowed values and errors, for lint and the constructor.
const (
	fromZeroToOne = "a number from 0 to 1"
	rates         = "0, or a number from 0.001 to 1000000000"
	notNegative   = "a number that is not negative"
	wrongWeights  = "the weights of the brands must have a sum above 0"
	wrongCodec    = "compression has an effect only with message: record_batch: the output compresses records"
	fromZeroToTen = "a number from 0 to 10"
	ratios        = "0, or a number from 1 to 1000"
	wrongHeader   = "a header has either a value or random_hex"
	wrongName     = "the name of a header must not be empty or begin with kafka_: under that name, inputs set the position of a record"
	wrongBrands   = "brands must be a list of objects with a name, such as { name: SuperCoffee, weight: 2 }"
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
	count     int64
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
}

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
		func() (err error) { maxFlight, err = parsed.FieldInt(fieldMaxInFlight); return },
		func() (err error) {
			c.maxBytes, err = sizeFrom(parsed, fieldMaxInFlightBytes, mostInFlightBytes)
			return
		},
		func() (err error) { c.progress, err = parsed.FieldString(fieldProgress); return },
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
	if err := c.check(); err != nil || c.compressibility.ratio == 0 {
		return c, err
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

func compressibilityFrom(parsed *service.ParsedConfig) (c compressibility, err error) {
	if c.ratio, err = parsed.FieldFloat(fieldRatio); err != nil {
		return c, err
	}
	name, err := parsed.FieldString(fieldCodec)
	if err != nil {
		return c, err
	}
	c.codec = compression.Named(name)
	return c, errors.Join(
		lintrule.CheckFloat(fieldRatio, c.ratio, c.ratio == 0 || c.ratio >= 1 && c.ratio <= maxRatio, ratios),
		lintrule.CheckEnum(fieldCodec, name, compression.Names[1:]...),
	)
}

func headersFrom(parsed *service.ParsedConfig) (headers []header, err error) {
	list, err := parsed.FieldObjectList(fieldHeaders)
	if err != nil {
		return nil, err
	}
	if len(list) > maxHeaders {
		return nil, fmt.Errorf("%s has %d entries, more than %d", fieldHeaders, len(list), maxHeaders)
	}
	for _, item := range list {
		var h header
		if h.name, err = item.FieldString(fieldName); err != nil {
			return nil, err
		}
		if h.value, err = item.FieldString(fieldValue); err != nil {
			return nil, err
		}
		if h.randomHex, err = item.FieldInt(fieldRandomHex); err != nil {
			return nil, err
		}
		if h.name == "" || strings.HasPrefix(h.name, contract.KafkaPrefix) {
			return nil, fmt.Errorf("%s: %q: %s", fieldHeaders, h.name, wrongName)
		}
		if h.value != "" && h.randomHex != 0 {
			return nil, fmt.Errorf("%s: %q: %s", fieldHeaders, h.name, wrongHeader)
		}
		if err := lintrule.CheckInt(fieldRandomHex, int64(h.randomHex), 0, maxHex); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", fieldHeaders, h.name, err)
		}
		headers = append(headers, h)
	}
	return headers, nil
}

func brandsFrom(parsed *service.ParsedConfig) (brands []brand, err error) {
	count, err := parsed.FieldInt(fieldBrandCount)
	if err != nil {
		return nil, err
	}
	exponent, err := parsed.FieldFloat(fieldBrandZipf)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		lintrule.CheckInt(fieldBrandCount, int64(count), 0, maxBrands),
		lintrule.CheckFloat(fieldBrandZipf, exponent, exponent >= 0 && exponent <= maxZipf, fromZeroToTen),
	); err != nil {
		return nil, err
	}
	for i, weight := range zipf(count, exponent) {
		brands = append(brands, brand{"brand_" + strconv.Itoa(i+1), weight})
	}
	if count > 0 {
		return brands, nil
	}
	list, err := parsed.FieldObjectList(fieldBrands)
	if err != nil {
		return nil, err
	}
	for _, item := range list {
		var b brand
		if b.name, err = item.FieldString(fieldName); err != nil {
			return nil, err
		}
		if b.weight, err = item.FieldFloat(fieldWeight); err != nil {
			return nil, err
		}
		brands = append(brands, b)
	}
	return brands, nil
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
	if c.message != contract.RecordBatch && c.codec != recordbatch.None {
		return errors.New(wrongCodec)
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
	if g.maxBytes*c.batchSize > maxPlanBytes || !g.bare && one*c.batchSize > maxPlanBytes {
		return fmt.Errorf("a batch of %d tweets of up to %d bytes may exceed %d MiB: set a smaller %s",
			c.batchSize, g.maxBytes, maxPlanBytes>>20, fieldBatchSize)
	}
	if one += recordbatch.HeaderSize; c.message == contract.RecordBatch && one > c.maxBatchBytes {
		return fmt.Errorf("a record batch of one tweet may have %d bytes, more than the %d of %s: raise it, or shorten the texts",
			one, c.maxBatchBytes, fieldMaxBatchBytes)
	}
	return nil
}

func checkBrands(brands []brand) error {
	if len(brands) == 0 {
		return errors.New("brands must not be empty")
	}
	if len(brands) > maxBrands {
		return fmt.Errorf("%s has %d entries, more than %d: each brand is a series in InfluxDB", fieldBrands, len(brands), maxBrands)
	}
	total := 0.0
	seen := make(map[string]bool)
	for _, b := range brands {
		sample := tweet.Tweet{ID: []byte("-"), Brand: []byte(b.name)}
		if err := sample.Check(); err != nil {
			return fmt.Errorf("%s: %q: %w", fieldBrands, b.name, err)
		}
		if err := lineproto.CheckTagValue(b.name); err != nil {
			return fmt.Errorf("%s: InfluxDB cannot store the brand %q: it %w", fieldBrands, b.name, err)
		}
		if seen[b.name] {
			return fmt.Errorf("%s names %q twice", fieldBrands, b.name)
		}
		seen[b.name] = true
		if err := lintrule.CheckFloat(fieldWeight, b.weight, b.weight >= 0 && !math.IsInf(b.weight, 0), notNegative); err != nil {
			return fmt.Errorf("%s: %q: %w", fieldBrands, b.name, err)
		}
		total += b.weight
	}
	if total == 0 || math.IsInf(total, 0) {
		return errors.New(wrongWeights)
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
