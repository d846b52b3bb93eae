package sentimentwindow

import (
	"slices"
	"sync"

	// The lint rules use parse_duration, and a build without it would find
	// fault with every configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

const (
	fieldMessage          = "message"
	fieldEncoding         = "encoding"
	fieldSchemaFiles      = "schema_files"
	fieldRegistry         = "schema_registry"
	fieldRegistryURL      = "url"
	fieldRegistryUsername = "username"
	fieldRegistryPassword = "password"
	fieldRegistryTLS      = "tls"
	fieldUnknownSchema    = "unknown_schema"
	fieldMapping          = "mapping"
	fieldEmit             = "emit"
	fieldWindow           = "window"
	fieldResolution       = "resolution"
	fieldOutput           = "output"
	fieldMeasurement      = "measurement"
	fieldCoverage         = "coverage_measurement"
	fieldMaxPartitions    = "max_partitions"
	fieldOffsetsPerWindow = "offsets_per_window"
	fieldIdentity         = "identity"
	fieldMaxBatchBytes    = "max_batch_bytes"
	fieldBounds           = "timestamp_bounds"
	fieldBoundsMin        = "min"
	fieldBoundsMax        = "max"
	fieldBeforeRecord     = "before_record"
	fieldAfterRecord      = "after_record"
)

// spec is built once, since parsing its lint rules takes tens of milliseconds.
var spec = sync.OnceValue(func() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Version("0.1.0").
		Categories("Parsing", "Utility").
		Summary("Decodes tweets, counts them by window, brand and sentiment, and gives each point its own timestamp, so that InfluxDB keeps them all and a replay rewrites the same points.").
		Description(declared.Manual(description)).
		Fields(
			service.NewStringAnnotatedEnumField(fieldMessage, map[string]string{
				messageRecord:        "One record of Kafka, or one tweet from elsewhere.",
				contract.RecordBatch: "A whole record batch of Kafka, compressed or not, as `kafka_batches` with `emit: record_batch` delivers it. Each is counted by itself and takes its nanoseconds from its own base offset, so windows are exact whatever is re-read.",
			}).
				Description("What a message is.").
				Default(messageRecord).
				LintRule(lintrule.Enum(fieldMessage, messageRecord, contract.RecordBatch)),
			service.NewStringAnnotatedEnumField(fieldEncoding, map[string]string{
				encodingAvro:         "A raw Avro datum. It does not name its schema, so it must be a tweet to the last byte: all bytes used, every value in range. This cannot detect a record of another schema whose bytes happen to be a valid tweet: use a framed encoding if producers change their schema.",
				encodingSingleObject: "Avro's single-object encoding: the bytes `c3 01`, the fingerprint of the schema, the datum.",
				encodingConfluent:    "The header of Confluent's serializers: a zero byte, the id of the schema in a schema registry, the datum.",
				encodingJSON:         "A JSON object, as bytes or already structured. Bytes that are not UTF-8, half of a surrogate pair and a name that occurs twice in an object, at any depth, are refused, with and without a mapping.",
			}).
				Description("The form of a tweet in a message, or in the value of a record.").
				Default(encodingAvro).
				LintRule(lintrule.Enum(fieldEncoding, encodingAvro, encodingSingleObject, encodingConfluent, encodingJSON)),
			service.NewStringListField(fieldSchemaFiles).
				Description("Files of Avro schemas that tweets may be written with, beside the built-in one: for `avro` the one writer's schema, for `avro_single_object` any number. Other schemas describes which records of them are tweets.").
				Example([]any{"./schemas/tweet_v2.avsc"}).
				Default([]any{}).
				Advanced(),
			service.NewObjectField(fieldRegistry, registryFields()...).
				Description("Schema registry for `avro_confluent`. While it does not respond, records whose schema is not known yet wait. Schemas that refer to others are read with those, at most 100. A request follows at most three redirects, on the same host; a response has at most 2 MiB. The cache keeps 1,000 schemas of at most 16 MiB together.").
				Optional().
				Advanced().
				LintRule(`root = match {
  `+secret.Twice(fieldRegistryPassword)+` => [ "`+secret.WrongTwice(fieldRegistryPassword)+`" ],
  this.username.or("") == "" && `+secret.IsSet(fieldRegistryPassword)+` => [ "`+wrongRegistryPassword+`" ],
}`),
			service.NewBloblangField(fieldMapping).
				Description("For `encoding: json` with other field names: a Bloblang mapping from the message to an object `{brand, sentiment, timestamp, text, id}`. `sentiment` is positive, negative or neutral, `timestamp` whole milliseconds or a Bloblang timestamp, `text` and `id` may be missing. JSON that `encoding: json` refuses is refused before the mapping runs, as its parser would repair it, and two brands would become one; messages that are not JSON are left to the mapping, and so is what it parses itself, as by `parse_json`. What a processor before this one has parsed is repaired already. A message that the mapping deletes (`root = deleted()`) is filtered: it is neither counted nor a dead letter, but counted in `sentiment_window_filtered` and in the coverage point. With `message: record_batch` it sees each record as the `redpanda` input would give it, with `kafka_topic`, `kafka_partition`, `kafka_offset`, `kafka_key`, `kafka_timestamp_unix`, `kafka_timestamp_ms` and `kafka_tombstone_message` as metadata, but without the record's headers. A mapping must give the same result whenever it sees the same message: no `now()`, no `random_int()`.").
				Example(`root.brand = this.company
root.sentiment = if this.score > 0.2 { "positive" } else if this.score < -0.2 { "negative" } else { "neutral" }
root.timestamp = this.created_at.ts_parse("2006-01-02T15:04:05Z07:00")
root.text = this.body`).
				Optional(),
			service.NewObjectField(fieldBounds,
				service.NewStringField(fieldBoundsMin).
					Description("The first time that counts, in RFC 3339. Empty for none.").
					Example("2006-03-21T00:00:00Z").
					Default("").
					LintRule(timeRule(fieldBoundsMin)),
				service.NewStringField(fieldBoundsMax).
					Description("The last time that counts, in RFC 3339. Empty for none.").
					Example("2100-01-01T00:00:00Z").
					Default("").
					LintRule(timeRule(fieldBoundsMax)),
				service.NewStringField(fieldBeforeRecord).
					Description("How much earlier than its record in Kafka a tweet may be: a duration, not negative. Empty for any.").
					Example("168h").
					Default("").
					LintRule(boundRule(fieldBeforeRecord)),
				service.NewStringField(fieldAfterRecord).
					Description("How much later than its record in Kafka a tweet may be: a duration, not negative. Empty for any.").
					Example("10m").
					Default("").
					LintRule(boundRule(fieldAfterRecord)),
			).
				LintRule(`root = if this.min.or("").ts_parse("2006-01-02T15:04:05Z07:00").ts_unix_milli().catch(0) > this.max.or("").ts_parse("2006-01-02T15:04:05Z07:00").ts_unix_milli().catch(9223372036854775807) { [ "`+fieldBounds+`.min is later than max: no tweet would be counted" ] }`).
				Description("Which times of tweets count. Tweets with other times become dead letters with the reason `out_of_bounds`. A bound is a time, or relative to the timestamp of the record in Kafka (`kafka_timestamp_ms`), never to the clock: a replay must decide alike. With a relative bound, a tweet whose record has no such timestamp becomes a dead letter. Bounds affect the counts, so include them in the `fingerprint` of `kafka_batches`.").
				Advanced(),
			service.NewStringAnnotatedEnumField(fieldEmit, map[string]string{
				emitWindows: "One point per window, brand and sentiment of a batch, with the field `count`.",
				emitTweets:  "One point per tweet, with the fields `count`, always 1, and `text`, its first 255 characters.",
			}).
				Description("What becomes a point. The two must not share a measurement: their counts would add up.").
				Default(emitWindows).
				LintRule(lintrule.Enum(fieldEmit, emitWindows, emitTweets)),
			service.NewDurationField(fieldWindow).
				Description("Length of a window, for `emit: windows`: whole milliseconds, at most 24h. Windows are aligned to the Unix epoch.").
				Default("1s").
				LintRule(lintrule.WholeMillis(fieldWindow, shortestWindow, longestWindow)),
			service.NewDurationField(fieldResolution).
				Description("For `emit: tweets`: the time that a tweet's own timestamp is floored to, to make room for its position: whole milliseconds, at most 24h. With 1s and 64 partitions, tweets of one second and partition are kept apart if their offsets differ by less than 15,625,000; with 1ms, by less than 15,625, which is enough where a partition gets fewer than 15,625 tweets in the time by which tweets can be out of order: say so in `"+fieldOffsetsPerWindow+"`.").
				Default("1s").
				Advanced().
				LintRule(lintrule.WholeMillis(fieldResolution, shortestWindow, longestWindow)),
			service.NewStringAnnotatedEnumField(fieldOutput, map[string]string{
				outputLines:  "One message per batch and partition, or per record batch, whose bytes are the points as line protocol. Fastest.",
				outputPoints: "One structured message per point, `{measurement, tags, fields, timestamp}` with the timestamp in nanoseconds, for Bloblang to change.",
			}).
				Description("The form of the points. The `influxdb` output accepts both.").
				Default(outputLines).
				LintRule(lintrule.Enum(fieldOutput, outputLines, outputPoints)),
			service.NewStringField(fieldMeasurement).
				Description("Measurement of the points.").
				Default("tweets").
				LintRule(lintrule.Measurement(fieldMeasurement)),
			service.NewStringField(fieldCoverage).
				Description("Measurement of the coverage points, which store for each record batch how many records were counted: `brandpulse_batches` with `message: record_batch`, which they need. Empty for none.").
				Example("coverage").
				Example("").
				Optional().
				Advanced().
				LintRule(lintrule.MeasurementOrNone(fieldCoverage)),
			service.NewIntField(fieldMaxPartitions).
				Description("How many partitions the topic may have, now and later, for `identity: timestamp`. Each gets its own nanoseconds, `window / max_partitions` of them (with `emit: tweets`, `resolution / max_partitions`), so set no more than the topic needs: see `"+fieldOffsetsPerWindow+"`. A change moves every point, so a replay would count twice: change it only with an empty bucket.").
				Default(64).
				Advanced().
				LintRule(lintrule.Int(fieldMaxPartitions, 1, mostPartitions)),
			service.NewIntField(fieldOffsetsPerWindow).
				Description("How many offsets of one partition may lie between the first and the last tweet of one window (with `emit: tweets`, of one `resolution`; for coverage points, of one second). Settings that leave room for fewer are refused: see When two points share a timestamp. One partition can bring a million records a second; lower it where a window or a resolution is short and the topic is slow, raise it where tweets of one time come far apart.").
				Default(defaultOffsetsPerWindow).
				Advanced().
				LintRule(lintrule.Int(fieldOffsetsPerWindow, 1, 0)),
			service.NewStringField(fieldMaxBatchBytes).
				Description("The largest record batch accepted with `message: record_batch`, decompressed, in the memory of each thread. A larger one is not counted: `kafka_batches` redelivers it until this is raised, and commits nothing behind it; from another input it is a dead letter.").
				Default("32MiB").
				Advanced().
				LintRule(lintrule.Size(fieldMaxBatchBytes, mostBatchBytes)),
			service.NewStringAnnotatedEnumField(fieldIdentity, map[string]string{
				contract.IdentityTimestamp: "In the nanoseconds of the timestamp alone, so that a query by second and sentiment gives one row. The topic is not part of it: one topic per measurement and bucket. `kafka_batches` remembers it in its commits; with the stock inputs a second topic is refused within one process only, and replaces points of the first after a restart.",
				contract.IdentitySource:    "In a tag `src`, from the id of the topic and the partition, and in the nanoseconds. Several topics may share a measurement: `kafka_batches` needs `identity: source` too to read them. It needs an input that gives the id of the topic, as 16 bytes in the metadata `kafka_topic_id`: `kafka_batches` does. The stock Kafka inputs do not: with them each message is refused.",
			}).
				Description("Where a point carries its position in Kafka, which makes it unique.").
				Default(contract.IdentityTimestamp).
				LintRule(lintrule.Enum(fieldIdentity, contract.IdentityTimestamp, contract.IdentitySource)).
				Advanced(),
		).
		LintRule(slotsVariables+`root = match {`+slotsCases+`
  this.encoding.or("avro") != "json" && this.exists("mapping") => [ "mapping reads JSON: set encoding: json" ],
  this.encoding.or("avro") == "avro_confluent" && !this.exists("schema_registry") => [ "encoding: avro_confluent needs schema_registry.url" ],
  this.encoding.or("avro") != "avro_confluent" && this.exists("schema_registry") => [ "schema_registry is for encoding: avro_confluent" ],
  this.message.or("record") == "record" && this.exists("coverage_measurement") => [ "coverage_measurement needs message: record_batch" ],
  this.message.or("record") == "record_batch" && this.coverage_measurement.or("brandpulse_batches") == this.measurement.or("tweets") => [ "coverage_measurement and measurement must differ" ],
  this.schema_files.or([]).length() > 0 && !["avro", "avro_single_object"].contains(this.encoding.or("avro")) => [ "schema_files is for the encodings avro and avro_single_object" ],
  this.encoding.or("avro") == "avro" && this.schema_files.or([]).length() > 1 => [ "raw Avro has one writer's schema: name one file in schema_files" ],
}`).
		Example("Tweets from Kafka to InfluxDB",
			"Counts per second, brand and sentiment. Records that cannot be decoded go to a topic of their own, with their error and origin as headers.",
			exampleKafka).
		Example("Exact counts",
			"The sums in InfluxDB are those of the topic, however often a record batch is read, and each record batch has a coverage point.",
			exampleExact).
		Example("Foreign JSON",
			"Posts of another system, read through a mapping and counted per minute. Lines that cannot be read as a post go to a file with their error.",
			exampleMapping)
})

