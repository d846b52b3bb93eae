package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/fix"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/letterlog"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/linewrite"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// settler settles the selected letters of a topic.
type settler struct {
	topic     *dlqTopic
	what      settling
	filter    *deadletter.Filter
	max, rate int64
	why       string

	fix        *fix.Mapping      // nil: records are written as they were
	maxReplays int64             // a letter with as many is parked; 0: no limit
	parking    string            // the topic of parked letters
	points     *linewrite.Writer // where rejected points are written; nil: nowhere

	// unsettled returns the mark of a point whose letter is not settled.
	unsettled func(key string) (marks.Mark, bool)

	settler      *settle.Settler
	topics       kadm.TopicDetails         // of Kafka
	origins      map[string]*letterlog.Log // topics from which whole records are read; nil: unreadable
	decompressor *recordbatch.Decompressor
	batch        []settle.Item
	lines        []pointItem     // to write to InfluxDB, by a protocol of their own
	pending      map[string]bool // keys in batch and lines
	bytes        int             // of the records in batch
	lineBytes    int             // in lines
	settled      int64
	refused      int64  // points that InfluxDB rejected again
	refusal      string // of the first of them
	begun        time.Time
}

func (s *settler) run(ctx context.Context) (settled int64, err error) {
	s.pending, s.begun = map[string]bool{}, time.Now()
	s.unsettled = s.settler.Unsettled
	err = s.topic.Each(ctx, func(r deadletter.Record) error {
		l := s.topic.read(r)
		key := marks.Key(&l, s.topic.ID())
		s.settler.See(key)
		if !s.filter.Selects(&l) || s.max > 0 && s.taken() >= s.max || s.settler.Has(key) || s.pending[key] {
			return nil
		}
		return s.take(ctx, key, &l)
	})
	if err == nil {
		err = s.flush(ctx)
	}
	if err == nil {
		err = s.flushLines(ctx)
	}
	if err == nil {
		_, err = s.settler.Prune(ctx, s.topic.options)
	}
	return s.settled, err
}

// taken is the number of letters that are settled or about to be.
func (s *settler) taken() int64 {
	return s.settled + s.refused + int64(len(s.batch)+len(s.lines))
}

// take adds a letter to those that are settled next.
func (s *settler) take(ctx context.Context, key string, l *deadletter.Letter) error {
	item := settle.Item{Key: key, Mark: marks.Mark{
		Outcome: marks.Dropped, Letter: deadletter.Position{Partition: l.Partition, Offset: l.Offset}.String(), Why: s.why, At: time.Now().UnixMilli(),
	}}
	s.describe(&item.Mark, key, l)
	if s.what == replaying {
		r, err := s.remedy(ctx, l)
		if err != nil || r.why != "" {
			return err
		}
		if r.line != nil {
			return s.takeLine(ctx, item, &r)
		}
		if err := s.write(ctx, &item, l, &r); err != nil {
			return err
		}
	}
	s.batch, s.pending[key] = append(s.batch, item), true
	if len(s.batch) >= s.batchSize() || s.bytes >= maxSettledBytes {
		return s.flush(ctx)
	}
	return nil
}

// write adds the records of a letter to its item: those to replay, or the letter itself
// to park.
func (s *settler) write(ctx context.Context, item *settle.Item, l *deadletter.Letter, r *remedy) error {
	if r.parked {
		if err := s.settler.CreateParking(ctx, s.parking); err != nil {
			return err
		}
		letter := l.Record.Clone()
		item.Records, item.Mark.Outcome = []*kgo.Record{kafkaRecord(s.parking, l.Partition, &letter)}, marks.Parked
	} else {
		item.Records, item.Mark.Outcome = r.kafka(l.Origin), marks.Replayed
	}
	for _, record := range item.Records {
		s.bytes += recordOverhead + len(record.Key) + len(record.Value)
	}
	return nil
}

// recordOverhead is about the memory of a record besides its bytes.
const recordOverhead = 300

// batchSize is the number of letters of a transaction: with a rate, four a second.
func (s *settler) batchSize() int {
	if s.rate > 0 {
		return int(min(max(s.rate/4, 1), settle.MaxLetters))
	}
	return settle.MaxLetters
}

// flush settles the batch. It waits for the rate before the transaction, so that none is
// open meanwhile.
func (s *settler) flush(ctx context.Context) error {
	if len(s.batch) == 0 {
		return nil
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	if err := s.settler.Settle(ctx, s.batch); err != nil {
		return err
	}
	s.settled += int64(len(s.batch))
	for i := range s.batch {
		delete(s.pending, s.batch[i].Key)
	}
	s.batch, s.bytes = s.batch[:0], 0
	return nil
}

// pace waits until the letters that were settled take no more than the rate.
func (s *settler) pace(ctx context.Context) error {
	if s.rate == 0 {
		return nil
	}
	due := s.begun.Add(time.Duration(float64(s.settled+s.refused) / float64(s.rate) * float64(time.Second)))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(due)):
		return nil
	}
}

func (s *settler) close() {
	for _, log := range s.origins {
		if log != nil {
			log.Close()
		}
	}
	if s.points != nil {
		s.points.Close()
	}
	if s.settler != nil {
		s.settler.Close()
	}
}
