// Package usermapping evaluates the Bloblang mapping of a pipeline by Benthos's own
// Bloblang: what it means is the user's rule, and only Benthos says what that is.
// Of the audit this package alone links Benthos, and it uses no code of the
// pipeline: what counts of the result is for package tweetrule to tell.
package usermapping

import (
	"github.com/redpanda-data/benthos/v4/public/bloblang"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

// Input is who gives a mapping its messages, and so which metadata they have.
type Input string

// Inputs.
const (
	// RecordBatch is sentiment_window with message: record_batch, whose records come
	// without their headers.
	RecordBatch Input = "record batch"
	// KafkaBatches renames headers that begin with kafka_.
	KafkaBatches Input = "kafka_batches"
	// With Redpanda and KafkaFranz a header replaces metadata of the same name.
	Redpanda   Input = "redpanda"
	KafkaFranz Input = "kafka_franz"
)

// Mapping is a parsed mapping.
type Mapping struct {
	executor *bloblang.Executor
	input    Input
	unsteady []string
}

// unsteady are functions that give another result at another reading, or in a batch
// that was cut in another way.
var unsteady = []string{
	"batch_index", "batch_size", "counter", "count", "error", "errored", "fake", "ksuid", "nanoid", "now", "random_int",
	"snowflake_id", "timestamp_unix", "timestamp_unix_micro", "timestamp_unix_milli", "timestamp_unix_nano",
	"tracing_id", "tracing_span", "ulid", "uuid_v4", "uuid_v7",
}

// New parses a mapping, which may call whatever the program links. Files that it
// imports are read now.
func New(text string, input Input) (*Mapping, error) {
	env := bloblang.GlobalEnvironment()
	executor, err := env.Parse(text)
	if err != nil {
		return nil, err
	}
	m := &Mapping{executor: executor, input: input}
	for _, name := range unsteady {
		if _, err := env.WithoutFunctions(name).Parse(text); err != nil {
			m.unsteady = append(m.unsteady, name)
		}
	}
	return m, nil
}

// Unsteady names the functions of the mapping that may give another result than
// they gave to the pipeline.
func (m *Mapping) Unsteady() []string { return m.unsteady }

// Map gives what the mapping makes of a record.
func (m *Mapping) Map(r *tweetrule.Record) (any, error) {
	mapped, err := m.message(r).BloblangQuery(m.executor)
	switch {
	case err != nil:
		return nil, err
	case mapped == nil:
		return nil, tweetrule.ErrFiltered
	}
	return mapped.AsStructured()
}
