package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/doctor/kafkacheck"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	"github.com/brandpulse/brandpulse-connect/plugins/influxdb"
)

// kafkaOf is one Kafka, with the components that use it in the same way.
type kafkaOf struct {
	connection kafkacheck.Connection
	key        string // of the settings of the connection
	checks     kafkacheck.Kafka
}

// kafka returns the Kafka of a component.
func (p *patient) kafka(c *component) (*kafkaOf, error) {
	parsed, err := componentConfig(c.node, service.NewConfigSpec().Fields(conn.Fields()...))
	if err != nil {
		return nil, err
	}
	settings, err := conn.From(parsed)
	if err != nil {
		return nil, err
	}
	key := connectionKey(c, settings)
	for _, k := range p.kafkas {
		if k.key == key {
			c.group = k.connection.Group
			return k, nil
		}
	}
	k := &kafkaOf{key: key, connection: kafkacheck.Connection{Config: settings, Group: "Kafka at " + strings.Join(settings.Seeds, ", ")}}
	for n := 2; slices.ContainsFunc(p.kafkas, func(other *kafkaOf) bool { return other.connection.Group == k.connection.Group }); n++ {
		k.connection.Group = fmt.Sprintf("Kafka at %s, connection %d", strings.Join(settings.Seeds, ", "), n)
	}
	p.kafkas, c.group = append(p.kafkas, k), k.connection.Group
	return k, nil
}

// connectionKey is equal for components that reach the same brokers in the same way.
func connectionKey(c *component, settings conn.Config) string {
	var whole map[string]struct {
		TLS  yaml.Node `yaml:"tls"`
		SASL yaml.Node `yaml:"sasl"`
	}
	key := strings.Join(settings.Seeds, ",")
	if yaml.Unmarshal([]byte(c.node.ConfigYAML()), &whole) != nil {
		return key
	}
	own := whole[c.name]
	if settings.TLS != nil {
		text, _ := yaml.Marshal(&own.TLS) // it was parsed from text
		key += string(text)
	}
	if settings.HasLogin() {
		text, _ := yaml.Marshal(&own.SASL)
		key += string(text)
	}
	return key
}

func (p *patient) kafkaInput(c *component) error {
	k, err := p.kafka(c)
	if err != nil {
		return err
	}
	parsed, err := componentConfig(c.node, service.NewConfigSpec().Fields(
		service.NewStringListField("topics").Default([]any{}),
		service.NewStringField("consumer_group").Default(""),
		service.NewStringField("max_batch_bytes").Default(map[string]string{"kafka_batches": "32MiB"}[c.name]),
		service.NewStringField("max_in_flight_bytes").Default(map[string]string{"kafka_batches": "64MiB"}[c.name]),
		service.NewStringField("start_offset").Default("earliest"),
		service.NewBoolField("regexp_topics").Default(false),
	))
	if err != nil {
		return err
	}
	topics, topicsErr := parsed.FieldStringList("topics")
	group, groupErr := parsed.FieldString("consumer_group")
	largest, bytesErr := parsed.FieldString("max_batch_bytes")
	budget, budgetErr := parsed.FieldString("max_in_flight_bytes")
	start, startErr := parsed.FieldString("start_offset")
	patterns, patternsErr := parsed.FieldBool("regexp_topics")
	if err := errors.Join(topicsErr, groupErr, bytesErr, budgetErr, startErr, patternsErr); err != nil {
		return err
	}
	if bytes, err := humanize.ParseBytes(budget); err == nil {
		p.inFlight += int64(bytes)
	}
	if patterns {
		k.connection.Unknown = append(k.connection.Unknown, fmt.Sprintf("%s reads the topics that match %s", c.path, strings.Join(topics, ", ")))
		return nil
	}
	for _, topic := range conn.Split(topics) {
		topic, _, _ = strings.Cut(topic, ":") // a partition of it
		read := kafkacheck.Read{Topic: topic, ConsumerGroup: group, FromEnd: start == "latest", WholeBatches: c.name == "kafka_batches"}
		if bytes, err := humanize.ParseBytes(largest); err == nil {
			read.MaxBatchBytes = int64(bytes)
		}
		k.connection.Reads = append(k.connection.Reads, read)
	}
	return nil
}

