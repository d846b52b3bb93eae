package kafkabatch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Values of emit.
const (
	emitBlock   = "block"
	emitRecords = "records"
)

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

// What lint and the constructor say of settings that are wrong.
const (
	wrongTopics     = "topics must name at least one topic"
	wrongTopicParts = "topics are read whole: partitions and offsets, as in topic:0 or topic:0:10, cannot be chosen; set the offsets of the consumer group instead"
	wrongGroup      = "consumer_group must not be empty"
)

// config is what the YAML says, checked.
type config struct {
	connection
	topics            []string
	group             string
	instanceID        string
	rack              string
	startOffset       string
	onLostRecords     string
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
	if c.connection, err = connectionFrom(parsed); err != nil {
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
		{fieldEmit, &c.emit},
		{fieldIdentity, &c.identity},
		{fieldFingerprint, &c.fingerprint},
	} {
		if *s.value, err = parsed.FieldString(s.field); err != nil {
			return c, err
		}
	}
	c.fingerprint = fingerprintOf(c.fingerprint)
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
		if *d.value, err = positive(parsed, d.field); err != nil {
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
	c.topics = split(listed)
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
		n, err := sizeFrom(parsed, s.field, 1<<30)
		if err != nil {
			return err
		}
		*s.value = int32(n)
	}
	var err error
	c.maxInFlightBytes, err = sizeFrom(parsed, fieldMaxInFlightBytes, 1<<46)
	return err
}

func sizeFrom(parsed *service.ParsedConfig, field string, limit uint64) (int64, error) {
	text, err := parsed.FieldString(field)
	if err != nil {
		return 0, err
	}
	n, err := humanize.ParseBytes(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a size like 1MiB: %w", field, text, err)
	}
	if n < 1 || n > limit {
		return 0, fmt.Errorf("%s must be from 1B to %s", field, humanize.IBytes(limit))
	}
	return int64(n), nil
}

func (c *config) check() error {
	if err := checkTopics(c.topics); err != nil {
		return err
	}
	if c.group == "" {
		return errors.New(wrongGroup)
	}
	for _, e := range []struct {
		field, value string
		values       []string
	}{
		{fieldEmit, c.emit, []string{emitBlock, emitRecords}},
		{fieldStartOffset, c.startOffset, []string{startEarliest, startLatest, startCommitted}},
		{fieldOnLostRecords, c.onLostRecords, []string{onLostStop, onLostEarliest}},
	} {
		if !slices.Contains(e.values, e.value) {
			return fmt.Errorf("%s must be one of %s, not %q", e.field, strings.Join(e.values, ", "), e.value)
		}
	}
	if err := c.checkIdentity(); err != nil {
		return err
	}
	if c.heartbeatInterval >= c.sessionTimeout {
		return fmt.Errorf("%s must be shorter than %s, at most a third of it", fieldHeartbeatInterval, fieldSessionTimeout)
	}
	return nil
}

// options of a client that only asks.
func (c *config) options(log *service.Logger) []kgo.Opt {
	options := append(c.connection.options(log),
		// A response may be larger than what was asked for by one batch.
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
