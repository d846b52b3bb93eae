package tweetgen

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
	wrongTwice    = "headers name one twice: with message: record they are metadata, of which each name has one. Rename it, or use message: record_batch"
	wrongName     = "the name of a header must not be empty or begin with kafka_: under that name, inputs set the position of a record"
	wrongBrands   = "brands must be a list of objects with a name, such as { name: SuperCoffee, weight: 2 }"
)
