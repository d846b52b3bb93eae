package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/fix"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/letterlog"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/line"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// remedy is what becomes of a letter that is replayed.
type remedy struct {
	records []deadletter.Record // to write to the topic of the letter's origin
	before  []deadletter.Record // the same before --fix; nil without it
	line    *line.Point         // of the only record, which is written to InfluxDB; nil: to Kafka
	parked  bool                // the letter was replayed often enough
	why     string              // it is not replayed, and this is why
	detail  string              // of why, for this letter
}

func notReplayed(why string, err error) remedy { return remedy{why: why, detail: err.Error()} }

// Reasons why letters are not replayed.
const (
	whyNoInflux = "points that InfluxDB rejected are written to a bucket. Name it with --" + flagPipeline + ", or --" + flagInfluxURL + " and --" + flagInfluxBucket
	whyCutPoint = "it is part of a point, which was cut for its size"
	whyNoLine   = "it is not one line with a time, which InfluxDB could accept. Change it with --" + flagFix
	whyNoTopic  = "the topic of its record is not known"
	whyAbsent   = "the topic of its record does not exist, or this user may not see it"
	whyGone     = "it was cut or does not say its key and headers, and its record is no longer retained"
	whyDamaged  = "its record batch cannot be decoded"
	whyMany     = "its record batch has too many records"
	whyNotFixed = "the mapping of --" + flagFix + " fails"
	whyDeleted  = "the mapping of --" + flagFix + " deletes it, or a record of its batch: dlq drop settles letters without replaying them"
)

// maxBatchRecords and maxBatchBytes bound a record batch that is replayed, which is
// written in one transaction.
const (
	maxBatchRecords = 100_000
	maxBatchBytes   = 64 << 20
)

// remedy returns what becomes of a letter.
func (s *settler) remedy(ctx context.Context, l *deadletter.Letter) (r remedy, err error) {
	switch {
	case marks.IsPoint(l):
		return s.pointOf(l)
	case l.Origin.Topic == "":
		return remedy{why: whyNoTopic}, nil
	}
	if exists, err := s.exists(ctx, l.Origin.Topic); err != nil || !exists {
		return remedy{why: whyAbsent, detail: l.Origin.Topic}, err
	}
	switch {
	case l.Origin.LastOffset != deadletter.Unknown:
		r, err = s.batchOf(ctx, l)
	default:
		r, err = s.recordOf(ctx, l)
	}
	if err != nil || r.why != "" {
		return r, err
	}
	if s.maxReplays > 0 {
		for i := range r.records {
			if r.records[i].Replays() >= s.maxReplays {
				return remedy{parked: true}, nil
			}
		}
	}
	return s.fixed(r), nil
}

// exists reports whether Kafka has a topic. A record for one that it does not have would
// end the replay of all others.
func (s *settler) exists(ctx context.Context, topic string) (bool, error) {
	if s.topics == nil {
		client, err := kgo.NewClient(s.topic.options...)
		if err != nil {
			return false, fmt.Errorf("creating a Kafka client: %w", err)
		}
		defer client.Close()
		if s.topics, err = kadm.NewClient(client).ListTopics(ctx); err != nil {
			return false, fmt.Errorf("listing the topics of Kafka: %w", err)
		}
	}
	return s.topics.Has(topic), nil
}

// fixed applies --fix.
func (s *settler) fixed(r remedy) remedy {
	if s.fix == nil {
		return r
	}
	r.before = r.records
	r.records = make([]deadletter.Record, len(r.before))
	for i := range r.before {
		changed, kept, err := s.fix.Apply(r.before[i])
		switch {
		case err != nil:
			return notReplayed(whyNotFixed, err)
		case !kept:
			return remedy{why: whyDeleted}
		}
		r.records[i] = changed
	}
	return r
}

// difference returns the lines that show what --fix changes, and none if it changes
// nothing. Of a record batch it is the first record that changes.
func (r *remedy) difference() (lines []string) {
	changed := 0
	for i := range r.before {
		diff := fix.Diff(r.before[i], r.records[i])
		if len(diff) == 0 {
			continue
		}
		if changed++; changed == 1 {
			lines = diff
		}
	}
	if changed > 1 {
		lines = append(lines, fmt.Sprintf("and %s more of the records of its batch", thousands(int64(changed-1))))
	}
	return lines
}

