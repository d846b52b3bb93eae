package tweetgen

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func mixFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringAnnotatedEnumField(fieldMode, map[string]string{
			modeFixed:    "Every batch has the shares of `sentiment`, to within one tweet.",
			modeVolatile: "Every batch has its own shares around those of `sentiment`; `volatility_factor` sets how far they deviate.",
		}).
			Description("How the sentiments are mixed.").
			Default(modeFixed).
			LintRule(lintrule.Enum(fieldMode, modeFixed, modeVolatile)),
		service.NewObjectField(fieldSentiment,
			service.NewFloatField("positive").Description("Share of positive tweets, in percent.").Default(50),
			service.NewFloatField("negative").Description("Share of negative tweets, in percent.").Default(30),
			service.NewFloatField("neutral").Description("Share of neutral tweets, in percent.").Default(20),
		).
			Description("The mix of sentiments in percent, with at most 6 decimals. The three must add up to 100.").
			Example(map[string]any{"positive": 33.3, "negative": 33.3, "neutral": 33.4}).
			LintRule(`let p = this.positive.or(50)
let n = this.negative.or(30)
let u = this.neutral.or(20)
let sum = (($p + $n + $u) * 1000000).round() / 1000000
root = match {
  $p < 0 || $n < 0 || $u < 0 => [ "a sentiment share must not be negative" ],
  $sum != 100 => [ "sentiment shares add up to %v, not 100".format($sum) ],
}`),
		service.NewFloatField(fieldVolatilityFactor).
			Description("For `mode: volatile`: how far the mix of a batch may deviate from `sentiment`. At 0 it is `sentiment`; at 1 every mix is equally likely.").
			Default(0.8).
			LintRule(lintrule.Float(fieldVolatilityFactor, "this >= 0 && this <= 1", fromZeroToOne)),
		service.NewIntField(fieldBatchSize).
			Description("Tweets in a batch, which holds the mix of sentiments. With a `rate` or a `shape`, a batch of more than a tenth of a second is delivered in equal parts, each of at most a tenth of a second: 8000 at a rate of 1000 in 80 parts of 100. Tweets delivered together share one timestamp, the millisecond in which they were due.").
			Default(8000).
			LintRule(lintrule.Int(fieldBatchSize, 1, maxBatchSize)),
	}
}

func scheduleFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewDurationField(fieldInterval).
			Description("Without a `rate` or a `shape`: how long each worker waits after delivering a batch. `0s` means no wait.").
			Default("1ms").
			LintRule(lintrule.Duration(fieldInterval, 0, 0)),
		service.NewIntField(fieldWorkers).
			Description("Batches generated at the same time. 0 means one per core, at least 4. It does not affect the tweets, only the order of concurrent batches.").
			Default(0).
			Advanced().
			LintRule(lintrule.Int(fieldWorkers, 0, maxWorkers)),
		service.NewFloatField(fieldRate).
			Description("Tweets per second of all workers together, instead of `interval`. Tweet n is due n/rate seconds after the start. Tweets are delivered in batches, or parts of batches, of at most a tenth of a second (see `batch_size`). The rate does not change the tweets of a seed. If the rest of the pipeline is slow, up to one second of the schedule is caught up afterwards; beyond that the schedule moves, and the delayed tweets are counted in `tweet_generator_missed`. 0 means no limit except `interval`.").
			Default(0).
			Example(50000).
			LintRule(lintrule.Float(fieldRate, "this == 0 || this >= 0.001 && this <= 1000000000", rates)),
		shapeField(),
		service.NewIntField(fieldCount).
			Description("Total number of tweets. Once they are delivered the input ends, and so does a process without other inputs. 0 means no end.").
			Default(0).
			Example(1000000).
			LintRule(lintrule.Int(fieldCount, 0, 0)),
		service.NewDurationField(fieldDuration).
			Description("How long to generate. Once everything is delivered, the input ends. With `count`, the limit that is reached first ends it. `0s` means no end.").
			Default("0s").
			Example("10m").
			LintRule(lintrule.Duration(fieldDuration, 0, 0)),
		service.NewIntField(fieldSeed).
			Description("The same seed and the same settings of `mode`, `sentiment`, `volatility_factor`, `batch_size`, `encoding`, `corpus`, `compressibility`, `flaws` and those of brands, keys and headers give the same tweets, with the same ids, on every machine; the timestamps are those of the run. 0 means a random seed, which is logged at the start; no two runs then share an id. `rate`, `shape`, `interval` and `workers` do not change the tweets.").
			Default(0),
	}
}

func formFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringAnnotatedEnumField(fieldEncoding, map[string]string{
			encodingAvro:         "The raw Avro datum, about 116 bytes per tweet.",
			encodingSingleObject: "Avro's single-object encoding: `c3 01`, the fingerprint of the schema, the datum. A consumer can identify the schema.",
			encodingJSON:         `An object ` + "`" + `{"id":"...","text":"...","brand":"...","sentiment":"positive","timestamp":1767225600000}` + "`" + `.`,
		}).
			Description("The form of a tweet.").
			Default(encodingAvro).
			LintRule(lintrule.Enum(fieldEncoding, encodingAvro, encodingSingleObject, encodingJSON)),
		service.NewStringAnnotatedEnumField(fieldMessage, map[string]string{
			messageRecord:        "A message is a tweet.",
			contract.RecordBatch: "A message is one of Kafka's record batches, for the output `kafka_batches` with `message: record_batch`. Its tweets are the same as with `record`, and each record has the time at which its tweet was due.",
		}).
			Description("What a message is.").
			Default(messageRecord).
			LintRule(lintrule.Enum(fieldMessage, messageRecord, contract.RecordBatch)),
		service.NewStringField(fieldMaxBatchBytes).
			Description("For `message: record_batch`: size at which a record batch is full, before compression. A batch of `batch_size` tweets that does not fit becomes several messages, which are acknowledged together. It must not exceed `max.message.bytes` of the topic, by default 1,048,588 bytes.").
			Default("1MiB").
			LintRule(lintrule.Size(fieldMaxBatchBytes, maxPlanBytes)),
	}
}

func brandFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectListField(fieldBrands,
			service.NewStringField(fieldName).
				Description("Name of the brand. At most 256 bytes.").
				LintRule(lintrule.TagValue(fieldName, strconv.Itoa(tweet.MaxBrandBytes))),
			service.NewFloatField(fieldWeight).
				Description("Frequency of the brand, relative to the weights of the others.").
				Default(1).
				LintRule(lintrule.Float(fieldWeight, "this >= 0", notNegative)),
		).
			Description("The brands, at most 100,000. Each tweet is about one of them, chosen at random by weight.").
			Default([]any{map[string]any{"name": "SuperCoffee", "weight": 1}}).
			Example([]any{map[string]any{"name": "SuperCoffee", "weight": 3}, map[string]any{"name": "MegaTea"}}).
			// It is called for the list and for each of its objects.
			LintRule(`root = match {
  this.type() != "array" => [],
  this.length() == 0 => [ "brands must not be empty" ],
  this.any(b -> b.name == null) => [ "` + wrongBrands + `" ],
  this.length() > 100000 => [ "brands must have at most 100000 entries" ],
  this.map_each(b -> b.name).unique().length() < this.length() => [ "brands must not name a brand twice" ],
  this.map_each(b -> b.weight.or(1)).sum() == 0 => [ "` + wrongWeights + `" ],
}`),
		service.NewIntField(fieldBrandCount).
			Description("Number of brands with the names `brand_1`, `brand_2` and so on, instead of `brands`. Each brand has three series in InfluxDB. 0 means `brands`.").
			Default(0).
			Example(10000).
			LintRule(lintrule.Int(fieldBrandCount, 0, maxBrands)),
		service.NewFloatField(fieldBrandZipf).
			Description("For `brand_count`: exponent s of Zipf's law. `brand_n` is n^s times as rare as `brand_1`. 0 makes all equally frequent.").
			Default(1).
			LintRule(lintrule.Float(fieldBrandZipf, "this >= 0 && this <= 10", fromZeroToTen)),
	}
}

func recordFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringAnnotatedEnumField(fieldKey, map[string]string{
			keyNone:  "No key.",
			keyBrand: "The brand.",
			keyID:    "The id of the tweet, so no two records have the same key.",
			keyUser:  "One of `key_count` users, `user_1` to `user_N`, drawn by Zipf's law.",
		}).
			Description("Key of a tweet's record. With `message: record` it is the metadata `kafka_key`, as inputs for Kafka set it: an output writes it with `key: ${! @kafka_key }`. With `record_batch` it is in the record, and a record batch goes to one partition whatever its keys. If tweets with the same key must be in the same partition, use `record` and an output that chooses partitions by the key.").
			Default(keyNone).
			LintRule(lintrule.Enum(fieldKey, keyNone, keyBrand, keyID, keyUser)),
		service.NewIntField(fieldKeyCount).
			Description("For `key: user`: number of users.").
			Default(10000).
			Advanced().
			LintRule(lintrule.Int(fieldKeyCount, 1, maxKeys)),
		service.NewFloatField(fieldKeyZipf).
			Description("For `key: user`: exponent s of Zipf's law. `user_n` is n^s times as rare as `user_1`. 0 makes all equally frequent.").
			Default(1).
			Advanced().
			LintRule(lintrule.Float(fieldKeyZipf, "this >= 0 && this <= 10", fromZeroToTen)),
		service.NewObjectListField(fieldHeaders,
			service.NewStringField(fieldName).
				Description("Name of the header. It must not begin with `kafka_`.").
				LintRule(lintrule.Text(fieldName, `this == "" || this.has_prefix("kafka_")`, "a name that does not begin with kafka_")),
			service.NewStringField(fieldValue).
				Description("Value, the same for all tweets.").
				Default(""),
			service.NewIntField(fieldRandomHex).
				Description("Instead of a value: number of random hexadecimal digits, other ones for each tweet. 32 are as many as a trace id has.").
				Default(0).
				LintRule(lintrule.Int(fieldRandomHex, 0, maxHex)),
		).
			Description("Headers of a tweet's record, at most 100. With `message: record` they are metadata, which an output writes as its field `metadata` says, and need different names. With `record_batch` they are in the record.").
			Default([]any{}).
			Example([]any{map[string]any{"name": "source", "value": "web"}, map[string]any{"name": "trace_id", "random_hex": 32}}).
			Advanced().
			// It is called for the list and for each of its objects.
			LintRule(`root = match {
  this.type() == "object" && this.value.or("") != "" && this.random_hex.or(0) != 0 => [ "` + wrongHeader + `" ],
  this.type() == "array" && this.length() > 100 => [ "headers must have at most 100 entries" ],
}`),
	}
}

func textFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectField(fieldCompressibility,
			service.NewFloatField(fieldRatio).
				Description("Size of a record batch before compression divided by its size after it. It is met within 5 %. If these tweets cannot have it, the error at the start names the possible range. 0 leaves the texts as they are.").
				Default(0).
				Example(2.5).
				LintRule(lintrule.Float(fieldRatio, "this == 0 || this >= 1 && this <= 1000", ratios)),
			service.NewStringEnumField(fieldCodec, compression.Names[1:]...).
				Description("The codec that reaches the ratio, at its default level. Others reach other ratios.").
				Default("lz4").
				LintRule(lintrule.Enum(fieldCodec, compression.Names[1:]...)),
		).
			Description("How well the tweets compress. Few texts compress better than any real topic. To meet a ratio, a part of each text, at its end, is replaced: by random characters to compress worse, by a repeated phrase to compress better. The texts keep their sizes. The ratio is that of record batches as this input makes them: of a whole batch with `message: record_batch`, and of 1 MiB with `record`. It is measured at the start, with a megabyte of tweets.").
			Advanced(),
		service.NewStringField(fieldCorpus).
			Description("File of the texts to draw from, instead of the six built-in ones: one JSON object per line, " + "`" + `{"text": "Loved it!", "sentiment": "positive"}` + "`" + `, a text of at most 16 KiB, at most 100,000 texts and 64 MiB. Tweets are as long as the texts that are drawn. A text that occurs twice is drawn twice as often. Each sentiment of the mix needs a text.`).
			Default("").
			Example("./tweets.jsonl"),
		flawsField(),
	}
}

func deliveryFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewIntField(fieldMaxInFlight).
			Description("Batches, or parts of batches, that may be unacknowledged before the input waits. Raise it with a small `batch_size`, or the round trip to the broker limits the rate.").
			Default(32).
			Advanced().
			LintRule(lintrule.Int(fieldMaxInFlight, 1, maxInFlight)),
		service.NewStringField(fieldMaxInFlightBytes).
			Description("Memory of unacknowledged batches, which are kept to be redelivered, before the input waits: about 300 bytes per tweet with its messages, or 129 with `message: record_batch`, and fewer if that is compressed; longer texts, keys and headers take more. At least one batch is in flight, whatever its size.").
			Default("96MiB").
			Advanced().
			LintRule(lintrule.Size(fieldMaxInFlightBytes, mostInFlightBytes)),
		service.NewStringAnnotatedEnumField(fieldProgress, map[string]string{
			progressAuto:   "A progress bar if stderr is a terminal, else a log line every 10 seconds.",
			progressAlways: "A progress bar, drawn with cursor codes, even if stderr is not a terminal.",
			progressNever:  "No progress.",
		}).
			Description("How to show progress, in acknowledged tweets. One input per process can have the progress bar; others log.").
			Default(progressAuto).
			LintRule(lintrule.Enum(fieldProgress, progressAuto, progressAlways, progressNever)),
		ledgerField(),
	}
}
