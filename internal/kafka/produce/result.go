package produce

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// result is what became of a request.
type result struct {
	resp    *kmsg.ProduceResponse
	err     error
	took    time.Duration
	written bool // it may have reached the broker
}

type answerKey struct {
	topic string
	id    [16]byte
	index int32
}

var errNoAnswer = errors.New("the broker's response has nothing for the partition")

// take applies the result of a request to each batch in it.
func (p *Producer) take(claims []claim, r result) {
	var answers map[answerKey]*kmsg.ProduceResponseTopicPartition
	if r.resp != nil && p.conf.Acks != 0 {
		answers = make(map[answerKey]*kmsg.ProduceResponseTopicPartition, len(claims))
		for i := range r.resp.Topics {
			t := &r.resp.Topics[i]
			for j := range t.Partitions {
				answers[answerKey{t.Topic, t.TopicID, t.Partitions[j].Partition}] = &t.Partitions[j]
			}
		}
	}
	var records, batches int
	var plain, sent int64
	for i := range claims {
		c := &claims[i]
		v := p.verdict(c, answers, r)
		if v.action == acknowledged {
			records += int(c.batch.records)
			batches++
			plain += int64(c.batch.plain)
			sent += int64(len(c.bytes))
		}
		c.partition.take(c.batch, v, r.written)
	}
	if r.err == nil {
		p.conf.Observer.Sent(records, batches, plain, sent, r.took)
	}
}

func (p *Producer) verdict(c *claim, answers map[answerKey]*kmsg.ProduceResponseTopicPartition, r result) verdict {
	if r.err != nil {
		return verdict{action: again, kind: kindOf(r.err), err: r.err}
	}
	if p.conf.Acks == 0 {
		return verdict{action: acknowledged}
	}
	// A response has the name or the id, as its version has it.
	name, index := c.partition.topic.name, c.partition.index
	for _, key := range []answerKey{{name, [16]byte{}, index}, {"", c.topicID, index}, {name, c.topicID, index}} {
		if a := answers[key]; a != nil {
			return verdictOf(a, c.batch)
		}
	}
	return verdict{action: again, kind: "no_answer", err: errNoAnswer}
}

// take applies a verdict to the batch in flight.
func (p *partition) take(b *batch, v verdict, written bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.action == again && p.producer.ctx.Err() != nil {
		return // it stays in flight: the client may still read its bytes
	}
	p.inFlight = false
	observer := p.producer.conf.Observer
	if !written {
		b.sent-- // the broker cannot have it
		b.withdrawn = b.sent == 0 && !b.complete()
	}
	switch v.action {
	case acknowledged:
		p.failures = 0
		b.acknowledge()
	case refused:
		p.failures = 0
		b.refuse(p.refusal(v))
	case without:
		p.failures, b.sent = 0, 0 // nothing of it is stored
		for i := range v.records {
			v.records[i].err = p.refusal(verdict{kind: v.kind, err: v.records[i].err})
		}
		b.refuseRecords(v.records)
	case halved:
		p.failures, b.sent, b.halve = 0, 0, true
		observer.Retrying(v.kind, fmt.Errorf("sending %d records to partition %d of the topic %s in halves: %w", b.records, p.index, p.topic.name, v.err))
	case again:
		if gone := p.topic.gone.Load(); gone != nil {
			b.refuse(*gone)
			break
		}
		b.verify = v.suspect && !b.verified
		if !v.corrupt {
			b.corrupt = 0
		} else if b.corrupt++; b.corrupt >= maxCorrupt {
			b.refuse(p.refusal(v))
			break
		}
		observer.Retrying(v.kind, fmt.Errorf("sending %d records to partition %d of the topic %s: %w", b.records, p.index, p.topic.name, v.err))
		p.backOff()
		p.producer.refresh()
	}
	p.sweep()
	p.advance()
}

func (p *partition) refusal(v verdict) error {
	return &RefusedError{Kind: v.kind, Topic: p.topic.name, Partition: p.index, text: fmt.Sprintf("Kafka refused the record for partition %d of the topic %s: %v", p.index, p.topic.name, v.err)}
}
