package main

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/audit/usermapping"
)

// auditSides are both ends of a pipeline, and the decoder of its tweets.
type auditSides struct {
	log      *kafkalog.Log
	store    *influxread.Reader
	rule     *tweetrule.Decoder // nil for a quick audit, which reads no tweets
	unsteady []string           // functions in the mapping whose results vary
}

// openTimeout limits how long connecting to the brokers and InfluxDB may take.
const openTimeout = 20 * time.Second

// readRule prepares the decoder of tweets.
func (a *auditSides) readRule(ctx context.Context, s *auditSettings) error {
	options := tweetrule.Options{Encoding: s.encoding, Registry: s.schemaOf(ctx), Bounds: s.bounds, Resolution: s.lengthOfTime()}
	for _, path := range s.schemaFiles {
		schema, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading a schema: %w", err)
		}
		options.Schemas = append(options.Schemas, schema)
	}
	if s.mapping != "" {
		mapping, err := usermapping.New(s.mapping, s.mapped())
		if err != nil {
			return fmt.Errorf("reading the mapping of sentiment_window: %w", err)
		}
		options.Mapping, a.unsteady = mapping.Map, mapping.Unsteady()
	}
	var err error
	a.rule, err = tweetrule.New(options)
	return err
}

// mapped returns the source of the messages that the mapping sees.
func (s *auditSettings) mapped() usermapping.Input {
	if s.message == "record_batch" {
		return usermapping.RecordBatch
	}
	return usermapping.Input(s.input)
}

func (s *auditSettings) open(ctx context.Context, quick bool) (*auditSides, error) {
	sides := &auditSides{}
	if !quick {
		if err := sides.readRule(ctx, s); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	kafka, err := s.kafkaOptions()
	if err != nil {
		return nil, err
	}
	if sides.log, err = kafkalog.Open(limited, kafka, s.topics[0]); err != nil {
		return nil, s.topicProblem(err)
	}
	s.influx.Measurement, s.influx.Coverage = s.measurement, s.coverageMeasurement()
	if sides.store, err = influxread.Open(limited, s.influx); err != nil {
		sides.log.Close()
		return nil, err
	}
	return sides, nil
}

func (a *auditSides) close() {
	a.log.Close()
	a.store.Close()
}

func (s *auditSettings) kafkaOptions() ([]kgo.Opt, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(strings.Join(s.brokers, ","), ",")...),
		kgo.ClientID("brandpulse-audit"),
		kgo.DisableClientMetrics(),
	}
	if s.kafka.tls != nil {
		options = append(options, kgo.DialTLSConfig(s.kafka.tls))
	}
	var mechanisms []sasl.Mechanism
	for _, l := range s.kafka.sasl {
		switch l.mechanism {
		case "none":
		case "PLAIN":
			mechanisms = append(mechanisms, plain.Auth{User: l.username, Pass: l.password}.AsMechanism())
		case "SCRAM-SHA-256":
			mechanisms = append(mechanisms, scram.Auth{User: l.username, Pass: l.password}.AsSha256Mechanism())
		case "SCRAM-SHA-512":
			mechanisms = append(mechanisms, scram.Auth{User: l.username, Pass: l.password}.AsSha512Mechanism())
		default:
			return nil, fmt.Errorf("the audit does not support the SASL mechanism %q, only PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512", l.mechanism)
		}
	}
	return append(options, kgo.SASL(mechanisms...)), nil
}

// topicProblem adds to an error of opening the topic what to do about it.
func (s *auditSettings) topicProblem(err error) error {
	brokers, topic := strings.Join(s.brokers, ","), s.topics[0]
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("the topic %s does not exist in Kafka at %s. Check its name (--%s) and that this is the right Kafka (--%s), or create it: %s topic create %s --brokers %s",
			topic, brokers, flagTopic, flagBrokers, binaryName, topic, brokers)
	}
	return kafkaProblem(brokers, err)
}

// kafkaProblem adds to an error of the first request to Kafka what to do about it.
func kafkaProblem(brokers string, err error) error {
	var answered *kerr.Error
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("logging in to Kafka at %s: %w. Check the user and the password in the pipeline's sasl", brokers, err)
	case errors.As(err, &answered):
		return fmt.Errorf("the response of Kafka at %s: %w", brokers, err)
	}
	return fmt.Errorf("reaching Kafka at %s: %w. Check the address (--%s) and that Kafka is running", brokers, err, flagBrokers)
}

