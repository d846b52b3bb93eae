package sentimentwindow

import (
	// The lint rules use parse_duration, and a build without it would find
	// fault with every configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldEncoding         = "encoding"
	fieldSchemaFiles      = "schema_files"
	fieldRegistry         = "schema_registry"
	fieldRegistryURL      = "url"
	fieldRegistryUsername = "username"
	fieldRegistryPassword = "password"
	fieldRegistryTLS      = "tls"
	fieldMapping          = "mapping"
	fieldEmit             = "emit"
	fieldWindow           = "window"
	fieldResolution       = "resolution"
	fieldOutput           = "output"
	fieldMeasurement      = "measurement"
	fieldMaxPartitions    = "max_partitions"
	fieldIdentity         = "identity"
)

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Version("0.1.0").
		Categories("Parsing", "Utility").
		Summary("Decodes tweets, counts them by window, brand and sentiment, and gives each point a timestamp of its own, so that InfluxDB keeps them all and a replay writes the same points again.").
		Description(description).
		Fields(
			service.NewStringAnnotatedEnumField(fieldEncoding, map[string]string{
				encodingAvro:         "A raw Avro datum. Nothing in it says which schema wrote it, so it must be a tweet to the last byte: all bytes used, every value in range. What that cannot find out is a record of another schema whose bytes happen to be a valid tweet: use a framed form where producers change their schema.",
				encodingSingleObject: "Avro's single-object encoding: the bytes `c3 01`, the fingerprint of the schema, the datum.",
				encodingConfluent:    "The header of Confluent's serializers: a zero byte, the id of the schema in a schema registry, the datum.",
				encodingJSON:         "A JSON object, as bytes or already structured.",
			}).
				Description("The form of a tweet in a message.").
				Default(encodingAvro),
			service.NewStringListField(fieldSchemaFiles).
				Description("Files of Avro schemas that tweets may be written with, beside the built-in one: for `avro` the one writer's schema, for `avro_single_object` any number. Each must resolve to a tweet by Avro's rules: fields may be added or reordered, numbers may be narrower; a field of a tweet that is missing is an error.").
				Example([]any{"./schemas/tweet_v2.avsc"}).
				Default([]any{}).
				Advanced(),
			service.NewObjectField(fieldRegistry,
				service.NewURLField(fieldRegistryURL).
					Description("Address of the schema registry.").
					Example("http://localhost:8081"),
				service.NewStringField(fieldRegistryUsername).
					Description("User name for basic authentication. Empty means none.").
					Default("").
					Advanced(),
				service.NewStringField(fieldRegistryPassword).
					Description("Password for basic authentication.").
					Default("").
					Secret().
					Advanced(),
				service.NewTLSField(fieldRegistryTLS).Advanced(),
			).
				Description("Where `avro_confluent` gets its schemas. While the registry does not answer, the processor waits, since nothing is known of the records yet; a schema that it does not have makes a record undecodable. 1,000 schemas are kept.").
				Optional().
				Advanced(),
			service.NewBloblangField(fieldMapping).
				Description("For `encoding: json` with other field names: a Bloblang mapping from the message to an object `{brand, sentiment, timestamp, text, id}`. `sentiment` is positive, negative or neutral, `timestamp` whole milliseconds or a Bloblang timestamp, `text` and `id` may be missing. A mapping must give the same result whenever it sees the same message: no `now()`, no `random_int()`.").
				Example(`root.brand = this.company
root.sentiment = if this.score > 0.2 { "positive" } else if this.score < -0.2 { "negative" } else { "neutral" }
root.timestamp = this.created_at.ts_parse("2006-01-02T15:04:05Z07:00")
root.text = this.body`).
				Optional(),
			service.NewStringAnnotatedEnumField(fieldEmit, map[string]string{
				emitWindows: "One point per window, brand and sentiment of a batch, with the field `count`.",
				emitTweets:  "One point a tweet, with the fields `count`, always 1, and `text`, its first 255 characters.",
			}).
				Description("What becomes a point. The two must not share a measurement: their sums would add up.").
				Default(emitWindows),
			service.NewDurationField(fieldWindow).
				Description("Length of a window, for `emit: windows`: whole milliseconds, at most 24h. Windows are aligned to the Unix epoch.").
				Default("1s").
				LintRule(durationRule(fieldWindow)),
			service.NewDurationField(fieldResolution).
				Description("For `emit: tweets`: the time that a tweet's own timestamp is floored to, to make room for its position: whole milliseconds, at most 24h. With 1s and 64 partitions, tweets of one second and partition are kept apart if their offsets differ by less than 15,625,000; with 1ms, by less than 15,625, which is enough where a partition gets fewer than 15,625 tweets in the time by which tweets can be out of order.").
				Default("1s").
				Advanced().
				LintRule(durationRule(fieldResolution)),
			service.NewStringAnnotatedEnumField(fieldOutput, map[string]string{
				outputLines:  "One message per batch and partition, whose bytes are the points as line protocol: the fast one.",
				outputPoints: "One structured message a point, `{measurement, tags, fields, timestamp}` with the timestamp in nanoseconds, for Bloblang to change.",
			}).
				Description("The form of the points. The `influxdb` output takes both.").
				Default(outputLines),
			service.NewStringField(fieldMeasurement).
				Description("Measurement of the points.").
				Default("tweets").
				LintRule(`root = if this == "" { [ "measurement must not be empty" ] }`),
			service.NewIntField(fieldMaxPartitions).
				Description("How many partitions the topic may have, now and later, for `identity: timestamp`. Each gets its own nanoseconds. A change moves every point, so that a replay doubles what is stored: change it on an empty bucket.").
				Default(64).
				Advanced().
				LintRule(`root = if this < 1 || this > 1000000 { [ "max_partitions must be from 1 to 1000000" ] }`),
			service.NewStringAnnotatedEnumField(fieldIdentity, map[string]string{
				identityTimestamp: "In the nanoseconds of the timestamp alone, so that a query by second and sentiment gives one row. The topic is not part of it: one topic per measurement and bucket.",
				identitySource:    "In a tag `src`, from the id of the topic and the partition, and in the nanoseconds. Several topics may share a measurement. It needs an input that gives the id of the topic, as 16 bytes in the metadata `kafka_topic_id`. The stock Kafka inputs do not: with them each message is refused.",
			}).
				Description("Where a point carries its place in Kafka, which makes it unique.").
				Default(identityTimestamp).
				Advanced(),
		).
		LintRule(`root = match {
  this.encoding.or("avro") != "json" && this.exists("mapping") => [ "mapping reads JSON: set encoding: json" ],
  this.encoding.or("avro") == "avro_confluent" && !this.exists("schema_registry") => [ "encoding: avro_confluent needs schema_registry.url" ],
  this.encoding.or("avro") != "avro_confluent" && this.exists("schema_registry") => [ "schema_registry is for encoding: avro_confluent" ],
  this.encoding.or("avro") == "avro" && this.schema_files.or([]).length() > 1 => [ "raw Avro has one writer's schema: name one file in schema_files" ],
}`).
		Example("Tweets from Kafka to InfluxDB",
			"Counts per second, brand and sentiment. What cannot be decoded goes to a topic of its own, with its error and its origin as headers.",
			exampleKafka).
		Example("Foreign JSON",
			"Posts of another system, read through a mapping and counted per minute.",
			exampleMapping)
}

