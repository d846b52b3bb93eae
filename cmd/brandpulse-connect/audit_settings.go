package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// auditSettings are the settings of a pipeline that an audit needs.
type auditSettings struct {
	brokers []string
	kafka   auditKafka
	topics  []string
	group   string
	dead    string

	influx        influxread.Options
	influxVersion string // v1: points are written to /write

	message, emit, identity string
	encoding                string
	input                   string // name of the input component
	mapping                 string // Bloblang; empty if there is none
	schemaFiles             []string
	registry                *sr.Client // nil: none
	window, resolution      time.Duration
	maxPartitions           int
	bounds                  tweetrule.Bounds
	measurement, coverage   string
	coverageSet             bool
	deadOfRejected          bool // dead is the topic of influxdb.rejected
}

// auditSettingsFrom reads the settings of a pipeline and applies the flags.
func auditSettingsFrom(c *cli.Context, pipeline string) (*auditSettings, error) {
	name := pipeline
	var yaml []byte
	var err error
	if pipeline == "" {
		name = "the shipped exact.yaml"
		yaml, err = config.Files.ReadFile("exact.yaml")
	} else {
		yaml, err = os.ReadFile(pipeline)
	}
	if err != nil {
		return nil, unread(err)
	}
	s, err := auditPipeline(yaml)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	s.replace(c)
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// auditPipeline reads the settings of a pipeline from its input, its
// sentiment_window and its output influxdb.
func auditPipeline(yaml []byte) (*auditSettings, error) {
	schema := schema("", "")
	linter, err := configlint.New(schema, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if findings := linter.Safe(yaml); len(findings) > 0 {
		return nil, fmt.Errorf("line %d: %s", findings[0].Line, findings[0].What)
	}
	querier := schema.NewConfigQuerier()
	file, err := querier.ParseYAML(string(yaml))
	if err != nil {
		return nil, err
	}
	sections := map[string]any{}
	for _, name := range pipelineSections {
		if section, err := file.FieldAtPath(name); err == nil {
			if sections[name], err = section.FieldAny(); err != nil {
				return nil, err
			}
		}
	}
	s := &auditSettings{}
	found := map[string][]string{}
	err = schema.NewStreamConfigWalker().WalkComponentsAny(sections, func(w *service.WalkedComponent) error {
		read, ok := s.reader(w)
		if !ok {
			return nil
		}
		parsed, err := componentConfig(w, read.spec)
		if err == nil {
			err = read.from(parsed)
		}
		if err != nil {
			return fmt.Errorf("%s at %s: %w", w.Name, w.Path, err)
		}
		found[read.part] = append(found[read.part], w.Path)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, part := range []string{partInput, partWindow, partOutput} {
		switch paths := found[part]; len(paths) {
		case 0:
			return nil, fmt.Errorf("the pipeline has no %s, which an audit needs", part)
		case 1:
		default:
			return nil, fmt.Errorf("the pipeline has %d components that could be the %s, at %s. An audit needs exactly one", len(paths), part, strings.Join(paths, ", "))
		}
	}
	return s, nil
}

// pipelineSections are the sections of a configuration that contain components.
var pipelineSections = []string{"input", "buffer", "pipeline", "output", "input_resources", "processor_resources", "output_resources"}

// Names of the parts of a pipeline in messages.
const (
	partInput  = "input kafka_batches, redpanda or kafka_franz"
	partWindow = "processor sentiment_window"
	partOutput = "output influxdb"
	partDead   = "output for dead letters"
)

// componentReader reads the configuration of one component.
type componentReader struct {
	part string
	spec *service.ConfigSpec
	from func(*service.ParsedConfig) error
}

func (s *auditSettings) reader(w *service.WalkedComponent) (componentReader, bool) {
	switch {
	case w.ComponentType == "input" && slices.Contains([]string{"kafka_batches", "redpanda", "kafka_franz"}, w.Name):
		s.input = w.Name
		return componentReader{partInput, auditInputSpec(), s.readInput}, true
	case w.ComponentType == "processor" && w.Name == "sentiment_window":
		return componentReader{partWindow, auditWindowSpec(), s.readWindow}, true
	case w.ComponentType == "output" && w.Name == "influxdb":
		return componentReader{partOutput, auditOutputSpec(), s.readOutput}, true
	case w.ComponentType == "output" && slices.Contains([]string{"redpanda", "kafka_franz"}, w.Name):
		refused := strings.Contains(w.Path, "influxdb.rejected")
		if s.dead != "" && (s.deadOfRejected || !refused) {
			return componentReader{}, false
		}
		s.deadOfRejected = refused
		return componentReader{partDead, auditDeadSpec(), s.readDead}, true
	}
	return componentReader{}, false
}

// replace applies the flags.
func (s *auditSettings) replace(c *cli.Context) {
	for name, into := range map[string]*string{
		flagGroup: &s.group, flagDeadTopic: &s.dead,
		flagInfluxURL: &s.influx.URL, flagInfluxOrg: &s.influx.Org, flagInfluxBucket: &s.influx.Bucket,
		flagMeasurement: &s.measurement, flagMessage: &s.message, flagEmit: &s.emit,
		flagIdentity: &s.identity, flagEncoding: &s.encoding,
	} {
		if c.IsSet(name) {
			*into = c.String(name)
		}
	}
	if c.IsSet(flagInfluxToken) {
		s.influx.Token, s.influx.Username, s.influx.Password = c.String(flagInfluxToken), "", ""
	}
	if c.IsSet(flagBrokers) {
		s.brokers = []string{c.String(flagBrokers)}
	}
	if c.IsSet(flagTopic) {
		s.topics = []string{c.String(flagTopic)}
	}
	if c.IsSet(flagCoverage) {
		s.coverage, s.coverageSet = c.String(flagCoverage), true
	}
	if c.IsSet(flagWindow) {
		s.window = c.Duration(flagWindow)
	}
	if c.IsSet(flagResolution) {
		s.resolution = c.Duration(flagResolution)
	}
	if c.IsSet(flagMaxPartitions) {
		s.maxPartitions = c.Int(flagMaxPartitions)
	}
	if c.IsSet(flagSchema) {
		s.schemaFiles = c.StringSlice(flagSchema)
	}
}

// check returns an error for settings that cannot be audited.
func (s *auditSettings) check() error {
	oneOf := func(flag, value string, values ...string) error {
		if slices.Contains(values, value) {
			return nil
		}
		return fmt.Errorf("--%s is %q: it must be %s", flag, value, strings.Join(values, " or "))
	}
	errs := []error{
		oneOf(flagMessage, s.message, "record", "record_batch"),
		oneOf(flagEmit, s.emit, "windows", "tweets"),
		oneOf(flagIdentity, s.identity, "timestamp", "source"),
	}
	switch {
	case len(s.topics) != 1:
		errs = append(errs, fmt.Errorf("the pipeline reads the topics %q. Choose one with --%s", s.topics, flagTopic))
	case strings.ContainsAny(s.topics[0], ":*"):
		errs = append(errs, fmt.Errorf("the pipeline reads %q, which is a pattern or part of a topic. Choose one whole topic with --%s", s.topics[0], flagTopic))
	case s.influx.Bucket == "" || strings.Contains(s.influx.Bucket, "${!"):
		errs = append(errs, fmt.Errorf("the pipeline's bucket depends on each message. Choose one with --%s", flagInfluxBucket))
	}
	return errors.Join(errs...)
}

func (s *auditSettings) coverageMeasurement() string {
	if !s.coverageSet && s.message == "record_batch" {
		return "brandpulse_batches"
	}
	return s.coverage
}

func (s *auditSettings) cut() audit.Cut {
	switch {
	case s.emit == "tweets":
		return audit.CutTweets
	case s.message == "record_batch":
		return audit.CutBatches
	}
	return audit.CutFolds
}

func (s *auditSettings) lengthOfTime() time.Duration {
	if s.emit == "tweets" {
		return s.resolution
	}
	return s.window
}

// where returns what is compared, for the report.
func (s *auditSettings) where(toEnd bool) (kafka, influx, measurement string) {
	until := "group " + s.group
	if toEnd {
		until = "to the end of the log"
	}
	kafka = fmt.Sprintf("%s, topic %s, %s", strings.Join(s.brokers, ","), s.topics[0], until)
	influx = fmt.Sprintf("%s, bucket %s, measurement %s", s.influx.URL, s.influx.Bucket, s.measurement)
	return kafka, influx, s.measurement
}

// auditTimes returns the bounds of --from and --to.
func auditTimes(c *cli.Context) (from, to int64, err error) {
	from, to = influxread.MinNanos, influxread.MaxNanos
	now := time.Now()
	for name, into := range map[string]*int64{flagFrom: &from, flagTo: &to} {
		if !c.IsSet(name) {
			continue
		}
		at, err := auditTime(c.String(name), now)
		if err != nil {
			return 0, 0, fmt.Errorf("--%s: %w", name, err)
		}
		*into = at
	}
	return from, to, nil
}

// auditTime parses a time in the format of RFC 3339, or an age before now.
func auditTime(text string, now time.Time) (int64, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		age, ageErr := time.ParseDuration(text)
		if ageErr != nil || age > 0 {
			return 0, fmt.Errorf("%q is neither a time like 2026-01-31T12:00:00Z nor an age like -2h", text)
		}
		at = now.Add(age)
	}
	if at.Year() < 1678 || at.Year() > 2261 {
		return 0, fmt.Errorf("%q is not in the years 1678 to 2261", text)
	}
	return at.UnixNano(), nil
}

// aligned moves the bounds outward to whole units of time.
func aligned(from, to int64, unit time.Duration) (int64, int64) {
	down := func(at int64) int64 {
		within := at % int64(unit)
		if within < 0 {
			within += int64(unit)
		}
		return at - within
	}
	if from != influxread.MinNanos {
		from = down(from)
	}
	if to != influxread.MaxNanos && down(to) != to && to < math.MaxInt64-int64(unit) {
		to = down(to) + int64(unit)
	}
	return from, to
}
