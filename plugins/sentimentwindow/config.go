package sentimentwindow

import (
	"fmt"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
)

// Values of the enum fields.
const (
	encodingAvro         = "avro"
	encodingSingleObject = "avro_single_object"
	encodingConfluent    = "avro_confluent"
	encodingJSON         = "json"

	emitWindows = "windows"
	emitTweets  = "tweets"

	outputLines  = "lines"
	outputPoints = "points"

	identityTimestamp = "timestamp"
	identitySource    = "source"
)

// config is what the YAML says, checked.
type config struct {
	encoding      string
	schemaFiles   []string
	registry      registryConfig
	mapping       *bloblang.Executor // nil: the fields have our names
	emit          string
	window        time.Duration
	resolution    time.Duration
	output        string
	measurement   string
	maxPartitions int
	identity      string
}

func configFrom(parsed *service.ParsedConfig) (c config, err error) {
	str := func(name string) (s string) {
		if err == nil {
			s, err = parsed.FieldString(name)
		}
		return s
	}
	duration := func(name string) (d time.Duration) {
		if err == nil {
			d, err = parsed.FieldDuration(name)
		}
		return d
	}
	c.encoding = str(fieldEncoding)
	c.emit = str(fieldEmit)
	c.window = duration(fieldWindow)
	c.resolution = duration(fieldResolution)
	c.output = str(fieldOutput)
	c.measurement = str(fieldMeasurement)
	c.identity = str(fieldIdentity)
	if err == nil {
		c.maxPartitions, err = parsed.FieldInt(fieldMaxPartitions)
	}
	if err == nil {
		c.schemaFiles, err = parsed.FieldStringList(fieldSchemaFiles)
	}
	if err == nil && parsed.Contains(fieldMapping) {
		c.mapping, err = parsed.FieldBloblang(fieldMapping)
	}
	if err == nil && parsed.Contains(fieldRegistry) {
		c.registry, err = registryConfigFrom(parsed.Namespace(fieldRegistry))
	}
	if err != nil {
		return config{}, err
	}
	return c, c.check()
}

// check finds what lint finds, and what it cannot: lint may be skipped.
func (c config) check() error {
	for _, enum := range []struct {
		field, value string
		allowed      []string
	}{
		{fieldEncoding, c.encoding, []string{encodingAvro, encodingSingleObject, encodingConfluent, encodingJSON}},
		{fieldEmit, c.emit, []string{emitWindows, emitTweets}},
		{fieldOutput, c.output, []string{outputLines, outputPoints}},
		{fieldIdentity, c.identity, []string{identityTimestamp, identitySource}},
	} {
		if !slices.Contains(enum.allowed, enum.value) {
			return fmt.Errorf("%s is %q: it must be one of %q", enum.field, enum.value, enum.allowed)
		}
	}
	if c.mapping != nil && c.encoding != encodingJSON {
		return fmt.Errorf("%s reads JSON: set %s: json", fieldMapping, fieldEncoding)
	}
	if (c.encoding == encodingConfluent) != (c.registry.url != nil) {
		return fmt.Errorf("%s and %s: %s go together", fieldRegistry, fieldEncoding, encodingConfluent)
	}
	switch n := len(c.schemaFiles); {
	case n > 1 && c.encoding == encodingAvro:
		return fmt.Errorf("%s names %d schemas: raw Avro has one writer's schema, since nothing in a record says which", fieldSchemaFiles, n)
	case n > 0 && c.encoding != encodingAvro && c.encoding != encodingSingleObject:
		return fmt.Errorf("%s is for the encodings %s and %s", fieldSchemaFiles, encodingAvro, encodingSingleObject)
	}
	if err := lineproto.CheckMeasurement(c.measurement); err != nil {
		return fmt.Errorf("%s %q: %w", fieldMeasurement, c.measurement, err)
	}
	_, err := c.law()
	return err
}

// law is the stamp law of this configuration.
func (c config) law() (stamp.Law, error) {
	field, r := fieldWindow, c.window
	if c.emit == emitTweets {
		field, r = fieldResolution, c.resolution
	}
	var (
		law stamp.Law
		err error
	)
	if c.identity == identitySource {
		law, err = stamp.NewSource(r)
	} else {
		law, err = stamp.New(r, c.maxPartitions)
	}
	if err != nil {
		return law, fmt.Errorf("%s: %w", field, err)
	}
	return law, nil
}