func durationRule(field string) string {
	return `root = match {
  this.parse_duration().catch(-1) < 1000000 => [ "` + field + ` must be at least 1ms" ],
  this.parse_duration().catch(0) > 86400000000000 => [ "` + field + ` must be at most 24h" ],
  this.parse_duration().catch(0) % 1000000 != 0 => [ "` + field + ` must be whole milliseconds" ],
}`
}

const description = `
InfluxDB replaces a point that has the same measurement, tags and timestamp, and tweets come in batches that share a millisecond. So every point gets a nanosecond of its own, from where the tweet lies in Kafka:

` + "```text" + `
time = event time floored to R  +  slot nanoseconds
slot = (offset mod S) * max_partitions + partition,   S = R / max_partitions
` + "```" + `

R is ` + "`window`, or `resolution` with `emit: tweets`" + `. For windows the offset is that of the first message of the batch. The time stays in its window, no two points of a run share one, and reading Kafka again gives the same points again.

### What is exact

With ` + "`emit: tweets`" + `, what InfluxDB holds equals what Kafka holds, however often records are read again. With ` + "`emit: windows`" + ` it does as long as no batch is read again: the stock Kafka inputs cut a replay into other batches, whose counts then replace or join those of the first reading. So after a crash or a rebalance the windows around it are approximate.

### What comes out

Exactly one batch: first the points, then every message that could not be counted, unchanged, with its error set, and with the metadata

- ` + "`dead_reason`" + `: ` + "`undecodable`; `unstorable` (InfluxDB has no room for its time or brand); `origin` (its place in Kafka is missing, replaced by a record header, of a second topic, or beyond `max_partitions`); `failed_before` (an earlier processor failed)" + `,
- ` + "`dead_error`" + `: the error in words,
- ` + "`dead_topic`, `dead_partition`, `dead_offset`" + `: where it lies, as far as that is known to be genuine; without the offset, ` + "`dead_after_offset`" + ` is that of the record before it.

Other metadata whose name begins with ` + "`dead_`" + ` is removed from them: it may come from a header of the record, which can say anything.

Route them with ` + "`errored()`" + `, as the example does: a message with an error is not line protocol. Messages of points have the metadata ` + "`tweets` and `points`, and `kafka_topic`, `kafka_partition`, `kafka_offset` and `kafka_last_offset`" + ` of the tweets that are in them.

Messages that do not come from Kafka are numbered in the order in which they arrive, beginning anew with each start: their points are unique, and a replay doubles them.

### Metrics

| name | labels | counts |
|---|---|---|
| ` + "`sentiment_window_tweets`" + ` | ` + "`sentiment`" + ` | tweets counted |
| ` + "`sentiment_window_points`" + ` | | points made of them |
| ` + "`sentiment_window_refused`" + ` | ` + "`reason`" + ` | messages that could not be counted |
`

const exampleKafka = `
input:
  redpanda:
    seed_brokers: [ localhost:9092 ]
    topics: [ tweets ]
    consumer_group: brandpulse
    max_yield_batch_bytes: 1MB

pipeline:
  processors:
    - sentiment_window: {}

output:
  switch:
    cases:
      - check: errored()
        output:
          retry:
            output:
              redpanda:
                seed_brokers: [ localhost:9092 ]
                topic: tweets_dead
                metadata:
                  include_prefixes: [ dead_ ]
      - output:
          influxdb:
            url: http://localhost:8086
            org: brandpulse
            bucket: brandpulse
            token: "${INFLUXDB_TOKEN}"
            rejected:
              retry:
                output:
                  redpanda:
                    seed_brokers: [ localhost:9092 ]
                    topic: tweets_dead
`

const exampleMapping = `
input:
  file:
    paths: [ ./posts.jsonl ]
    scanner:
      lines: {}

pipeline:
  processors:
    - sentiment_window:
        encoding: json
        mapping: |
          root.brand = this.company
          root.sentiment = this.mood.lowercase()
          root.timestamp = this.created_at.ts_parse("2006-01-02T15:04:05Z07:00")
          root.text = this.body
        window: 1m

output:
  stdout: {}
`