func (p *patient) kafkaOutput(c *component) error {
	k, err := p.kafka(c)
	if err != nil {
		return err
	}
	parsed, err := componentConfig(c.node, service.NewConfigSpec().Fields(
		service.NewStringField("topic").Default(""),
		service.NewStringField("max_message_bytes").Default(map[string]string{"redpanda": "1MiB", "kafka_franz": "1MiB"}[c.name]),
		service.NewStringField("max_batch_bytes").Default(""),
		service.NewStringField("acks").Default("all"),
	))
	if err != nil {
		return err
	}
	topic, err := parsed.FieldString("topic")
	if err != nil || topic == "" {
		return err
	}
	if strings.Contains(topic, "${!") {
		k.connection.Unknown = append(k.connection.Unknown, fmt.Sprintf("%s writes to the topic that each message names", c.path))
		return nil
	}
	acks, err := parsed.FieldString("acks")
	if err != nil {
		return err
	}
	write := kafkacheck.Write{Topic: topic, AllCopies: acks == "all"}
	for _, field := range []string{"max_message_bytes", "max_batch_bytes"} {
		if text, err := parsed.FieldString(field); err == nil {
			if bytes, err := humanize.ParseBytes(text); err == nil && text != "" {
				write.MaxBytes = int64(bytes)
			}
		}
	}
	k.connection.Writes = append(k.connection.Writes, write)
	return nil
}

// registryGroup is the group of the check of the schema registry.
const registryGroup = "schema registry"

func (p *patient) registryCheck() {
	if p.window == nil || p.window.registry == nil {
		return
	}
	registry := p.window.registry
	p.registry = &doctor.Check{ID: doctor.Registry, Group: registryGroup, Run: func(ctx context.Context) doctor.Finding {
		types, err := registry.SupportedTypes(ctx)
		if err != nil {
			return doctor.Failed("Check url, username and password of schema_registry, and that the registry is running.", "%.500v", err)
		}
		return doctor.OK("it answers, and has schemas of %d kinds", len(types))
	}}
	p.checks = append(p.checks, p.registry)
}

// kafkaChecks adds the checks of all Kafkas.
func (p *patient) kafkaChecks() {
	for _, k := range p.kafkas {
		for i := range k.connection.Reads {
			read := &k.connection.Reads[i]
			read.NoJudge = "no sentiment_window, or more than one, reads the records"
			if p.window == nil {
				continue
			}
			read.MaxPartitions = p.window.maxPartitions
			if p.changed != "" {
				read.NoJudge = fmt.Sprintf("the processor %s before sentiment_window may change the records", p.changed)
				continue
			}
			read.JudgeNeeds = p.registry
			judge, err := p.judge()
			if err != nil {
				read.NoJudge = err.Error()
				continue
			}
			read.Judge = judge
		}
		k.checks = kafkacheck.New(k.connection)
		p.checks = append(p.checks, k.checks.Checks...)
		p.closers = append(p.closers, k.checks.Close)
	}
}

// judge returns a function that decodes a record as audit does, which shares no code
// with the pipeline.
func (p *patient) judge() (func(ctx context.Context, r *kgo.Record) error, error) {
	sides := &auditSides{}
	if err := sides.readRule(context.Background(), p.window); err != nil {
		return nil, err
	}
	var mu sync.Mutex // the decoder is not safe for several goroutines
	return func(_ context.Context, r *kgo.Record) error {
		mu.Lock()
		defer mu.Unlock()
		record := &tweetrule.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, tweetrule.Header{Name: h.Key, Value: h.Value})
		}
		if _, err := sides.rule.DecodeRecord(record); !errors.Is(err, tweetrule.ErrFiltered) {
			return err
		}
		return nil
	}, nil
}

