package kafkabatch

import (
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// messageRecord is the value of message for a record per message; the other is
// contract.RecordBatch.
const messageRecord = "record"

// Values of partition.
const (
	partitionSticky   = "sticky"
	partitionMurmur2  = "murmur2"
	partitionCRC32    = "crc32"
	partitionExplicit = "explicit"
)

// Values of acks.
const (
	acksAll    = "all"
	acksLeader = "leader"
	acksNone   = "none"
)

var acksOf = map[string]int16{acksAll: -1, acksLeader: 1, acksNone: 0}

// What lint and the constructor say of settings that are wrong.
const (
	wrongNoNumber   = "partition: explicit needs partition_number"
	wrongNumber     = "partition_number has an effect only with partition: explicit"
	wrongWhole      = "message: record_batch keeps the keys, times and headers of its records: key, timestamp_ms and metadata cannot be set"
	wrongWholeKey   = "message: record_batch has no single key to choose a partition by: set partition to sticky or explicit"
	wrongWholeCodec = "message: record_batch keeps the compression of the batch: compression cannot be set"
	wrongNoKey      = "partition: murmur2 and crc32 choose by the key: set key"
	wrongUnheard    = "acks: none asks Kafka for no response, so what it refuses is lost and nothing reaches rejected: set acks to leader or all, or remove rejected"
)

// oneTopic is what topic must be.
const oneTopic = "an interpolation, or the name of a topic: " + topicname.Allowed

const (
	mostBatchBytes = 64 << 20
	leastTimeout   = 100 * time.Millisecond
	mostTimeout    = time.Hour
)

// topicPatience is how long a message waits for the topic that it names.
const topicPatience = time.Minute

// outputConfig is what the YAML says, checked.
type outputConfig struct {
	conn.Config
	topic, number, key, timestamp *setting                // nil if not set
	headers                       *service.MetadataFilter // nil without any
	staticTopic                   string                  // or empty
	whole                         bool
	partition                     string
	maxInFlight                   int
	rejected                      bool
	letterBytes                   int // of a message for the output `rejected`
	produce                       kproduce.Config
}

func outputConfigFrom(parsed *service.ParsedConfig) (c outputConfig, err error) {
	if c.Config, err = conn.From(parsed); err != nil {
		return c, err
	}
	for _, f := range []struct {
		field string
		value **setting
	}{{fieldTopic, &c.topic}, {fieldPartitionNumber, &c.number}, {fieldKey, &c.key}, {fieldTimestamp, &c.timestamp}} {
		if *f.value, err = settingFrom(parsed, f.field); err != nil {
			return c, err
		}
	}
	topic, static := c.topic.static()
	c.staticTopic = topic
	if parsed.Contains(fieldMetadata) {
		filter, err := parsed.FieldMetadataFilter(fieldMetadata)
		if err != nil {
			return c, err
		}
		if !filter.IsEmpty() {
			c.headers = filter
		}
	}
	message, err := parsed.FieldString(fieldMessage)
	if err != nil {
		return c, err
	}
	c.whole = message == contract.RecordBatch
	if c.partition, err = parsed.FieldString(fieldPartition); err != nil {
		return c, err
	}
	if c.maxInFlight, err = parsed.FieldInt(fieldMaxInFlight); err != nil {
		return c, err
	}
	c.rejected = parsed.Contains(fieldRejected)
	if c.letterBytes, err = parsed.FieldInt(fieldRejectedMaxBytes); err != nil {
		return c, err
	}
	if c.produce, err = produceConfigFrom(parsed); err != nil {
		return c, err
	}
	if !static {
		c.produce.UnknownTopic = topicPatience
	}
	return c, errors.Join(
		lintrule.CheckEnum(fieldMessage, message, messageRecord, contract.RecordBatch),
		lintrule.CheckEnum(fieldPartition, c.partition, partitionSticky, partitionMurmur2, partitionCRC32, partitionExplicit),
		lintrule.CheckInt(fieldMaxInFlight, int64(c.maxInFlight), 1, 0),
		lintrule.CheckInt(fieldRejectedMaxBytes, int64(c.letterBytes), letter.MinBytes, 0),
		c.check(),
	)
}

func (c *outputConfig) check() error {
	hashed := c.partition == partitionMurmur2 || c.partition == partitionCRC32
	_, static := c.topic.static()
	for _, rule := range []struct {
		broken bool
		wrong  string
	}{
		{c.partition == partitionExplicit && c.number == nil, wrongNoNumber},
		{c.partition != partitionExplicit && c.number != nil, wrongNumber},
		{c.whole && (c.key != nil || c.timestamp != nil || c.headers != nil), wrongWhole},
		{c.whole && hashed, wrongWholeKey},
		{c.whole && c.produce.Codec != recordbatch.None, wrongWholeCodec},
		{hashed && c.key == nil, wrongNoKey},
		{c.rejected && c.unheard(), wrongUnheard},
	} {
		if rule.broken {
			return errors.New(rule.wrong)
		}
	}
	if static {
		return lintrule.CheckText(fieldTopic, c.staticTopic, topicname.Valid(c.staticTopic), oneTopic)
	}
	return nil
}

// unheard reports whether nobody hears what Kafka refuses.
func (c *outputConfig) unheard() bool { return c.produce.Acks == acksOf[acksNone] }

func produceConfigFrom(parsed *service.ParsedConfig) (p kproduce.Config, err error) {
	p = kproduce.Defaults()
	if p.Codec, p.Level, err = compression.From(parsed); err != nil {
		return p, err
	}
	acks, err := parsed.FieldString(fieldAcks)
	if err != nil {
		return p, err
	}
	if err := lintrule.CheckEnum(fieldAcks, acks, acksAll, acksLeader, acksNone); err != nil {
		return p, err
	}
	p.Acks = acksOf[acks]
	size, err := parsed.FieldString(fieldMaxBatchBytes)
	if err != nil {
		return p, err
	}
	bytes, err := lintrule.SizeBytes(fieldMaxBatchBytes, size, mostBatchBytes)
	if err != nil {
		return p, err
	}
	p.MaxBatchBytes = max(int(bytes), recordbatch.HeaderSize)
	p.MaxRequestBytes = max(p.MaxRequestBytes, p.MaxBatchBytes)
	if p.RequestsPerBroker, err = parsed.FieldInt(fieldRequestsInFlight); err != nil {
		return p, err
	}
	if p.Timeout, err = parsed.FieldDuration(fieldTimeout); err != nil {
		return p, err
	}
	if p.CreateTopics, err = parsed.FieldBool(fieldCreateTopics); err != nil {
		return p, err
	}
	return p, errors.Join(
		lintrule.CheckInt(fieldRequestsInFlight, int64(p.RequestsPerBroker), 1, 1000),
		lintrule.CheckDuration(fieldTimeout, p.Timeout, leastTimeout, mostTimeout),
	)
}
