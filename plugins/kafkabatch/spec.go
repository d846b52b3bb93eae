package kafkabatch

import (
	_ "embed"
	"strconv"
	"sync"

	// The lint rules use functions of it, and a build without them would find
	// fault with every configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

const (
	fieldTopics                 = "topics"
	fieldConsumerGroup          = "consumer_group"
	fieldEmit                   = "emit"
	fieldIdentity               = "identity"
	fieldStartOffset            = "start_offset"
	fieldOnLostRecords          = "on_lost_records"
	fieldOnCompactedTopic       = "on_compacted_topic"
	fieldFingerprint            = "fingerprint"
	fieldMaxInFlightBytes       = "max_in_flight_bytes"
	fieldMaxBatchBytes          = "max_batch_bytes"
	fieldCommitPeriod           = "commit_period"
	fieldRackID                 = "rack_id"
	fieldInstanceID             = "instance_id"
	fieldSessionTimeout         = "session_timeout"
	fieldRebalanceTimeout       = "rebalance_timeout"
	fieldHeartbeatInterval      = "heartbeat_interval"
	fieldFetchMaxBytes          = "fetch_max_bytes"
	fieldFetchMinBytes          = "fetch_min_bytes"
	fieldFetchMaxPartitionBytes = "fetch_max_partition_bytes"
	fieldFetchMaxWait           = "fetch_max_wait"
)

// Defaults that a rule of several fields needs.
const (
	defaultFetchMaxBytes     = "16MiB"
	defaultMaxBatchBytes     = "32MiB"
	defaultSessionTimeout    = "1m"
	defaultHeartbeatInterval = "3s"
)

//go:embed description.md
var description string

//go:embed examples/exact.yaml
var exactExample string

//go:embed examples/records.yaml
var recordsExample string

// spec is built once, since parsing its lint rules takes tens of milliseconds.
var spec = sync.OnceValue(func() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Version(version).
		Categories("Services").
		Summary("Reads Kafka topics by whole record batches, as their producers sent them. Every reading delivers the same batches, whatever was killed, paused or rebalanced in between, and no record costs an object.").
		Description(declared.Manual(description)).
		Fields(conn.Fields()...).
		Fields(consumerFields()...).
		Fields(fetchFields()...).
		LintRule(lintrule.Bytes+`
let response = this.fetch_max_bytes.or("`+defaultFetchMaxBytes+`").apply("bytes").or(0) + this.max_batch_bytes.or("`+defaultMaxBatchBytes+`").apply("bytes").or(0)
let heartbeat = this.heartbeat_interval.or("`+defaultHeartbeatInterval+`").parse_duration().catch(0)
root = match {
  !this.seed_brokers.or(["-"]).any(one -> one.trim(", ") != "") => [ "`+conn.WrongBrokers+`" ],
  !this.topics.or(["-"]).any(one -> one.trim(", ") != "") => [ "`+wrongTopics+`" ],
  $response > `+strconv.Itoa(maxResponseBytes)+` => [ "`+wrongResponse+`" ],
  this.fetch_min_bytes.or("1B").apply("bytes").or(0) > this.fetch_max_bytes.or("`+defaultFetchMaxBytes+`").apply("bytes").or(9223372036854775807) => [ "`+wrongFetchMin+`" ],
  $heartbeat >= this.session_timeout.or("`+defaultSessionTimeout+`").parse_duration().catch(9223372036854775807) => [ "`+wrongHeartbeat+`" ],`+severalRule+`
}`).
		Example("Exact aggregates", "Each record batch becomes points that are the same at every reading, so the sums in InfluxDB are exact even if the process is killed at any moment. Dead letters and rejected points go to a topic of their own.", exactExample).
		Example("Any processor", "With `emit: records` each record is a message. The batches are still those of the log.", recordsExample)
})

func consumerFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldTopics).
			Description("Topics to read, with all their partitions, including those added later. An element with commas is several topics, which need `identity: source`. Regular expressions are not supported, since each topic is examined before it is read: see `" + fieldOnCompactedTopic + "`.").
			Example([]string{"tweets"}).
			LintRule(topicLint), // of each element
		service.NewStringField(fieldConsumerGroup).
			Description("Consumer group that shares the partitions among its members and stores the offsets.").
			Example("brandpulse").
			LintRule(lintrule.NotEmpty(fieldConsumerGroup)),
		service.NewStringAnnotatedEnumField(fieldEmit, map[string]string{
			contract.RecordBatch: "One message per record batch: its bytes as they are in the log, compressed or not. For `sentiment_window` with `message: record_batch`.",
			emitRecords:          "One batch of messages per record batch, with one message per record, for any other processor. Much slower.",
		}).
			Description("What is delivered.").
			Default(contract.RecordBatch).
			LintRule(renamedEmit.Enum(fieldEmit, contract.RecordBatch, emitRecords)),
		service.NewStringAnnotatedEnumField(fieldIdentity, map[string]string{
			contract.IdentityTimestamp: "Nothing, as with `identity: timestamp` in `sentiment_window`: the group always counts the same one topic. Several topics are refused, and so is a topic other than the one the group has counted before.",
			contract.IdentitySource:    "The id of the topic, as with `identity: source` in `sentiment_window`, which must set it too. It needs brokers with topic ids (Kafka 2.8 and later). Processors of your own must distinguish topics themselves.",
		}).
			Description("How the results of a batch identify its topic. `sentiment_window` refuses the batches of an input that promises more than it keeps.").
			Default(contract.IdentityTimestamp).
			LintRule(lintrule.Enum(fieldIdentity, contract.IdentityTimestamp, contract.IdentitySource)).
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldStartOffset, map[string]string{
			startEarliest:  "At the beginning of the log.",
			startLatest:    "At its end. Partitions added later are still read from their beginning.",
			startCommitted: "Nowhere: the partition is stopped with an error.",
		}).
			Description("Where to begin a partition for which the group has no commit. It does not apply if records are missing: see `" + fieldOnLostRecords + "`.").
			Default(startEarliest).
			LintRule(lintrule.Enum(fieldStartOffset, startEarliest, startLatest, startCommitted)).
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldOnLostRecords, map[string]string{
			onLostStop:     "The partition stops with an error that gives the number of lost records. The others continue.",
			onLostEarliest: "Continue with the records that are left. The number of lost records is logged, and counted in `kafka_batches_lost_records`.",
		}).
			Description("What to do when the log begins after the next offset, because retention removed records before they were read.").
			Default(onLostStop).
			LintRule(lintrule.Enum(fieldOnLostRecords, onLostStop, onLostEarliest)),
		service.NewStringAnnotatedEnumField(fieldOnCompactedTopic, map[string]string{
			onCompactedStop: "It is not read.",
			onCompactedRead: "It is read. That is right for a copy of its records, and wrong for anything computed from a batch: `sentiment_window` refuses the deliveries of such an input.",
		}).
			Description("What to do with a topic whose `cleanup.policy` contains `compact`. The log cleaner removes records from its batches, so another reading delivers others.").
			Default(onCompactedStop).
			LintRule(lintrule.Enum(fieldOnCompactedTopic, onCompactedStop, onCompactedRead)).
			Advanced(),
		service.NewStringField(fieldFingerprint).
			Description("A text that describes everything that determines the points of a batch, for example a version that you increase when the decoding, the window, `timestamp_bounds` or the brands change. Its hash is stored with the commits: see Changing what is computed.").
			Default("").
			Example("window 1s, schema 2"),
		sizeField(fieldMaxInFlightBytes).
			Description("Memory for batches that are fetched and not yet acknowledged, over all partitions, and for what processors make of them. Fetching pauses while half of it is used by batches as they are in the log (with `emit: records` decompressed), plus 1 KiB per message. The other half is for the messages of `emit: records`, and for the points and dead letters that `sentiment_window` makes. A batch that needs more than there is room for waits until it is the only one. Each broker can add two responses to it, of `" + fieldFetchMaxBytes + "`.").
			Default("64MiB"),
		sizeField(fieldMaxBatchBytes).
			Description("The largest record batch accepted, as it is in the log; with `emit: records`, decompressed, and its messages may then take eight times as much, 1 KiB or more each. A larger one stops its partition with an error. With `emit: record_batch` the processor limits the decompressed size: see `max_batch_bytes` of `sentiment_window`.").
			Default(defaultMaxBatchBytes).
			Advanced(),
		durations.Field(fieldCommitPeriod).
			Description("How often offsets are committed. They are also committed when a partition moves to another member, and at shutdown.").
			Default("5s").
			Advanced(),
		service.NewStringField(fieldRackID).
			Description("Rack of this client. Records are then read from the replica that the brokers consider closest, instead of from the leader.").
			Default("").
			Advanced(),
		service.NewStringField(fieldInstanceID).
			Description("Makes this a static member of the group: a restart within `" + fieldSessionTimeout + "` moves no partitions. It must be unique for each member, and the member does not leave the group when it stops.").
			Default("").
			Advanced(),
		durations.Field(fieldSessionTimeout).
			Description("How long the group waits without a heartbeat before it gives the partitions of this member to others.").
			Default(defaultSessionTimeout).
			Advanced(),
		durations.Field(fieldRebalanceTimeout).
			Description("How long the members may take to rejoin during a rebalance.").
			Default("45s").
			Advanced(),
		durations.Field(fieldHeartbeatInterval).
			Description("How often this member sends a heartbeat: at most a third of `" + fieldSessionTimeout + "`.").
			Default(defaultHeartbeatInterval).
			Advanced(),
	}
}

func fetchFields() []*service.ConfigField {
	return []*service.ConfigField{
		sizeField(fieldFetchMaxBytes).
			Description("Maximum size of a broker's response. A single larger batch is still delivered.").
			Default(defaultFetchMaxBytes).
			Advanced(),
		sizeField(fieldFetchMinBytes).
			Description("How much data a broker collects before it responds, unless `" + fieldFetchMaxWait + "` expires first.").
			Default("1B").
			Advanced(),
		sizeField(fieldFetchMaxPartitionBytes).
			Description("Maximum size of one partition's data in a response. It is raised for a single larger batch.").
			Default("2MiB").
			Advanced(),
		durations.Field(fieldFetchMaxWait).
			Description("How long a broker waits for new records before it responds without any. A partition that is new to this member can wait as long.").
			Default("500ms").
			Advanced(),
	}
}