// influxChecks adds the checks of an output influxdb.
func (p *patient) influxChecks(c *component) error {
	text, err := ownYAML(c.node)
	if err != nil {
		return err
	}
	parsed, err := componentConfig(c.node, auditOutputSpec())
	if err != nil {
		return err
	}
	address, err := parsed.FieldString("url")
	if err != nil {
		return err
	}
	bucket, err := parsed.FieldString("bucket")
	if err != nil {
		return err
	}
	c.group = fmt.Sprintf("InfluxDB at %s, bucket %s", address, bucket)
	for n := 2; slices.ContainsFunc(p.checks, func(other *doctor.Check) bool { return other.Group == c.group }); n++ {
		c.group = fmt.Sprintf("InfluxDB at %s, bucket %s, output %d", address, bucket, n)
	}
	around := influxdb.Surroundings{Group: c.group}
	var mapped map[string]yaml.Node
	if yaml.Unmarshal([]byte(text), &mapped) == nil {
		if _, maps := mapped["measurement"]; !maps {
			around.Written = p.written()
		}
	}
	around.Replayed, around.ReplayedNeeds = p.replayed()
	checks, err := influxdb.Checks(text, around)
	if err != nil {
		return err
	}
	p.influxURL[address] = p.influxURL[address] || hasLogin(parsed)
	p.checks = append(p.checks, checks...)
	return nil
}

// hasLogin reports whether an output influxdb sends a token or a password.
func hasLogin(parsed *service.ParsedConfig) bool {
	var token, user string
	var headers map[string]string
	err := errors.Join(
		secretInto(&token, parsed, "token"),
		fieldInto(&user, parsed.FieldString, "username"),
		fieldInto(&headers, parsed.FieldStringMap, "headers"),
	)
	for name := range headers {
		if strings.EqualFold(name, "Authorization") {
			return true
		}
	}
	return err != nil || token != "" || user != ""
}

// written returns the fields that sentiment_window writes.
func (p *patient) written() (all []influxdb.Written) {
	if p.window == nil {
		return nil
	}
	points := influxdb.Written{Measurement: p.window.measurement, Fields: map[string]string{"count": "integer"}}
	if p.window.emit == "tweets" {
		points.Fields["text"] = "string"
	}
	all = append(all, points)
	if coverage := p.window.coverageMeasurement(); coverage != "" {
		fields := map[string]string{}
		for _, name := range []string{"partition", "base", "last", "records", "counted", "undecodable", "filtered"} {
			fields[name] = "integer"
		}
		all = append(all, influxdb.Written{Measurement: coverage, Fields: fields})
	}
	return all
}

// replayed returns how old the points of a replay may be: as old as the records that
// Kafka keeps, and by how much a tweet may be older than its record. The topic that keeps
// them longest counts.
func (p *patient) replayed() (age func() (time.Duration, string, bool), after []*doctor.Check) {
	var ages []func() (time.Duration, string, bool)
	for _, k := range p.kafkas {
		for _, read := range k.connection.Reads {
			ages = append(ages, func() (time.Duration, string, bool) { return p.kept(k, read.Topic) })
			after = append(after, k.checks.KeptNeeds[read.Topic])
		}
	}
	return func() (longest time.Duration, from string, known bool) {
		known = len(ages) > 0
		for _, age := range ages {
			kept, why, ok := age()
			if known = known && ok; kept > longest {
				longest, from = kept, why
			}
		}
		return longest, from, known
	}, after
}

// kept returns how old the points of a topic's records may be.
func (p *patient) kept(k *kafkaOf, topic string) (age time.Duration, from string, known bool) {
	kept, known := k.checks.Kept(topic)
	switch {
	case !known:
		return 0, "", false
	case kept == 0:
		return 1<<63 - 1, fmt.Sprintf("the topic %s keeps records for ever", topic), true
	}
	from = fmt.Sprintf("the topic %s keeps records for %s", topic, kept)
	if p.window != nil && p.window.bounds.Before != nil {
		kept += *p.window.bounds.Before
		from += fmt.Sprintf(", with tweets up to %s older (before_record)", *p.window.bounds.Before)
	}
	return kept, from, true
}