// explained adds to an error what to do about it.
func (s *auditSettings) explained(ctx context.Context, err error) error {
	var absent *influxread.NoBucketError
	if errors.As(err, &absent) {
		return fmt.Errorf("%w. Check the name of the bucket, %s (--%s), and the address, %s (--%s). The output influxdb creates a missing bucket with create_bucket: true",
			err, s.influx.Bucket, flagInfluxBucket, s.influx.URL, flagInfluxURL)
	}
	var nothing *audit.NoCommitError
	if !errors.As(err, &nothing) {
		return err
	}
	groups := "no other group has any"
	if names := s.groups(ctx); len(names) > 0 {
		groups = "these groups have: " + strings.Join(names, ", ")
	}
	return fmt.Errorf("%w; %s. Name the pipeline's group with --%s, or compare to the end of the log with --%s", err, groups, flagGroup, flagToEnd)
}

// maxGroups is how many groups are looked at and named.
const maxGroups = 20

// groups returns the groups that have committed offsets of the topic, or none if
// they cannot be read: the caller has a more important error to report.
func (s *auditSettings) groups(ctx context.Context) (names []string) {
	options, err := s.kafkaOptions()
	if err != nil {
		return nil
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	admin := kadm.NewClient(client)
	listed, err := admin.ListGroups(ctx)
	if err != nil {
		return nil
	}
	for _, group := range listed.Groups()[:min(maxGroups, len(listed))] {
		offsets, err := admin.FetchOffsetsForTopics(ctx, group, s.topics[0])
		if err == nil && slices.ContainsFunc(offsets.Sorted(), func(o kadm.OffsetResponse) bool { return o.Err == nil && o.At >= 0 }) {
			names = append(names, group)
		}
	}
	return names
}

// refused returns a reader of the rejected points in the dead letters.
func (s *auditSettings) refused() audit.Refused {
	options, err := s.kafkaOptions()
	if s.dead == "" || err != nil || strings.Contains(s.dead, "${!") {
		return nil
	}
	return audit.Letters(options, s.dead, s.topics[0], s.measurement)
}

// settlements returns a reader of the marks of settled dead letters.
func (s *auditSettings) settlements(sides *auditSides) audit.Settlements {
	options, err := s.kafkaOptions()
	if s.dead == "" || err != nil || strings.Contains(s.dead, "${!") {
		return nil
	}
	_, id := sides.log.Topic()
	return audit.Marks(options, s.dead, s.topics[0], id, s.measurement)
}

// options returns the options of the comparison. If the bucket expires old points,
// the time that may have expired is left out.
func (s *auditSettings) options(ctx context.Context, sides *auditSides, from, to int64) (audit.Options, error) {
	o := audit.Options{
		Topic: s.topics[0], Group: s.group, Cut: s.cut(), Unsteady: sides.unsteady, Settlements: s.settlements(sides),
		Law: audit.Law{
			Resolution: s.lengthOfTime(), Partitions: int64(s.maxPartitions), Source: s.identity == "source",
		},
	}
	if o.Law.Source {
		_, id := sides.log.Topic()
		if id == [16]byte{} {
			return o, errors.New("identity: source needs the id of the topic, which these brokers do not have. Kafka has topic ids since 2.8")
		}
		o.SourcePrefix = base32.StdEncoding.EncodeToString(id[:])[:6] + "-"
	}
	unit := time.Second
	if time.Second%o.Law.Resolution != 0 {
		unit = o.Law.Resolution
	}
	if kept, ok := sides.store.Retention(ctx); ok {
		// InfluxDB drops a shard when all of it has expired, so younger points are
		// kept. The clocks may differ.
		if oldest := time.Now().Add(keptSlack - kept).UnixNano(); oldest > from {
			from, o.Kept = oldest+int64(unit), kept
		}
	}
	o.From, o.To = aligned(from, to, unit)
	return o, nil
}

// keptSlack is how far the clocks of this machine and InfluxDB may differ.
const keptSlack = 5 * time.Minute

func printReport(to *os.File, r result, asJSON bool) error {
	if !asJSON {
		return r.WriteText(wrappingOn(to))
	}
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}
