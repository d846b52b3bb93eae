package kafkabatch

import (
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

// emitRecords is the value of emit for a message per record; the other is
// contract.RecordBatch.
const emitRecords = "records"

var renamedEmit = lintrule.Renamed{"block": contract.RecordBatch}

// Values of start_offset.
const (
	startEarliest  = "earliest"
	startLatest    = "latest"
	startCommitted = "committed"
)

// Values of on_lost_records.
const (
	onLostStop     = "stop"
	onLostEarliest = "earliest"
)

// Values of on_compacted_topic.
const (
	onCompactedStop = "stop"
	onCompactedRead = "read"
)

// What lint and the constructor say of settings that are wrong.
const (
	wrongTopics     = "topics must name at least one topic"
	wrongTopicParts = "topics are read whole: partitions and offsets, as in topic:0 or topic:0:10, cannot be chosen; set the offsets of the consumer group instead"
	wrongResponse   = "fetch_max_bytes and max_batch_bytes are too large together: their sum must be at most 1GiB, the most that is read as one response"
	wrongFetchMin   = "fetch_min_bytes is larger than fetch_max_bytes: a broker would never have collected enough"
	wrongHeartbeat  = "heartbeat_interval must be shorter than session_timeout, at most a third of it"
)

// config has the checked settings.
type config struct {
	conn.Config
	topics            []string
	group             string
	instanceID        string
	rack              string
	startOffset       string
	onLostRecords     string
	onCompacted       string
	emit              string
	identity          string
	fingerprint       string // of commits: short, of characters that need no quotes
	sessionTimeout    time.Duration
	rebalanceTimeout  time.Duration
	heartbeatInterval time.Duration
	commitPeriod      time.Duration
	fetchMaxWait      time.Duration
	fetchMinBytes     int32
	fetchMaxBytes     int32
	partitionMaxBytes int32
	maxBatchBytes     int32
	maxInFlightBytes  int64
}

func configFrom(parsed *service.ParsedConfig) (config, error) {
	var c config
	var err error
	if c.Config, err = conn.From(parsed); err != nil {
		return c, err
	}
	for _, s := range []struct {
		field string
		value *string
	}{
		{fieldConsumerGroup, &c.group},
		{fieldInstanceID, &c.instanceID},
		{fieldRackID, &c.rack},
		{fieldStartOffset, &c.startOffset},
		{fieldOnLostRecords, &c.onLostRecords},
		{fieldOnCompactedTopic, &c.onCompacted},
		{fieldEmit, &c.emit},
		{fieldIdentity, &c.identity},
		{fieldFingerprint, &c.fingerprint},
	} {
		if *s.value, err = parsed.FieldString(s.field); err != nil {
			return c, err
		}
	}
	c.fingerprint = track.Fingerprint(c.fingerprint)
	for _, d := range []struct {
		field string
		value *time.Duration
	}{
		{fieldSessionTimeout, &c.sessionTimeout},
		{fieldRebalanceTimeout, &c.rebalanceTimeout},
		{fieldHeartbeatInterval, &c.heartbeatInterval},
		{fieldCommitPeriod, &c.commitPeriod},
		{fieldFetchMaxWait, &c.fetchMaxWait},
	} {
		if *d.value, err = durations.From(parsed, d.field); err != nil {
			return c, err
		}
	}
	if err := c.sizesFrom(parsed); err != nil {
		return c, err
	}
	listed, err := parsed.FieldStringList(fieldTopics)
	if err != nil {
		return c, err
	}
	c.topics = conn.Split(listed)
	return c, c.check()
}

func (c *config) sizesFrom(parsed *service.ParsedConfig) error {
	for _, s := range []struct {
		field string
		value *int32
	}{
		{fieldFetchMinBytes, &c.fetchMinBytes},
		{fieldFetchMaxBytes, &c.fetchMaxBytes},
		{fieldFetchMaxPartitionBytes, &c.partitionMaxBytes},
		{fieldMaxBatchBytes, &c.maxBatchBytes},
	} {
		n, err := sizeFrom(parsed, s.field)
		if err != nil {
			return err
		}
		*s.value = int32(n)
	}
	var err error
	c.maxInFlightBytes, err = sizeFrom(parsed, fieldMaxInFlightBytes)
	return err
}

var durations = conn.Durations{
	fieldSessionTimeout:    {100 * time.Millisecond, conn.Longest},
	fieldRebalanceTimeout:  {100 * time.Millisecond, conn.Longest},
	fieldHeartbeatInterval: {time.Millisecond, conn.Longest},
	fieldCommitPeriod:      {time.Millisecond, conn.Longest},
	fieldFetchMaxWait:      {time.Millisecond, conn.Longest},
}

// maxResponseBytes is the most that the client reads as one response.
const maxResponseBytes = 1 << 30

var sizes = map[string]uint64{
	fieldFetchMinBytes:          maxResponseBytes,
	fieldFetchMaxBytes:          maxResponseBytes,
	fieldFetchMaxPartitionBytes: maxResponseBytes,
	fieldMaxBatchBytes:          maxResponseBytes,
	fieldMaxInFlightBytes:       1 << 46,
}

func sizeField(field string) *service.ConfigField {
	return service.NewStringField(field).LintRule(lintrule.Size(field, sizes[field]))
}

func sizeFrom(parsed *service.ParsedConfig, field string) (int64, error) {
	text, err := parsed.FieldString(field)
	if err != nil {
		return 0, err
	}
	n, err := lintrule.SizeBytes(field, text, sizes[field])
	return int64(n), err
}

func (c *config) check() error {
	if err := checkTopics(c.topics); err != nil {
		return err
	}
	if err := errors.Join(
		lintrule.CheckNotEmpty(fieldConsumerGroup, c.group),
		renamedEmit.CheckEnum(fieldEmit, c.emit, contract.RecordBatch, emitRecords),
		lintrule.CheckEnum(fieldStartOffset, c.startOffset, startEarliest, startLatest, startCommitted),
		lintrule.CheckEnum(fieldOnLostRecords, c.onLostRecords, onLostStop, onLostEarliest),
		lintrule.CheckEnum(fieldOnCompactedTopic, c.onCompacted, onCompactedStop, onCompactedRead),
	); err != nil {
		return err
	}
	if err := c.checkIdentity(); err != nil {
		return err
	}
	switch {
	case int64(c.fetchMaxBytes)+int64(c.maxBatchBytes) > maxResponseBytes:
		return errors.New(wrongResponse)
	case c.fetchMinBytes > c.fetchMaxBytes:
		return errors.New(wrongFetchMin)
	case c.heartbeatInterval >= c.sessionTimeout:
		return errors.New(wrongHeartbeat)
	}
	return nil
}

// options of a client that only asks.
func (c *config) options(log *service.Logger) []kgo.Opt {
	options := append(c.Options(version, log),
		// A response may exceed the requested size by one batch.
		kgo.BrokerMaxReadBytes(max(100<<20, c.fetchMaxBytes+c.maxBatchBytes)),
		kgo.FetchMaxBytes(c.fetchMaxBytes),
	)
	if c.rack != "" {
		options = append(options, kgo.Rack(c.rack))
	}
	return options
}

// memberOptions are those of a client that is a member of the group.
func (c *config) memberOptions(log *service.Logger) []kgo.Opt {
	options := append(c.options(log),
		kgo.ConsumerGroup(c.group),
		kgo.ConsumeTopics(c.topics...),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(c.sessionTimeout),
		kgo.RebalanceTimeout(c.rebalanceTimeout),
		kgo.HeartbeatInterval(c.heartbeatInterval),
	)
	if c.instanceID != "" {
		options = append(options, kgo.InstanceID(c.instanceID))
	}
	return options
}
