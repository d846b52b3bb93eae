package kafkabatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// writing is a batch of messages on its way to Kafka. The bytes of messages are only read:
// retries and other outputs share them.
type writing struct {
	output   *output
	producer *kproduce.Producer
	batch    service.MessageBatch
	now      int64

	topic, number, key, timestamp *filled // nil if not set
	to                            place   // of the message at hand
	call                          atomic.Pointer[kproduce.Call]
	headers                       recordbatch.RecordHeaders // of the record at hand
	left                          map[int][][]byte          // of record batches that were refused in part
	sticky                        sticky
}

func newWriting(o *output, p *kproduce.Producer, batch service.MessageBatch) *writing {
	w := &writing{output: o, producer: p, batch: batch, now: time.Now().UnixMilli()}
	w.topic, w.number = o.conf.topic.of(batch), o.conf.number.of(batch)
	w.key, w.timestamp = o.conf.key.of(batch), o.conf.timestamp.of(batch)
	w.sticky.limit = o.conf.produce.MaxBatchBytes
	w.sticky.large = o.conf.partition != partitionExplicit && w.exceeds(w.sticky.limit/2)
	return w
}

// exceeds reports whether the messages have more bytes than a limit.
func (w *writing) exceeds(limit int) bool {
	size := 0
	for _, m := range w.batch {
		if content, err := m.AsBytes(); err == nil {
			size += len(content)
		}
		if size > limit {
			return true
		}
	}
	return false
}

// place is where a message goes, as far as it is known.
type place struct {
	topic     string // or empty
	partition int32  // or -1
}

// unusable is why a message cannot be a record.
type unusable struct {
	reason string
	place
	err error
}

func (u *unusable) Error() string { return u.err.Error() }

// isRefusal reports whether an error is that of a message, whatever the others are.
func isRefusal(err error) bool {
	_, refused := errors.AsType[*kproduce.RefusedError](err)
	_, unusable := errors.AsType[*unusable](err)
	return refused || unusable
}

func (w *writing) unusable(reason string, err error) error { return &unusable{reason, w.to, err} }

// write writes the messages, or only some of them, and returns those that are refused, in
// their order. On an error, others may have been stored.
func (w *writing) write(ctx context.Context, only []int) ([]kproduce.Refusal, error) {
	call := w.producer.Begin()
	w.call.Store(call)
	messages := len(w.batch)
	if only != nil {
		messages = len(only)
	}
	var refusals []kproduce.Refusal
	var failed error
	for i := 0; i < messages && failed == nil; i++ {
		message := i
		if only != nil {
			message = only[i]
		}
		switch err := w.add(ctx, call, message); {
		case err == nil:
		case isRefusal(err):
			refusals = append(refusals, kproduce.Refusal{Message: message, Err: err})
		default:
			failed = err
		}
	}
	if failed != nil {
		// Its context has ended, or the producer is closed.
		ended, end := context.WithCancelCause(ctx)
		end(failed)
		ctx = ended
	}
	more, err := call.Wait(ctx)
	if failed != nil && err == nil {
		err = failed
	}
	refusals = append(refusals, more...)
	slices.SortFunc(refusals, func(a, b kproduce.Refusal) int { return cmp.Compare(a.Message, b.Message) })
	return refusals, err
}

// stored reports whether Kafka has acknowledged any record.
func (w *writing) stored() bool {
	call := w.call.Load()
	return call != nil && call.Stored()
}

func (w *writing) add(ctx context.Context, call *kproduce.Call, i int) error {
	w.to = place{w.output.conf.staticTopic, -1}
	content, err := w.batch[i].AsBytes()
	if err != nil {
		return w.unusable("message", fmt.Errorf("reading the message: %w", err))
	}
	if w.to.topic == "" {
		name, err := w.topic.bytes(i)
		if err != nil {
			return w.unusable(fieldTopic, err)
		}
		w.to.topic = string(name)
	}
	topic, err := call.Topic(ctx, w.to.topic)
	if err != nil {
		return err
	}
	if w.output.conf.whole {
		return w.addBatch(call, topic, i, content)
	}
	if n, found := w.batch[i].MetaGetMut(contract.KafkaBatchRecords); found {
		_, genuine := n.(int)
		// A record batch that was rejected must find a place as it is.
		_, rejected := w.batch[i].MetaGetMut(contract.RefusedReason)
		if genuine && !rejected {
			return w.unusable("record_batch", fmt.Errorf("the message is a record batch of %v records: set %s: %s to write it as it is, or emit: records in the input", n, fieldMessage, contract.RecordBatch))
		}
	}
	rec := recordbatch.Record{Value: content}
	if err := w.fill(&rec, i); err != nil {
		return err
	}
	at, err := w.partition(topic, i, rec.Key, recordbatch.MaxRecordSize(len(rec.Key), len(content), len(rec.Headers)))
	if err != nil {
		return err
	}
	call.Add(topic, at, i, &rec)
	return nil
}

func (w *writing) addBatch(call *kproduce.Call, topic *kproduce.Topic, i int, content []byte) error {
	if p, found, err := contract.PositionOf(w.batch[i]); found && err == nil && p.HasID() && p.TopicID == topic.ID() {
		return w.unusable(fieldTopic, fmt.Errorf("the record batch comes from the topic %s itself (partition %d, offset %d), which would grow forever: set %s to another one", topic.Name(), p.Partition, p.Offset, fieldTopic))
	}
	at, err := w.partition(topic, i, nil, len(content))
	if err != nil {
		return err
	}
	switch left := w.left[i]; {
	case left != nil:
		err = call.AddLeft(topic, at, i, left)
	case contract.IsSealed(w.batch[i].Context(), content):
		err = call.AddSealed(topic, at, i, content)
	default:
		err = call.AddBatch(topic, at, i, content)
	}
	if err != nil {
		w.to.partition = at
		return w.unusable("batch", fmt.Errorf("the message is not one record batch that can be written: %w", err))
	}
	return nil
}

// fill sets key, time and headers.
func (w *writing) fill(rec *recordbatch.Record, i int) (err error) {
	if w.key != nil {
		if rec.Key, err = w.key.optional(i); err != nil {
			return w.unusable(fieldKey, err)
		}
		if len(rec.Key) == 0 {
			rec.Key = nil
		}
	}
	if rec.Value == nil {
		rec.Value = []byte{}
	}
	if empty, _ := w.batch[i].MetaGetMut(contract.KafkaTombstone); empty == true && len(rec.Value) == 0 {
		rec.Value = nil
	}
	rec.Timestamp = w.now
	if w.timestamp != nil {
		if rec.Timestamp, err = w.timestamp.number(i, 64); err != nil {
			return w.unusable(fieldTimestamp, err)
		}
	}
	if filter := w.output.conf.headers; filter != nil {
		w.headers = w.headers[:0]
		_ = filter.Walk(w.batch[i], func(key, value string) error { // the function has no error
			w.headers = w.headers.Append(key, []byte(value))
			return nil
		})
		rec.Headers = w.headers
	}
	return nil
}

func (w *writing) partition(topic *kproduce.Topic, i int, key []byte, size int) (int32, error) {
	switch strategy := w.output.conf.partition; {
	case strategy == partitionExplicit:
		number, err := w.number.number(i, 32)
		if err != nil {
			return 0, w.unusable(fieldPartition, err)
		}
		return int32(number), nil
	case strategy != partitionSticky && key != nil:
		return byKey(strategy, key, topic.Partitions()), nil
	case w.output.conf.whole:
		return topic.Next(), nil // nothing joins it
	default:
		return w.sticky.next(topic, size), nil
	}
}
