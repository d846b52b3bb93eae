// Package usermapping evaluates the Bloblang mapping of a pipeline with Benthos's own
// Bloblang: the mapping is the user's rule, and Benthos defines its meaning. It is the
// only package of the audit that links Benthos, and it uses no code of the pipeline.
// Package tweetrule decides whether the result counts.
package usermapping

import (
	"github.com/redpanda-data/benthos/v4/public/bloblang"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

// Input is the source of a mapping's messages, which decides their metadata.
type Input string

// Inputs.
const (
	// RecordBatch is sentiment_window with message: record_batch. Its messages have no
	// headers.
	RecordBatch Input = "record batch"
	// KafkaBatches puts header_ before the name of a header that begins with kafka_.
	KafkaBatches Input = "kafka_batches"
	// Redpanda and KafkaFranz let a header replace metadata of the same name.
	Redpanda   Input = "redpanda"
	KafkaFranz Input = "kafka_franz"
)

// Mapping is a parsed mapping.
type Mapping struct {
	executor *bloblang.Executor
	input    Input
	unsteady []string
}

// unsteady are functions whose results can change from one reading to the next, or with
// the batches that messages were delivered in.
var unsteady = []string{
	"batch_index", "batch_size", "counter", "count", "error", "errored", "fake", "ksuid", "nanoid", "now", "random_int",
	"snowflake_id", "timestamp_unix", "timestamp_unix_micro", "timestamp_unix_milli", "timestamp_unix_nano",
	"tracing_id", "tracing_span", "ulid", "uuid_v4", "uuid_v7",
}

// New parses a mapping and the files that it imports. It may call every function that
// the program links.
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

// Unsteady returns the names of the mapping's functions whose results may differ from
// those that the pipeline got.
func (m *Mapping) Unsteady() []string { return m.unsteady }

// Map returns the mapping's result for a record.
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
