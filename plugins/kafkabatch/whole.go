//go:build !mutant_partial_block

package kafkabatch

import "github.com/redpanda-data/benthos/v4/public/service"

// hand gives what is handed on of a batch, always the whole of it, and what is to
// be called with the answer.
func (s *session) hand(b *batch) (service.MessageBatch, service.AckFunc, error) {
	messages, err := b.messages(s.conf.emit)
	return messages, s.ackFunc(b), err
}
