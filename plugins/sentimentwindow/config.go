package sentimentwindow

import (
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
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

	unknownSchemaWait        = "wait"
	unknownSchemaUndecodable = "undecodable"

	messageRecord = "record" // the other is contract.RecordBatch
)

// defaultCoverage is the measurement of coverage points.
const defaultCoverage = "brandpulse_batches"

// coverageResolution is R of coverage points, which does not depend on the window.
const coverageResolution = time.Second

// Bounds of windows, resolutions, partitions and record batches.
const (
	shortestWindow = time.Millisecond
	longestWindow  = 24 * time.Hour
	mostPartitions = 1_000_000
	mostBatchBytes = 1 << 30
)

// config is the checked configuration.
type config struct {
	message       string
	encoding      string
	schemaFiles   []string
	registry      registryConfig
	mapping       *bloblang.Executor // nil: the fields have our names
	bounds        *bounds            // nil: all timestamps count
	emit          string
	window        time.Duration
	resolution    time.Duration
	output        string
	measurement   string
	coverage      string // measurement of the coverage points, or "" for none
	maxPartitions int
	maxBatchBytes int64
	identity      string

	// offsetsPerWindow is the most offsets that a partition may have in one window.
	offsetsPerWindow int64
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
	c.message = str(fieldMessage)
	c.encoding = str(fieldEncoding)
	c.emit = str(fieldEmit)
	c.window = duration(fieldWindow)
	c.resolution = duration(fieldResolution)
	c.output = str(fieldOutput)
	c.measurement = str(fieldMeasurement)
	c.identity = str(fieldIdentity)
	switch {
	case parsed.Contains(fieldCoverage):
		c.coverage = str(fieldCoverage)
		if err == nil && c.message == messageRecord {
			err = errCoverageOfRecords
		}
	case c.message == contract.RecordBatch:
		c.coverage = defaultCoverage
	}
	if err == nil {
		c.maxPartitions, err = parsed.FieldInt(fieldMaxPartitions)
	}
	if err == nil {
		var n int
		n, err = parsed.FieldInt(fieldOffsetsPerWindow)
		c.offsetsPerWindow = int64(n)
	}
	if err == nil {
		c.maxBatchBytes, err = sizeFrom(parsed, fieldMaxBatchBytes)
	}
	if err == nil {
		c.schemaFiles, err = parsed.FieldStringList(fieldSchemaFiles)
	}
	if err == nil && parsed.Contains(fieldMapping) {
		c.mapping, err = parsed.FieldBloblang(fieldMapping)
	}
	if err == nil {
		c.bounds, err = boundsFrom(parsed.Namespace(fieldBounds))
	}
	if err == nil && parsed.Contains(fieldRegistry) {
		c.registry, err = registryConfigFrom(parsed.Namespace(fieldRegistry), c.message)
	}
	if err != nil {
		return config{}, err
	}
	return c, c.check()
}

func sizeFrom(parsed *service.ParsedConfig, field string) (int64, error) {
	text, err := parsed.FieldString(field)
	if err != nil {
		return 0, err
	}
	n, err := lintrule.SizeBytes(field, text, mostBatchBytes)
	return int64(n), err
}

// check repeats the checks of lint, which may have been skipped, and adds those that
// lint cannot do.
func (c config) check() error {
	if err := errors.Join(
		lintrule.CheckEnum(fieldMessage, c.message, messageRecord, contract.RecordBatch),
		lintrule.CheckEnum(fieldEncoding, c.encoding, encodingAvro, encodingSingleObject, encodingConfluent, encodingJSON),
		lintrule.CheckEnum(fieldEmit, c.emit, emitWindows, emitTweets),
		lintrule.CheckEnum(fieldOutput, c.output, outputLines, outputPoints),
		lintrule.CheckEnum(fieldIdentity, c.identity, contract.IdentityTimestamp, contract.IdentitySource),
		lintrule.CheckWholeMillis(fieldWindow, c.window, shortestWindow, longestWindow),
		lintrule.CheckWholeMillis(fieldResolution, c.resolution, shortestWindow, longestWindow),
		lintrule.CheckInt(fieldMaxPartitions, int64(c.maxPartitions), 1, mostPartitions),
	); err != nil {
		return err
	}
	if c.mapping != nil && c.encoding != encodingJSON {
		return fmt.Errorf("%s reads JSON: set %s: json", fieldMapping, fieldEncoding)
	}
	switch registry := c.registry.url != nil; {
	case c.encoding == encodingConfluent && !registry:
		return fmt.Errorf("%s: %s needs %s.%s", fieldEncoding, encodingConfluent, fieldRegistry, fieldRegistryURL)
	case c.encoding != encodingConfluent && registry:
		return fmt.Errorf("%s is for %s: %s", fieldRegistry, fieldEncoding, encodingConfluent)
	}
	switch n := len(c.schemaFiles); {
	case n > 1 && c.encoding == encodingAvro:
		return fmt.Errorf("%s names %d schemas: raw Avro has one writer's schema, since a record does not identify its schema. Name one file", fieldSchemaFiles, n)
	case n > 0 && c.encoding != encodingAvro && c.encoding != encodingSingleObject:
		return fmt.Errorf("%s is for the encodings %s and %s", fieldSchemaFiles, encodingAvro, encodingSingleObject)
	}
	if err := lineproto.CheckMeasurement(c.measurement); err != nil {
		return fmt.Errorf("%s %q: %w", fieldMeasurement, c.measurement, err)
	}
	if c.coverage != "" {
		switch err := lineproto.CheckMeasurement(c.coverage); {
		case err != nil:
			return fmt.Errorf("%s %q: %w", fieldCoverage, c.coverage, err)
		case c.message != contract.RecordBatch:
			return errCoverageOfRecords
		case c.coverage == c.measurement:
			return fmt.Errorf("%s and %s are both %q: they must differ, or a query for counts would find coverage points", fieldCoverage, fieldMeasurement, c.coverage)
		}
	}
	l, err := c.laws()
	if err != nil {
		return err
	}
	return c.checkSlots(l)
}

var errCoverageOfRecords = fmt.Errorf("%s needs %s: %s, since only whole record batches have coverage points", fieldCoverage, fieldMessage, contract.RecordBatch)

// laws are the stamp laws of a configuration.
type laws struct {
	points   stamp.Law
	coverage stamp.Law
}

func (c config) laws() (l laws, err error) {
	law := func(field string, resolution time.Duration) (l stamp.Law) {
		if err != nil {
			return l
		}
		if c.identity == contract.IdentitySource {
			l, err = stamp.NewSource(resolution)
		} else {
			l, err = stamp.New(resolution, c.maxPartitions)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", field, err)
		}
		return l
	}
	l.points = law(c.resolutionField())
	l.coverage = law(fieldMaxPartitions, coverageResolution)
	return l, err
}