// timeRule and boundRule accept nothing, for a field that is not set.
func timeRule(field string) string {
	return `root = if this != "" && this.ts_parse("2006-01-02T15:04:05Z07:00").catch(null) == null { [ "` + fieldBounds + `.` + field + ` must be a time like 2026-01-31T00:00:00Z" ] }`
}

func boundRule(field string) string {
	return `root = if this != "" && this.parse_duration().catch(-1) < 0 { [ "` + fieldBounds + `.` + field + ` must be a duration like 168h, not negative" ] }`
}

func registryFields() []*service.ConfigField {
	return slices.Concat(
		[]*service.ConfigField{
			service.NewURLField(fieldRegistryURL).
				Description("Address of the schema registry.").
				Example("http://localhost:8081").
				// The value is shown by none: it may have a password.
				LintRule(`root = match {
  !this.re_match("^https?://[^/]") => [ "` + wrongRegistryURL + `" ],
  this.contains("?") || this.contains("#") => [ "` + wrongRegistryQuery + `" ],
  this.re_match("\\s") || ` + secret.NoURL + ` => [ "` + secret.WrongURL(fieldRegistryURL) + insteadOfUser + `" ],
}`),
			service.NewStringField(fieldRegistryUsername).
				Description("User name for basic authentication. Empty means none.").
				Default("").
				Advanced(),
		},
		secret.Advanced(secret.Fields(fieldRegistryPassword, "Password for basic authentication.")),
		[]*service.ConfigField{
			service.NewTLSField(fieldRegistryTLS).Advanced(),
			service.NewStringAnnotatedEnumField(fieldUnknownSchema, map[string]string{
				unknownSchemaWait:        "Ask again until the registry has it: one that was restarted or restored may not have caught up. A record that names a schema that never was holds up its partition, see Waiting for a schema. This is what happens with `message: record_batch` if nothing is said here, where a batch must give the same counts at each reading.",
				unknownSchemaUndecodable: "The record is undecodable. This is what happens with `message: record` if nothing is said here.",
			}).
				Description("What to do with a record whose schema the registry says it does not have.").
				LintRule(lintrule.Enum(fieldUnknownSchema, unknownSchemaWait, unknownSchemaUndecodable)).
				Optional().
				Advanced(),
		},
	)
}
