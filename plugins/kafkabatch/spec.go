package kafkabatch

import (
	_ "embed"
	"strconv"

	// The lint rules use functions of it, and a build without them would find
	// fault with every configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

const (
	fieldTopics                 = "topics"
	fieldConsumerGroup          = "consumer_group"
	fieldEmit                   = "emit"
	fieldIdentity               = "identity"
	fieldStartOffset            = "start_offset"
	fieldOnLostRecords          = "on_lost_records"
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

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Version(version).
		Categories("Services").
		Summary("Reads topics of Kafka by whole RecordBatches, as their producers sent them: the same batches at every reading, whatever was killed, paused or rebalanced in between, and no object for each record.").
		Description(declared.Manual(description)).
		Fields(connectionFields()...).
		Fields(consumerFields()...).
		Fields(fetchFields()...).
		LintRule(lintrule.Bytes+`
let response = this.fetch_max_bytes.or("`+defaultFetchMaxBytes+`").apply("bytes").or(0) + this.max_batch_bytes.or("`+defaultMaxBatchBytes+`").apply("bytes").or(0)
let heartbeat = this.heartbeat_interval.or("`+defaultHeartbeatInterval+`").parse_duration().catch(0)
root = match {
  !this.seed_brokers.or(["-"]).any(one -> one.trim(", ") != "") => [ "`+wrongBrokers+`" ],
  !this.topics.or(["-"]).any(one -> one.trim(", ") != "") => [ "`+wrongTopics+`" ],
  $response > `+strconv.Itoa(maxResponseBytes)+` => [ "`+wrongResponse+`" ],
  this.fetch_min_bytes.or("1B").apply("bytes").or(0) > this.fetch_max_bytes.or("`+defaultFetchMaxBytes+`").apply("bytes").or(0) => [ "`+wrongFetchMin+`" ],
  $heartbeat >= this.session_timeout.or("`+defaultSessionTimeout+`").parse_duration().catch(9223372036854775807) => [ "`+wrongHeartbeat+`" ],`+severalRule+`
}`).
		Example("Exact aggregates", "Each RecordBatch becomes points that are the same at every reading, so InfluxDB ends with exact sums even if the process is killed at any moment.", exactExample).
		Example("Any processor", "With `emit: records` there is a message for each record. The batches are cut as in the log all the same.", recordsExample)
}

func consumerFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldTopics).
			Description("Topics to read, all partitions of each, those that are added later too. An element with commas is several topics, which need `identity: source`. Regular expressions are not supported: each topic is examined before it is read, and a compacted topic is refused: its batches change.").
			Example([]string{"tweets"}).
			LintRule(topicLint), // of each element
		service.NewStringField(fieldConsumerGroup).
			Description("The group that shares the partitions among its members and keeps the offsets.").
			Example("brandpulse").
			LintRule(lintrule.NotEmpty(fieldConsumerGroup)),
		service.NewStringAnnotatedEnumField(fieldEmit, map[string]string{
			emitBlock:   "A message for each RecordBatch: its bytes as they are in the log, compressed or not. For `sentiment_window` with `message: record_batch`.",
			emitRecords: "A batch of messages for each RecordBatch, with a message for each record: for any other processor. Slower by far.",
		}).
			Description("What is handed on.").
			Default(emitBlock).
			LintRule(lintrule.Enum(fieldEmit, emitBlock, emitRecords)),
		service.NewStringAnnotatedEnumField(fieldIdentity, map[string]string{
			identityTimestamp: "Nothing, as with `identity: timestamp` in `sentiment_window`: the group counts one topic, now and later. Several topics are refused, and so is another topic than the group has counted before.",
			identitySource:    "The id of the topic, as with `identity: source` in `sentiment_window`, which must have it too. It needs brokers that know ids (Kafka 2.8 and later). Processors of your own must tell topics apart themselves.",
		}).
			Description("What tells the topic in what is made of a batch. `sentiment_window` refuses the batches of an input that promises more than it keeps.").
			Default(identityTimestamp).
			LintRule(lintrule.Enum(fieldIdentity, identityTimestamp, identitySource)).
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldStartOffset, map[string]string{
			startEarliest:  "At the beginning of the log.",
			startLatest:    "At its end. Partitions that are added later are read from their beginning all the same.",
			startCommitted: "Nowhere: the partition is stopped with an error.",
		}).
			Description("Where to begin a partition that the group has not committed. It does not apply where records are missing: see `" + fieldOnLostRecords + "`.").
			Default(startEarliest).
			LintRule(lintrule.Enum(fieldStartOffset, startEarliest, startLatest, startCommitted)).
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldOnLostRecords, map[string]string{
			onLostStop:     "The partition is stopped with an error that says how many are gone. The others go on.",
			onLostEarliest: "Go on with what is left. How many are gone is logged, and counted in `kafka_batches_lost_records`.",
		}).
			Description("What to do when the log begins after the next offset: retention has removed records before they were read.").
			Default(onLostStop).
			LintRule(lintrule.Enum(fieldOnLostRecords, onLostStop, onLostEarliest)),
		service.NewStringField(fieldFingerprint).
			Description("Write here what decides the points that are made of a batch, such as a version that you count up when the decoding, the window, `timestamp_bounds` or the brands change. Its hash goes into the commits: see Changing what is computed.").
			Default("").
			Example("window 1s, schema 2"),
		sizeField(fieldMaxInFlightBytes).
			Description("Memory for batches that are fetched and not yet acknowledged, over all partitions, and for what becomes of them. Fetching waits while half of it is used, by batches as they are in the log (with `emit: records` decompressed) and 1 KiB for each message. The other half is for the messages of `emit: records`, and for the points and dead letters that `sentiment_window` makes. A batch that becomes more than there is room for waits until it is the only one. Each broker can add two responses to it, of `" + fieldFetchMaxBytes + "`.").
			Default("64MiB"),
		sizeField(fieldMaxBatchBytes).
			Description("The largest RecordBatch there may be, as it is in the log, and with `emit: records` decompressed; its messages may then take eight times as much, 1 KiB and more each. A larger one stops its partition with an error. How large a batch of `emit: block` may become when it is decompressed is for the processor to say: see `max_batch_bytes` of `sentiment_window`.").
			Default(defaultMaxBatchBytes).
			Advanced(),
		durationField(fieldCommitPeriod).
			Description("How often offsets are committed. They are too when a partition goes to another member and at the end.").
			Default("5s").
			Advanced(),
		service.NewStringField(fieldRackID).
			Description("Where this client stands. Records then come from the replica that the brokers say is closest, rather than from the leader.").
			Default("").
			Advanced(),
		service.NewStringField(fieldInstanceID).
			Description("Makes this a static member of the group: a restart within `" + fieldSessionTimeout + "` moves no partitions. It must be another one for each member, and the member does not leave the group when it stops.").
			Default("").
			Advanced(),
		durationField(fieldSessionTimeout).
			Description("After how long without a sign of life the group gives the partitions of this member to others.").
			Default(defaultSessionTimeout).
			Advanced(),
		durationField(fieldRebalanceTimeout).
			Description("How long the members may take to join when partitions are shared out again.").
			Default("45s").
			Advanced(),
		durationField(fieldHeartbeatInterval).
			Description("How often this member gives a sign of life: at most a third of `" + fieldSessionTimeout + "`.").
			Default(defaultHeartbeatInterval).
			Advanced(),
	}
}

func fetchFields() []*service.ConfigField {
	return []*service.ConfigField{
		sizeField(fieldFetchMaxBytes).
			Description("How much a broker may put into one response. A single batch that is larger comes all the same.").
			Default(defaultFetchMaxBytes).
			Advanced(),
		sizeField(fieldFetchMinBytes).
			Description("How much a broker collects before it answers, unless `" + fieldFetchMaxWait + "` is over.").
			Default("1B").
			Advanced(),
		sizeField(fieldFetchMaxPartitionBytes).
			Description("How much of one partition a broker may put into one response. It is raised where a single batch is larger.").
			Default("2MiB").
			Advanced(),
		durationField(fieldFetchMaxWait).
			Description("How long a broker waits for new records before it answers that there are none. A partition that is new to this member waits as long, too.").
			Default("500ms").
			Advanced(),
	}
}
