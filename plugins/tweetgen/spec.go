package tweetgen

import (
	"sync"

	// The lint rules use its functions; without it, lint would reject every
	// configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
)

// spec is built once, since parsing its lint rules takes tens of milliseconds.
var spec = sync.OnceValue(func() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Version("0.1.0").
		Categories("Utility").
		Summary("Generates tweets about brands in batches, at a given rate and with a given mix of sentiments, for load tests of Kafka, InfluxDB and everything between them.").
		Description(declared.Manual(description)).
		Fields(mixFields()...).
		Fields(scheduleFields()...).
		Fields(formFields()...).
		Fields(compression.Fields("For `message: record_batch`: how record batches are compressed. The output keeps their compression. Records are compressed by the output.")...).
		Fields(brandFields()...).
		Fields(recordFields()...).
		Fields(textFields()...).
		Fields(deliveryFields()...).
		LintRule(`root = match {
  this.rate.or(0) != 0 && (this.shape.name.or("none") != "none" || this.shape.stages.or([]).length().catch(0) > 0) => [ "`+wrongRate+`" ],
  this.message.or("record") != "record_batch" && this.compression.or("none") != "none" => [ "`+wrongCodec+`" ],
  this.message.or("record") == "record" && this.headers.or([]).map_each(h -> h.name.or("")).unique().length() < this.headers.or([]).length() => [ "`+wrongTwice+`" ],
`+compression.LintCases+`}`).
		Example("A steady rate",
			"50,000 tweets per second to Kafka, a million in all, half of them positive. The process then ends by itself. The output waits for all replicas and retries forever, so every tweet arrives.",
			exampleRate).
		Example("As fast as Kafka accepts",
			"Record batches built by the generator, which the output `kafka_batches` copies as they are. Each tweet is written once and never an object, so this takes a fraction of the processor time.",
			exampleRecordBatch).
		Example("Changing sentiments",
			"JSON on stdout, to inspect: each batch has its own mix, and the same seed gives the same tweets.",
			exampleVolatile).
		Example("Like a real topic",
			"The sizes of your own texts, compressed to the half by lz4, about 10,000 brands of which few are frequent, with users as keys and a trace id in the headers.",
			exampleRealistic).
		Example("A spike",
			"The Super Bowl in four and a half minutes, with a tweet in a hundred late and one in a thousand sent twice. The file says how many there were of each kind.",
			exampleSpike).
		Example("Maximum speed, with your own brands and texts",
			"As many tweets as the broker accepts, for a minute.",
			exampleFlatOut)
})

const description = `
Each delivered batch is one generated batch or, at a low rate, a part of one (see [batch_size](#batch_size)). All tweets delivered together have the same timestamp, the millisecond in which they were due, so a generator that is late shows as latency. Each tweet has its own UUID (version 4).

### Modes

` + "`mode: fixed`" + ` keeps the shares exactly. In every whole batch the number of tweets of a sentiment is its share, rounded down or up. Over all batches so far it is less than one tweet away from its share. With whole percentages, any multiple of 100 tweets is therefore exact: of 1,000,000 tweets at 50/30/20, 500,000 are positive, 300,000 negative, 200,000 neutral.

` + "`mode: volatile`" + ` gives every batch its own mix:

` + "```text" + `
mix = (1 - volatility_factor) * sentiment + volatility_factor * u
` + "```" + `

with u drawn uniformly from all possible mixes. Within the batch the mix is exact to within one tweet.

In both modes the sentiments are in random order within a batch.

### Delivery

A batch is kept until it is acknowledged. If it is nacked, the whole batch is redelivered, with a back-off of 50 ms to 2 s, until it succeeds. An output that rejects part of a batch therefore gets the rest of it twice, as it would from a ` + "`retry`" + ` around it, which also sends whole batches. When ` + "`count` or `duration`" + ` is reached, the input waits until everything is acknowledged and then ends. If the process is stopped earlier, unacknowledged tweets are not redelivered, and a warning gives their number.

### Spikes

With a [shape](#shape) the rate changes, and the consumers of the tweets keep up or fall behind: ` + "`config/spike.yaml`" + ` replays a day whose traffic rises to seven times the usual. Deliveries are parts of at most a tenth of a second, as with a ` + "`rate`" + `, so a peak of one second is not spread over more.

### The ledger

With [ledger](#ledger) the input writes what it generated to a file:

` + "```json" + `
{
  "seed": 42,
  "begin": "2026-11-22T13:14:33.120Z",
  "end": "2026-11-22T13:15:03.611Z",
  "complete": true,
  "tweets": 1000000,
  "acknowledged": 1000000,
  "missed": 0,
  "records": 1001009,
  "countable": { "negative": 300288, "neutral": 200201, "positive": 500418 },
  "flaws": { "broken": 102, "duplicated": 1009, "late": 9985, "out_of_order": 50023 }
}
` + "```" + `

` + "`countable`" + ` are the records that a consumer must count, by sentiment: copies of duplicated tweets are records of their own, and broken tweets count nowhere. ` + "`records`" + ` are all records, broken ones too. With ` + "`complete: false`" + ` the input was stopped before its end; if ` + "`acknowledged`" + ` is then below ` + "`tweets`" + `, the output may have stored the rest or not. A redelivered batch is in the ledger once, however often the output has stored it. A process that is killed leaves the empty ledger of its start, whose ` + "`end`" + ` is null.

### Metrics

{{ metrics }}
`

const exampleRate = `
input:
  tweet_generator:
    rate: 50000
    count: 1000000
    sentiment: { positive: 50, negative: 30, neutral: 20 }

output:
  retry:
    output:
      redpanda:
        seed_brokers: [ localhost:9092 ]
        topic: tweets
`

const exampleRecordBatch = `
input:
  tweet_generator:
    message: record_batch
    compression: lz4
    rate: 2000000
    brands:
      - { name: SuperCoffee, weight: 3 }
      - { name: MegaTea }

output:
  kafka_batches:
    seed_brokers: [ localhost:9092 ]
    topic: tweets
    message: record_batch
    acks: leader
`

const exampleRealistic = `
input:
  tweet_generator:
    rate: 100000
    message: record_batch
    compression: lz4
    corpus: ./tweets.jsonl
    compressibility: { ratio: 2, codec: lz4 }
    brand_count: 10000
    key: user
    key_count: 1000000
    headers:
      - { name: trace_id, random_hex: 32 }

output:
  kafka_batches:
    seed_brokers: [ localhost:9092 ]
    topic: tweets
    message: record_batch
`

const exampleVolatile = `
input:
  tweet_generator:
    mode: volatile
    volatility_factor: 0.8
    batch_size: 10
    rate: 10
    count: 100
    seed: 42
    encoding: json

output:
  stdout: {}
`

const exampleSpike = `
input:
  tweet_generator:
    shape: { name: super_bowl, speed: 60 }
    flaws: { late: 0.01, duplicated: 0.001 }
    ledger: ./ledger.json
    message: record_batch

output:
  kafka_batches:
    seed_brokers: [ localhost:9092 ]
    topic: tweets
    message: record_batch
`

const exampleFlatOut = `
input:
  tweet_generator:
    duration: 1m
    corpus: ./tweets.jsonl
    brands:
      - { name: SuperCoffee, weight: 3 }
      - { name: MegaTea }

output:
  redpanda:
    seed_brokers: [ localhost:9092 ]
    topic: tweets
    idempotent_write: false
`
