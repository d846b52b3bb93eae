// Package kafkacheck has the checks of a Kafka for the command `doctor`. They only read:
// no topic is created, no group is joined, nothing is committed.
package kafkacheck

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// Connection is one Kafka, as one or several components of a pipeline reach it.
type Connection struct {
	Config conn.Config
	Group  string // of the checks
	Reads  []Read
	Writes []Write
	// Unknown describes components whose topics are not known before they run.
	Unknown []string
}

// Read is a topic that an input reads.
type Read struct {
	Topic         string
	ConsumerGroup string // empty: none
	FromEnd       bool   // a partition without a commit is read from its end
	// WholeBatches means that the input delivers record batches as they are in the log,
	// of at most MaxBatchBytes.
	WholeBatches  bool
	MaxBatchBytes int64
	// MaxPartitions is that of sentiment_window; 0 if there is none.
	MaxPartitions int
	// Judge returns why a record cannot be counted, nil if it can; a nil function if
	// that cannot be told, for the reason NoJudge.
	Judge   func(ctx context.Context, r *kgo.Record) error
	NoJudge string
	// JudgeNeeds is a check without which Judge would only repeat its failure; nil: none.
	JudgeNeeds *doctor.Check
}

// key identifies what is read by whom.
func (r Read) key() string { return r.Topic + "\x00" + r.ConsumerGroup }

// Write is a topic that an output writes to.
type Write struct {
	Topic    string
	MaxBytes int64 // of a record batch; 0 if it is not known
	// AllCopies means that the output waits until all copies in sync have its records.
	AllCopies bool
}

// checker has what the checks learn from each other. A check reads what an earlier one
// wrote only if it needs that one to have succeeded.
type checker struct {
	Connection
	client   *kgo.Client
	admin    *kadm.Client
	reached  []string // seeds that accept connections, and answer once KafkaTLS has asked
	metadata conn.Described
	settings map[string]conn.TopicSettings
	noConfig error // why settings are missing

	mu   sync.Mutex     // a check that was abandoned may still write
	lags map[string]lag // by Read.key
}

// Kafka is a Connection with its checks.
type Kafka struct {
	Checks []*doctor.Check // in their order
	// Close closes the connections when a run has ended.
	Close func()
	// Kept returns how long Kafka keeps the records of a topic, 0 for no limit. It knows
	// once the check that KeptNeeds has for the topic has succeeded.
	Kept      func(topic string) (kept time.Duration, known bool)
	KeptNeeds map[string]*doctor.Check
}

// New returns the checks of a Kafka.
func New(c Connection) Kafka {
	var checks []*doctor.Check
	k := &checker{Connection: c, lags: map[string]lag{}}
	k.Config.Seeds = withPorts(c.Config.Seeds)
	add := func(id doctor.ID, about string, run func(ctx context.Context) doctor.Finding, needs ...*doctor.Check) *doctor.Check {
		check := &doctor.Check{ID: id, Group: c.Group, About: about, Run: run, Needs: needs}
		checks = append(checks, check)
		return check
	}
	names := add(doctor.KafkaNames, "", k.names)
	reach := add(doctor.KafkaReach, "", k.reach, names)
	tls := add(doctor.KafkaTLS, "", k.tls, reach)
	login := add(doctor.KafkaLogin, "", k.login, tls)
	advertised := add(doctor.KafkaAdvertised, "", k.advertised, login)
	settled, groups := map[string]*doctor.Check{}, map[string]*doctor.Check{}
	for _, read := range c.Reads {
		add(doctor.KafkaRead, read.Topic, k.mayRead(read.Topic), advertised)
	}
	for _, topic := range k.written() {
		add(doctor.KafkaWrite, topic, k.mayWrite(topic), advertised)
	}
	for _, topic := range k.topics() {
		exists := add(doctor.KafkaTopic, topic, k.exists(topic), advertised)
		settled[topic] = exists
	}
	leaders := advertised
	if len(settled) > 0 {
		leaders = add(doctor.KafkaLeaders, "", k.leaders, advertised)
	}
	for _, why := range c.Unknown {
		add(doctor.KafkaTopic, "", func(context.Context) doctor.Finding { return doctor.Skipped("%s", why) })
	}
	for _, read := range c.Reads {
		exists := settled[read.Topic]
		if read.MaxPartitions > 0 {
			add(doctor.KafkaPartitions, read.Topic, k.partitions(read), exists)
		}
		add(doctor.KafkaCleanup, read.Topic, k.cleanup(read), exists)
		add(doctor.KafkaMessageSize, read.Topic, k.batchSize(read), exists)
		add(doctor.KafkaClock, read.Topic, k.clock(read.Topic), exists, leaders)
	}
	for _, topic := range k.written() {
		add(doctor.KafkaMessageSize, topic, k.messageSize(topic), settled[topic])
	}
	for _, read := range c.Reads {
		exists := settled[read.Topic]
		lagNeeds := []*doctor.Check{exists, leaders}
		if read.ConsumerGroup != "" {
			access := groups[read.ConsumerGroup]
			if access == nil {
				access = add(doctor.KafkaGroupAccess, read.ConsumerGroup, k.groupAccess(read.ConsumerGroup), advertised)
				groups[read.ConsumerGroup] = access
			}
			add(doctor.KafkaGroup, read.ConsumerGroup, k.group(read), access, exists)
			lagNeeds = append(lagNeeds, access)
			lag := add(doctor.KafkaLag, read.Topic, k.lag(read), lagNeeds...)
			add(doctor.KafkaRetention, read.Topic, k.retention(read), lag)
			stuck := add(doctor.KafkaStuck, read.Topic, k.stuck(read), lag)
			stuck.Limit = stuckAfter + 2*time.Second
		}
		add(doctor.KafkaSkew, read.Topic, k.skew(read), exists, leaders)
		if read.JudgeNeeds != nil {
			lagNeeds = append(lagNeeds, read.JudgeNeeds)
		}
		add(doctor.KafkaRecords, read.Topic, k.records(read), lagNeeds...)
	}
	return Kafka{Checks: checks, Close: k.close, Kept: k.kept, KeptNeeds: settled}
}

func (k *checker) close() {
	if k.client != nil {
		k.client.Close()
	}
}

// kept returns the retention of a topic, 0 for no limit.
func (k *checker) kept(topic string) (kept time.Duration, known bool) {
	ms, err := strconv.ParseInt(k.settings[topic]["retention.ms"], 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(max(0, ms)) * time.Millisecond, true
}

// topics returns all topics, each once.
func (k *checker) topics() (topics []string) {
	for _, read := range k.Reads {
		topics = append(topics, read.Topic)
	}
	return conn.Split(append(topics, k.written()...))
}

func (k *checker) written() (topics []string) {
	for _, write := range k.Writes {
		if !slices.Contains(topics, write.Topic) {
			topics = append(topics, write.Topic)
		}
	}
	return topics
}

func (k *checker) isRead(topic string) bool {
	return slices.ContainsFunc(k.Reads, func(r Read) bool { return r.Topic == topic })
}

// withPorts adds the port that the Kafka client adds to addresses without one.
func withPorts(seeds []string) (addresses []string) {
	for _, seed := range seeds {
		if _, _, err := net.SplitHostPort(seed); err != nil {
			seed = net.JoinHostPort(strings.Trim(seed, "[]"), "9092")
		}
		addresses = append(addresses, seed)
	}
	return addresses
}
