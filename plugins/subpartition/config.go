package subpartition

import (
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/childinput"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/perkey"
)

// Values of `on_exhausted`.
const (
	onExhaustedLetter = "dead_letter"
	onExhaustedBlock  = "block"
)

const (
	mostMessages = 10_000_000
	mostBytes    = 1 << 40
	mostAttempts = 1000
	leastBackoff = time.Millisecond
	mostBackoff  = time.Hour
)

const (
	wrongNoLetters = "on_exhausted: dead_letter needs the output dead_letters, where a message goes that has failed max_attempts times; otherwise set on_exhausted: block"
	wrongBackoff   = "backoff must not exceed max_backoff"
)

type config struct {
	perkey.Config

	key         keyMapping
	maxBackoff  time.Duration
	dead        bool
	letterBytes int // of a dead letter
	notes       []string
}

func configFrom(parsed *service.ParsedConfig) (config, error) {
	var c config
	var err error
	if c.key, err = keyFrom(parsed); err != nil {
		return c, err
	}
	var ahead int
	for _, n := range []struct {
		field       string
		value       *int
		least, most int64
	}{
		{fieldMaxConcurrency, &c.Concurrency, 1, mostMessages},
		{fieldBatchSize, &c.BatchSize, 1, mostMessages},
		{fieldMaxMessages, &c.Limits.Messages, 1, mostMessages},
		{fieldMaxAhead, &ahead, 0, 0},
		{fieldMaxAttempts, &c.MaxAttempts, 1, mostAttempts},
		{fieldMaxMessagesPerKey, &c.MaxPerKey, 1, mostMessages},
		{fieldDeadLetterMaxBytes, &c.letterBytes, letter.MinBytes, 0},
	} {
		if *n.value, err = parsed.FieldInt(n.field); err != nil {
			return c, err
		}
		if err := lintrule.CheckInt(n.field, int64(*n.value), n.least, n.most); err != nil {
			return c, err
		}
	}
	c.MaxAhead = int64(ahead)
	text, err := parsed.FieldString(fieldMaxBytes)
	if err != nil {
		return c, err
	}
	bytes, err := lintrule.SizeBytes(fieldMaxBytes, text, mostBytes)
	if err != nil {
		return c, err
	}
	c.Limits.Bytes = int64(bytes)
	if err := c.failures(parsed); err != nil {
		return c, err
	}
	tree, err := parsed.FieldAny(fieldInput)
	if err != nil {
		return c, err
	}
	c.notes, err = childinput.Check(tree, childinput.Rules{Name: Name, Messages: c.Limits.Messages})
	return c, err
}

// failures sets what happens to messages that fail.
func (c *config) failures(parsed *service.ParsedConfig) error {
	first, err := parsed.FieldDuration(fieldBackoff)
	if err != nil {
		return err
	}
	if c.maxBackoff, err = parsed.FieldDuration(fieldMaxBackoff); err != nil {
		return err
	}
	if err := lintrule.CheckDuration(fieldBackoff, first, leastBackoff, mostBackoff); err != nil {
		return err
	}
	if err := lintrule.CheckDuration(fieldMaxBackoff, c.maxBackoff, leastBackoff, mostBackoff); err != nil {
		return err
	}
	if first > c.maxBackoff {
		return fmt.Errorf("%s: %s is %s, %s is %s", wrongBackoff, fieldBackoff, first, fieldMaxBackoff, c.maxBackoff)
	}
	c.Backoff = doubling(first, c.maxBackoff)
	exhausted, err := parsed.FieldString(fieldOnExhausted)
	if err != nil {
		return err
	}
	if err := lintrule.CheckEnum(fieldOnExhausted, exhausted, onExhaustedLetter, onExhaustedBlock); err != nil {
		return err
	}
	c.Block = exhausted == onExhaustedBlock
	c.dead = parsed.Contains(fieldDeadLetters)
	if !c.Block && !c.dead {
		return errors.New(wrongNoLetters)
	}
	return nil
}

// doubling returns a back-off that doubles with each failure.
func doubling(first, most time.Duration) func(failures int) time.Duration {
	return func(failures int) time.Duration {
		d := first
		for n := 1; n < failures && d < most; n++ {
			d *= 2
		}
		return min(d, most)
	}
}
