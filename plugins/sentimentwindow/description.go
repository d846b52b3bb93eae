package sentimentwindow

const description = `
InfluxDB replaces a point that has the same measurement, tags and timestamp, and tweets come in batches that share a millisecond. Each point therefore gets its own nanosecond, derived from the position of the tweet in Kafka:

` + "```text" + `
time = event time floored to R  +  slot nanoseconds
slot = (offset mod S) * max_partitions + partition,   S = R / max_partitions
` + "```" + `

R is ` + "`window`, or `resolution` with `emit: tweets`" + `. For windows the offset is that of the first message of the batch, or the base offset of the record batch. The time stays in its window, no two points of a run share one (the next section has the limits), and a replay produces the same points.

### When two points share a timestamp

Two points of one series replace each other in InfluxDB if they share a timestamp. With ` + "`identity: timestamp`" + ` this requires all of the following:

- they are of one partition: the slots of two partitions are never the same, and a partition beyond ` + "`max_partitions`" + ` is refused,
- they are of one window (with ` + "`emit: tweets`, of one `resolution`" + `), by the times in the tweets,
- their offsets differ by S, or a multiple of it. With ` + "`message: record_batch`" + ` only the base offsets of the record batches matter; with batches of the stock input the offsets of their first messages; with ` + "`emit: tweets`" + ` those of the tweets.

So no two points share one as long as the offsets that a partition has in one window span fewer than S. Coverage points are at seconds of Kafka's timestamps, whatever the window: for them, S is 1s / ` + "`max_partitions`" + `.

| ` + "`window` or `resolution`" + ` | ` + "`max_partitions`" + ` | S |
|---|---|---|
| 1s | 64 | 15,625,000 |
| 1s | 1000 | 1,000,000: the fewest accepted without ` + "`offsets_per_window`" + ` |
| 1m | 64 | 937,500,000, and 15,625,000 in a second for coverage points |
| 1ms | 64 | 15,625: requires ` + "`offsets_per_window: 15625`" + ` or fewer |

A partition with 50,000 tweets per second has 50,000 offsets in a window of 1s, and more if tweets are out of order: 3,050,000 if the tweets of one second arrive over a minute. If event times are wrong, such as the same time in every tweet, a window never ends. The metric ` + "`sentiment_window_slots_used_ratio`" + ` shows the largest span of the last minutes as a share of S. From 0.5 on there is a warning, and from 1 on an error, which names partition, window and offsets; for each partition, 256 windows are watched. Points stored by then can no longer be told apart: count the topic again into an empty bucket, with a longer window or fewer ` + "`max_partitions`" + `.

With ` + "`identity: source`" + ` topic and partition are in the series, and S is the number of nanoseconds in the window. Two topics have the same tag with a probability of 1 in a billion (30 bits of their ids); ` + "`kafka_batches`" + ` does not connect with two such topics.

Messages that do not come from Kafka count as offsets of one partition, in the order of arrival, so the same holds for those of one process. Points of two processes, or of two runs, can share a timestamp: give each its own measurement or bucket.

### What is exact

With ` + "`emit: tweets`" + `, InfluxDB holds what Kafka holds, however often records are re-read. With ` + "`emit: windows`" + ` this is true until a batch is re-read: the stock Kafka inputs divide a replay into different batches, whose counts replace or join those of the first reading. After a crash or a rebalance the windows around it are therefore approximate.

With ` + "`message: record_batch`" + ` both are exact, on a topic that Kafka does not compact. A record batch is what a producer wrote in one piece: it never changes, and every reader sees the same ones. So its counts are the same at every reading, and are stored under the same key.

### Record batches

With ` + "`message: record_batch`" + ` a message is the bytes of one record batch (format v2), compressed by any of Kafka's codecs or not. It is decompressed in memory of the thread, up to ` + "`max_batch_bytes`" + `. Its metadata holds its position, with numbers as ints, which neither a record header nor a mapping can produce:

| metadata | type | |
|---|---|---|
| ` + "`kafka_topic`" + ` | string | |
| ` + "`kafka_topic_id`" + ` | 16 bytes | for ` + "`identity: source`" + ` |
| ` + "`kafka_partition`" + ` | int | |
| ` + "`kafka_offset`, `kafka_last_offset`" + ` | int | the base offset of the batch and its last: must agree with the bytes |
| ` + "`kafka_batch_records`" + ` | int | how many records it has: must agree with the bytes |

A message that is not one complete, valid batch, or does not agree with its metadata, becomes one dead letter and none of it is counted. A record that cannot be counted becomes a message of its own, with its own offset, while the others of its batch are counted. If a batch has more than 8,192 such records, one message with the batch replaces them, with the error of the first.

With the counts of each batch comes a coverage point, even if none of its records was counted: a point of the measurement ` + "`coverage_measurement`, with the tag `topic`, and `src` too with `identity: source`" + `, at the second of the newest record (by Kafka's timestamp) plus the batch's nanoseconds, with the integer fields

- ` + "`partition`, `base`, `last`" + `: which offsets the batch has,
- ` + "`records`" + `: how many records it has, fewer than its offsets where Kafka has compacted the topic,
- ` + "`counted`, `undecodable`, `filtered`" + `: how many of them are in the counts, how many have left as messages with an error, and how many the ` + "`mapping`" + ` has deleted. Together they are all.

` + "```text" + `
brandpulse_batches,topic=tweets partition=3i,base=10i,last=17i,records=8i,counted=7i,undecodable=1i,filtered=0i 1700000000000000643
` + "```" + `

InfluxDB itself thus shows which part of the topic its counts cover, and that each part is there once.

### Other schemas

With ` + "`schema_files` or `schema_registry`" + ` a tweet may be written with another schema. It is resolved by Avro's rules, record by record:

- The record is named ` + "`Tweet`" + `, or is that branch of a union; namespaces do not matter. It has all five fields, in any order; others are skipped.
- ` + "`id`, `text` and `brand`" + ` are strings, or bytes that are UTF-8. ` + "`sentiment`" + ` is an enum named ` + "`Sentiment`" + `, whose symbol is one of the three: a record with another symbol is undecodable, its neighbours count. ` + "`timestamp`" + ` is a long or int of milliseconds.
- If a field is a union, the branch of the value decides: a nullable text counts with its text, and is undecodable with null.
- A long that says ` + "`timestamp-micros` or `timestamp-nanos`" + ` is rounded down to milliseconds, and a local timestamp is read as UTC. With any other logical type the unit is unknown and the schema is refused, as is a schema of which no record can be a tweet.

Compared with fastavro and with Apache Avro's library for Java over a table of schemas and values, this is the same except for: units (Java leaves them to the caller; both do for nanoseconds), dates and times of day as a timestamp (refused; Java takes the number), another name of the record (refused, as the specification says; Java does not look), text that is not UTF-8 (refused; Java repairs it), a timestamp with an unknown logical type (refused; both take the number).

A schema has at most 1 MiB, with those it refers to, and 4,096 types when each is written out wherever it is used. A record has at most 1 MiB, 4,096 values that are passed over and 16 more for each of its bytes, and is nested at most 1,000 deep; types are nested at most 500 deep.

### Unlikely timestamps

All times that InfluxDB can store are counted, including those in 1970, which usually are timestamps in seconds, cut to 32 bits, or never set. These are counted in a metric, and a warning at most every ten minutes says what the timestamp may be and which field to change. With ` + "`timestamp_bounds`" + ` tweets with other times become dead letters instead; ` + "`min: 2006-03-21T00:00:00Z`" + ` is enough for timestamps in seconds.

### Settings that do not fit

A message that another setting would count does not become a dead letter if ` + "`kafka_batches`" + ` delivers it: a record batch with ` + "`message: record`, a record with `message: record_batch`, a topic without an id with `identity: source`, a second topic with `identity: timestamp`, and anything of an input with `identity: source` where it is `timestamp`" + ` here. The delivery is refused and stays unacknowledged in Kafka, and the log names the setting to change every minute. From other inputs, which do not redeliver, such messages become dead letters.

If all of the first 1,000 records after a start are dead letters, whatever the reason, a setting is probably wrong. An error in the log shows the first of them and the settings to compare, once a minute; the dead letters are still delivered. In both cases the metric ` + "`sentiment_window_nothing_counted` is 1 until a record is counted, and `kafka_batches` is not connected, so that `/ready`" + ` is 503. With other inputs there are only the log and the metric.

### What comes out

One batch: first the points, then every message that could not be counted, unchanged, with its error set and with this metadata:

- ` + "`dead_reason`" + `: ` + "`undecodable`; `batch` (not a whole, sound record batch, or one where `message` is `record`); `out_of_bounds` (its timestamp is outside of `timestamp_bounds`); `unstorable` (InfluxDB has no room for its time or brand); `origin` (its place in Kafka is missing, replaced by a record header, not that of the record batch, of a second topic, or beyond `max_partitions`); `failed_before` (an earlier processor failed)" + `,
- ` + "`dead_error`" + `: the error in words, at most 1,024 bytes,
- ` + "`dead_topic`, `dead_partition`, `dead_offset`" + `: its position, as far as that is known to be genuine; without the offset, ` + "`dead_after_offset`" + ` is that of the record before it; for a record batch ` + "`dead_last_offset`" + ` too,
- ` + "`dead_topic_id`" + `: the id of the topic as Kafka's tools print it, if the input knows it, as ` + "`kafka_batches`" + ` does. With it the whole record can be read again while Kafka retains it, and a topic of the same name that was created later is not taken for it,
- ` + "`dead_timestamp_ms`, `dead_key`, `dead_headers`" + `: timestamp, key and headers of a record, so that it can be written again; the headers as a JSON list of pairs, each a name and a value as base64 or null. A key of more than 512 bytes, and headers of more than 1 KiB, are left out, and so is what the input does not say; ` + "`dead_left_out` is then `key`, `headers` or `key headers`" + `. A record batch has them in its bytes.

Together they take less than 4 KiB, whatever the record. A dead letter whose content is cut to 1,000,000 bytes, as in the example, therefore fits into Kafka's default limit of 1 MiB.

Other metadata whose name begins with ` + "`dead_`" + ` is removed: it may come from a header of the record, which can contain anything.

Route them with ` + "`errored()`" + `, as the example does: a message with an error is not line protocol. Messages of points have the metadata ` + "`tweets` and `points`, how many of each are in them, `event_time_ms`, when the newest of the tweets was written in milliseconds since 1970, and `kafka_topic`, `kafka_topic_id` (where the input gives it), `kafka_partition`, `kafka_offset` and `kafka_last_offset`" + ` of the tweets, or of the record batch, that are in them.

Messages that do not come from Kafka are numbered in the order in which they arrive, starting over with each start: the points of one run are unique, and a replay doubles them.

### Memory

A batch can grow to many times its size: dead letters, points of many windows or brands, a line per tweet. Its results are charged to ` + "`max_in_flight_bytes` of `kafka_batches`" + ` until it is acknowledged. If there is no room, the processor waits, unless no other batch exceeds the budget; after 10 s it returns the batch to the input to be redelivered. In addition each thread needs the decompressed size of its record batch, at most ` + "`max_batch_bytes`" + ` and briefly three times that while the memory grows.

The messages of other inputs, and those that a buffer has acknowledged, are not charged. They are bounded by their batch: its size, and 8,192 dead letters.

### Waiting for a schema

With ` + "`encoding: avro_confluent`" + ` a record cannot be read before its schema is known. While the registry does not respond, or, with ` + "`unknown_schema: wait`" + `, responds that it has no such schema, the record waits:

- From ` + "`kafka_batches`" + `: its record batch is left out of the result, and the input redelivers it after a back-off of up to 2 s. All others continue, those of the same partition up to what ` + "`kafka_batches`" + ` says of a partition that waits.
- From any other input: it would not be redelivered, so it waits on its pipeline thread. Records on other threads continue; once as many wait as there are ` + "`threads`" + `, the pipeline stops.

Each missing schema is requested by one request at a time, at most four schemas at once, with a back-off from 0.2 s to 10 s; one that was never requested before does not wait for those that failed; a registry that refuses every request gets one at a time for all of them. The log names the schemas every ten seconds, ` + "`sentiment_window_schema_waiting_seconds`" + ` shows how long each has been missing. Register the schema, or set ` + "`unknown_schema: undecodable`" + ` to turn its records into dead letters.

### Metrics

{{ metrics }}
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
          processors:
            - mapping: root = content().slice(0, 1000000)
      - output:
          influxdb:
            url: http://localhost:8086
            org: brandpulse
            bucket: brandpulse
            token_env: INFLUXDB_TOKEN
            rejected:
              retry:
                output:
                  redpanda:
                    seed_brokers: [ localhost:9092 ]
                    topic: tweets_dead
                    metadata:
                      include_prefixes: [ influxdb_ ]
`

const exampleExact = `
input:
  kafka_batches:
    seed_brokers: [ localhost:9092 ]
    topics: [ tweets ]
    consumer_group: brandpulse_exact
    fingerprint: windows of 1s

pipeline:
  processors:
    - sentiment_window:
        message: record_batch

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
          processors:
            - mapping: root = content().slice(0, 1000000)
      - output:
          influxdb:
            url: http://localhost:8086
            org: brandpulse
            bucket: brandpulse
            token_env: INFLUXDB_TOKEN
            rejected:
              retry:
                output:
                  redpanda:
                    seed_brokers: [ localhost:9092 ]
                    topic: tweets_dead
                    metadata:
                      include_prefixes: [ influxdb_ ]
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
  switch:
    cases:
      - check: errored()
        output:
          file:
            path: ./posts_dead.jsonl
            codec: lines
          processors:
            - mapping: |
                root.reason = @dead_reason
                root.error = @dead_error
                root.content = content().string()
      - output:
          stdout: {}
`