// kafka returns the records as they are written, with the number of replays in a header.
func (r *remedy) kafka(o deadletter.Origin) (records []*kgo.Record) {
	for i := range r.records {
		counted := r.records[i].Replayed()
		records = append(records, kafkaRecord(o.Topic, o.Partition, &counted))
	}
	return records
}

func kafkaRecord(topic string, partition int32, r *deadletter.Record) *kgo.Record {
	record := &kgo.Record{Topic: topic, Partition: partition, Key: r.Key, Value: r.Value}
	if partition == deadletter.Unknown {
		record.Partition = math.MaxInt32 // none has it: the key decides
	}
	if r.Timestamp >= 0 {
		record.Timestamp = time.UnixMilli(r.Timestamp)
	}
	for _, h := range r.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
	}
	return record
}

// recordOf returns the record of a letter.
func (s *settler) recordOf(ctx context.Context, l *deadletter.Letter) (r remedy, err error) {
	original := l.Original()
	if l.CutFrom == 0 && original.KeyKnown && original.HeadersKnown {
		record := deadletter.Record{Timestamp: original.Timestamp, Key: original.Key, Value: l.Value, Headers: original.Headers}
		return remedy{records: []deadletter.Record{record.Clone()}}, nil
	}
	return s.whole(ctx, l.Origin, l.Origin.Offset)
}

// batchOf returns the records of a letter of a record batch.
func (s *settler) batchOf(ctx context.Context, l *deadletter.Letter) (r remedy, err error) {
	if l.CutFrom > 0 {
		return s.whole(ctx, l.Origin, l.Origin.LastOffset)
	}
	if s.decompressor == nil {
		s.decompressor = recordbatch.NewDecompressor(maxBatchBytes)
	}
	records, err := s.decompressor.CheckingReader(l.Value)
	if err != nil {
		return notReplayed(whyDamaged, err), nil
	}
	var read recordbatch.Record
	for records.Next(&read) {
		if len(r.records) == maxBatchRecords {
			return remedy{why: whyMany}, nil
		}
		record := deadletter.Record{Timestamp: read.Timestamp, Key: read.Key, Value: read.Value}
		for name, value := range read.Headers.All() {
			record.Headers = append(record.Headers, deadletter.Header{Name: string(name), Value: value})
		}
		r.records = append(r.records, record.Clone())
	}
	if err := records.Err(); err != nil {
		return notReplayed(whyDamaged, err), nil
	}
	return r, nil
}

var errManyRecords = errors.New("too many records")

// whole reads the records of a letter from its own topic, up to the one at last, if that
// still is the topic with its id and retains them.
func (s *settler) whole(ctx context.Context, o deadletter.Origin, last int64) (r remedy, err error) {
	gone := remedy{why: whyGone}
	if !o.Known() || o.TopicID == [16]byte{} {
		return gone, nil
	}
	log, opened := s.origins[o.Topic]
	if !opened {
		log, err = letterlog.Open(ctx, s.topic.options, o.Topic)
		absent := errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.TopicAuthorizationFailed)
		if err != nil && !absent { // whether Kafka retains the record is not known
			return r, err
		}
		if s.origins == nil {
			s.origins = map[string]*letterlog.Log{}
		}
		s.origins[o.Topic] = log
	}
	if log == nil || log.ID() != o.TopicID {
		return gone, nil
	}
	found, err := log.Some(ctx, o.Partition, o.Offset, last, func(record deadletter.Record) error {
		if len(r.records) == maxBatchRecords {
			return errManyRecords
		}
		r.records = append(r.records, record.Clone())
		return nil
	})
	switch {
	case errors.Is(err, errManyRecords):
		return remedy{why: whyMany}, nil
	case err != nil:
		return r, err
	case !found || len(r.records) == 0:
		return gone, nil
	}
	return r, nil
}
