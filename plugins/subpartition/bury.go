package subpartition

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

const (
	firstLetterWait = 100 * time.Millisecond
	lastLetterWait  = 5 * time.Second
)

var letterKeys = letter.Keys{
	Cut: contract.DeadCut, CutFrom: contract.DeadCutFrom,
	Others: []string{
		contract.DeadReason, contract.DeadError, contract.DeadAttempts, contract.SubpartitionKey,
		contract.DeadTopic, contract.DeadTopicID, contract.DeadPartition, contract.DeadOffset,
	},
}

// bury delivers exhausted messages to the output for dead letters. The key of each waits
// until its letter is accepted: later messages must not pass one that is nowhere yet.
func (in *input) bury() {
	for {
		in.mu.Lock()
		batch := in.toBury
		in.toBury = nil
		in.mu.Unlock()
		if len(batch) > 0 && !in.buryAll(batch) {
			return // the input closes; the messages were nacked
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-in.letters:
		case <-in.ctx.Done():
			return
		}
	}
}

func (in *input) buryAll(batch []*message) bool {
	for _, m := range batch {
		in.log.Errorf("A message failed for good and goes to %s: %s, after %d attempts: %s", fieldDeadLetters, place(m), m.Attempts, letter.Clean(m.Err.Error(), nil))
	}
	wait := firstLetterWait
	err := letter.Delivery{
		Output: in.dead,
		Limit:  in.conf.letterBytes,
		Make:   func(i, limit int) *service.Message { return letterOf(batch[i], limit) },
		Failed: func(_ context.Context, letters, _ int, err error) error {
			in.log.Errorf("Writing %d dead letters to %s: %s; retrying in %s. Their keys wait", letters, fieldDeadLetters, letter.Clean(err.Error(), nil), wait)
			if !in.sleep(wait) {
				return in.ctx.Err()
			}
			wait = min(2*wait, lastLetterWait)
			return nil
		},
	}.Deliver(in.ctx, len(batch))
	if err != nil {
		return false
	}
	for _, m := range batch {
		in.metrics.dead.Incr(1, reasonOf(m))
		in.mu.Lock()
		settled := in.sched.Done(m)
		in.mu.Unlock()
		in.settle(settled)
	}
	signal(in.wake)
	signal(in.room)
	return true
}

// reasonOf returns why a message is a dead letter.
func reasonOf(m *message) string {
	if m.Attempts == 0 {
		return contract.ReasonNoKey
	}
	return contract.ReasonExhausted
}

// letterOf returns the dead letter of a message: as it came from the child, with the key,
// the reason and the position.
func letterOf(m *message, limit int) *service.Message {
	about := []letter.Pair{
		{Key: contract.DeadReason, Value: reasonOf(m)},
		{Key: contract.DeadError, Value: letter.Cut(letter.Clean(m.Err.Error(), nil), letter.MaxText)},
		{Key: contract.DeadAttempts, Value: m.Attempts},
	}
	if m.Keyed {
		about = append(about, letter.Pair{Key: contract.SubpartitionKey, Value: letter.Cut(m.Key, letter.MaxText)})
	}
	if p, found, err := contract.PositionOf(m.Value); found && err == nil {
		about = append(about,
			letter.Pair{Key: contract.DeadTopic, Value: p.Topic},
			letter.Pair{Key: contract.DeadPartition, Value: int(p.Partition)},
			letter.Pair{Key: contract.DeadOffset, Value: int(p.Offset)})
		if p.HasID() {
			about = append(about, letter.Pair{Key: contract.DeadTopicID, Value: contract.TopicIDText(p.TopicID)})
		}
	}
	return letterKeys.Make(m.Value, nil, about, limit)
}
