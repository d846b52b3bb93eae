package subpartition

import (
	_ "embed"
	"sync"

	// The lint rules use functions of it, and a build without them would find
	// fault with every configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

const (
	fieldKey                = "key"
	fieldInput              = "input"
	fieldMaxConcurrency     = "max_concurrency"
	fieldBatchSize          = "batch_size"
	fieldMaxMessages        = "max_messages"
	fieldMaxBytes           = "max_bytes"
	fieldMaxAhead           = "max_ahead"
	fieldMaxAttempts        = "max_attempts"
	fieldBackoff            = "backoff"
	fieldMaxBackoff         = "max_backoff"
	fieldOnExhausted        = "on_exhausted"
	fieldMaxMessagesPerKey  = "max_messages_per_key"
	fieldDeadLetters        = "dead_letters"
	fieldDeadLetterMaxBytes = "dead_letter_max_bytes"
)

//go:embed description.md
var description string

//go:embed examples/updates.yaml
var updatesExample string

// spec is built once, since parsing its lint rules takes tens of milliseconds.
var spec = sync.OnceValue(func() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version(version).
		Categories("Services", "Utility").
		Summary("Delivers the messages of each key in order, and those of different keys at the same time, whatever the number of partitions.").
		Description(declared.Manual(description)).
		Fields(orderFields()...).
		Fields(failureFields()...).
		LintRule(`let first = this.backoff.or("100ms").parse_duration().catch(0)
root = match {
  this.on_exhausted.or("dead_letter") == "dead_letter" && !this.exists("dead_letters") => [ "`+wrongNoLetters+`" ],
  $first > this.max_backoff.or("10s").parse_duration().catch(9223372036854775807) => [ "`+wrongBackoff+`" ],
}`).
		Example("Updates of users", "Updates of one user are written in order, those of 64 users at the same time. An update that fails five times becomes a dead letter, and the user's later updates continue.", updatesExample)
})

func orderFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewBloblangField(fieldKey).
			Description("A mapping to the key of a message: a text, bytes, a number or a boolean. Messages with the same text as key are delivered one after the other. With null, an empty text, `deleted()` or no result a message has no key, and is delivered without an order: neither after another message without a key nor before it.").
			Examples(`root = @kafka_key`, `root = this.user.id`),
		service.NewInputField(fieldInput).
			Description("The input to read: `redpanda`, `kafka_franz` or `kafka_batches`, see Child inputs."),
		service.NewIntField(fieldMaxConcurrency).
			Description("Messages in flight at the same time, each of another key. The pipeline needs as many threads, and the output as many requests, to process so many.").
			Default(64).
			LintRule(lintrule.Int(fieldMaxConcurrency, 1, mostMessages)),
		service.NewIntField(fieldBatchSize).
			Description("Messages of a batch at most, each of another key. More than 1 is for outputs that write a batch as one request. The keys of a batch wait for each other. A batch takes what is ready, and waits for nothing.").
			Default(1).
			LintRule(lintrule.Int(fieldBatchSize, 1, mostMessages)),
		service.NewIntField(fieldMaxMessages).
			Description("Messages held by this process. Then reading stops until some are done. One batch of the child may exceed it.").
			Default(10_000).
			LintRule(lintrule.Int(fieldMaxMessages, 1, mostMessages)),
		service.NewStringField(fieldMaxBytes).
			Description("Bytes held by this process: contents, keys and metadata, and about 900 bytes for the objects of each message. One batch of the child may exceed it.").
			Default("64MiB").
			LintRule(lintrule.Size(fieldMaxBytes, mostBytes)),
		service.NewIntField(fieldMaxAhead).
			Description("How many messages of its partition a message may be beyond the first batch that is not acknowledged. It bounds how much a crash replays while a key is slow or blocked. 0 is unlimited.").
			Default(100_000).
			Advanced().
			LintRule(lintrule.Int(fieldMaxAhead, 0, 0)),
	}
}

func failureFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewIntField(fieldMaxAttempts).
			Description("How often a message may fail when it is delivered alone. The failure of a batch of several messages counts for none of them, since it does not say which is at fault.").
			Default(5).
			LintRule(lintrule.Int(fieldMaxAttempts, 1, mostAttempts)),
		service.NewDurationField(fieldBackoff).
			Description("How long a key waits after a failure, doubled with each further one.").
			Default("100ms").
			LintRule(lintrule.Duration(fieldBackoff, leastBackoff, mostBackoff)),
		service.NewDurationField(fieldMaxBackoff).
			Description("The longest wait after a failure.").
			Default("10s").
			LintRule(lintrule.Duration(fieldMaxBackoff, leastBackoff, mostBackoff)),
		service.NewStringAnnotatedEnumField(fieldOnExhausted, map[string]string{
			onExhaustedLetter: "It goes to `dead_letters`, and its key continues.",
			onExhaustedBlock:  "It is retried every `max_backoff`, and its key waits. When the key holds `max_messages_per_key`, nothing is read until it succeeds.",
		}).
			Description("What becomes of a message that has failed `max_attempts` times.").
			Default(onExhaustedLetter).
			LintRule(lintrule.Enum(fieldOnExhausted, onExhaustedLetter, onExhaustedBlock)),
		service.NewIntField(fieldMaxMessagesPerKey).
			Description("Messages that a blocked key may hold, with `on_exhausted: block`.").
			Default(1000).
			LintRule(lintrule.Int(fieldMaxMessagesPerKey, 1, mostMessages)),
		service.NewOutputField(fieldDeadLetters).
			Description("Output for messages that have failed `max_attempts` times, and for those whose `key` fails. A letter is delivered until it is accepted; its key waits for that.").
			Optional(),
		service.NewIntField(fieldDeadLetterMaxBytes).
			Description("Maximum size in bytes of a dead letter, including metadata. A longer one is truncated and marked as such.").
			Default(letter.DefaultBytes).
			Advanced().
			LintRule(lintrule.Int(fieldDeadLetterMaxBytes, letter.MinBytes, 0)),
	}
}
