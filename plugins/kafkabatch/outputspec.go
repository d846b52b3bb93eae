package kafkabatch

import (
	_ "embed"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

const (
	fieldTopic            = "topic"
	fieldMessage          = "message"
	fieldPartition        = "partition"
	fieldPartitionNumber  = "partition_number"
	fieldKey              = "key"
	fieldMetadata         = "metadata"
	fieldTimestamp        = "timestamp_ms"
	fieldAcks             = "acks"
	fieldMaxInFlight      = "max_in_flight"
	fieldRequestsInFlight = "requests_in_flight"
	fieldTimeout          = "timeout"
	fieldCreateTopics     = "allow_auto_topic_creation"
	fieldRejected         = "rejected"
	fieldRejectedMaxBytes = "rejected_max_bytes"
)

//go:embed outputdescription.md
var outputDescription string

//go:embed examples/produce.yaml
var produceExample string

//go:embed examples/copy.yaml
var copyExample string

func outputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version(version).
		Categories("Services").
		Summary("Writes record batches to Kafka that are built in place, without an object per record, or copies whole record batches as they are compressed.").
		Description(outputDeclared.Manual(outputDescription)).
		Fields(conn.Fields()...).
		Fields(recordFields()...).
		Fields(compression.Fields("How record batches are compressed. With `message: record_batch` they keep their own.")...).
		Fields(sendFields()...).
		LintRule(`root = match {
  !this.seed_brokers.or(["-"]).any(one -> one.trim(", ") != "") => [ "`+conn.WrongBrokers+`" ],
  this.partition.or("sticky") == "explicit" && this.partition_number.or("") == "" => [ "`+wrongNoNumber+`" ],
  this.partition.or("sticky") != "explicit" && this.partition_number.or("") != "" => [ "`+wrongNumber+`" ],
  this.message.or("") == "record_batch" && (this.key.or("") != "" || this.timestamp_ms.or("") != "" || this.metadata.or({}).values().any(v -> v.length() > 0)) => [ "`+wrongWhole+`" ],
  this.message.or("") == "record_batch" && ["murmur2", "crc32"].contains(this.partition.or("sticky")) => [ "`+wrongWholeKey+`" ],
  this.message.or("") == "record_batch" && this.compression.or("none") != "none" => [ "`+wrongWholeCodec+`" ],
  ["murmur2", "crc32"].contains(this.partition.or("sticky")) && this.key.or("") == "" => [ "`+wrongNoKey+`" ],
  this.acks.or("all") == "none" && this.exists("rejected") => [ "`+wrongUnheard+`" ],
`+compression.LintCases+`}`).
		Example("Records", "Each message is a record. Records of all batches that are written at the same time share Kafka's record batches.", produceExample).
		Example("Copying a topic", "Whole record batches, as they are compressed, to the same partition of another topic.", copyExample)
}

func recordFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewInterpolatedStringField(fieldTopic).
			Description("Topic to write to. With `message: record_batch` it is that of all records of the batch. An expression that finds nothing, or null, rejects the message. A topic that does not exist is waited for; if messages name their topics, for one minute, after which the message is rejected.").
			Examples("tweets", `tweets_${! @country }`).
			LintRule(lintrule.Text(fieldTopic, `!this.contains("${!") && (!this.re_match("`+topicname.Pattern+`") || this == "." || this == "..")`, oneTopic)),
		service.NewStringAnnotatedEnumField(fieldMessage, map[string]string{
			messageRecord:        "A message is a record.",
			contract.RecordBatch: "A message is a whole record batch of Kafka, compressed or not, as the input `kafka_batches` delivers it with `emit: record_batch`. Its offsets, producer and transaction are removed, and gaps that the log cleaner left are closed.",
		}).
			Description("What a message is. It is not guessed: a record batch is rejected with `message: record`.").
			LintRule(lintrule.Enum(fieldMessage, messageRecord, contract.RecordBatch)),
		service.NewStringAnnotatedEnumField(fieldPartition, map[string]string{
			partitionSticky:   "One partition until its record batch is full or sent, then the next: the largest batches. With `message: record_batch`, each to the next partition.",
			partitionMurmur2:  "By a hash of the key, as Java's producer and franz-go.",
			partitionCRC32:    "By a hash of the key, as librdkafka (`consistent_random`).",
			partitionExplicit: "The one in `" + fieldPartitionNumber + "`.",
		}).
			Description("How a partition is chosen. Records without a key are `sticky` with `murmur2` and `crc32`.").
			Default(partitionSticky).
			LintRule(lintrule.Enum(fieldPartition, partitionSticky, partitionMurmur2, partitionCRC32, partitionExplicit)),
		service.NewInterpolatedStringField(fieldPartitionNumber).
			Description("The partition with `partition: explicit`.").
			Example(`${! @kafka_partition }`).
			Optional(),
		service.NewInterpolatedStringField(fieldKey).
			Description("Key of the record. An empty text is no key, and neither is a single expression that finds nothing, or null. If one of several parts finds nothing, the message is rejected: a default such as `.or(\"none\")` prevents that.").
			Examples(`${! @kafka_key }`, `${! json("brand") }`).
			Optional(),
		service.NewMetadataFilterField(fieldMetadata).
			Description("Which metadata become headers of the record.").
			Optional(),
		service.NewInterpolatedStringField(fieldTimestamp).
			Description("Time of the record in milliseconds since 1970. By default the time at which it is written.").
			Example(`${! @kafka_timestamp_ms }`).
			Optional(),
	}
}

func sendFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringAnnotatedEnumField(fieldAcks, map[string]string{
			acksAll:    "All replicas in sync.",
			acksLeader: "The leader. Records are lost if it fails before the others have them.",
			acksNone:   "Nobody: a message is acknowledged once its bytes are given to the connection. It is lost, and nothing says so, if the connection or the broker fails, and if Kafka refuses it: a record that is too large, has a wrong timestamp or, in a compacted topic, no key. The records sent with it are lost too.",
		}).
			Description("Who must have a record before it is acknowledged.").
			Default(acksAll).
			LintRule(lintrule.Enum(fieldAcks, acksAll, acksLeader, acksNone)),
		service.NewStringField(fieldMaxBatchBytes).
			Description("Size at which a record batch is full, before compression. A larger record is sent alone. It should not exceed `max.message.bytes` of the topic: a warning at the start and the connection test say so. What a broker finds too large all the same is sent in parts. With `acks: none` it would be lost: the output does not connect to such a topic, if `topic` is the same for all messages and the user may read its settings (DescribeConfigs).").
			Default("1MiB").
			LintRule(lintrule.Size(fieldMaxBatchBytes, mostBatchBytes)),
		service.NewIntField(fieldMaxInFlight).
			Description("Batches of messages in flight at the same time. They share record batches, so many small ones need a high number. For the order of the source, 1.").
			Default(64).
			LintRule(lintrule.Int(fieldMaxInFlight, 1, 0)),
		service.NewIntField(fieldRequestsInFlight).
			Description("Requests in flight to a broker, each for other partitions.").
			Default(4).
			Advanced().
			LintRule(lintrule.Int(fieldRequestsInFlight, 1, 1000)),
		service.NewDurationField(fieldTimeout).
			Description("How long a broker may wait for the replicas. A batch whose response is missing is sent again.").
			Default("30s").
			Advanced().
			LintRule(lintrule.Duration(fieldTimeout, leastTimeout, mostTimeout)),
		service.NewBoolField(fieldCreateTopics).
			Description("Whether brokers may create a topic that does not exist, if their `auto.create.topics.enable` permits it.").
			Default(true).
			Advanced(),
		service.NewOutputField(fieldRejected).
			Description("Output for messages that Kafka refuses for good: see Rejected messages.").
			Optional(),
		service.NewIntField(fieldRejectedMaxBytes).
			Description("Maximum size in bytes of a message to `rejected`, including metadata. A longer one is truncated and marked as such: see Rejected messages. The default fits into Kafka's default limit of 1 MiB per record.").
			Default(letter.DefaultBytes).
			Advanced().
			LintRule(lintrule.Int(fieldRejectedMaxBytes, letter.MinBytes, 0)),
	}
}
