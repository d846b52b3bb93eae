package oracle

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Letter is a dead letter.
type Letter struct {
	Reason, Topic string
	Partition     int32
	Offset        int64
	// CutFrom is the length of a value that was truncated for its letter; 0 if Value is
	// complete.
	CutFrom int
	Value   []byte
}

// ReadLetters reads a topic of dead letters from its start to its end.
func ReadLetters(ctx context.Context, brokers []string, topic string) ([]Letter, error) {
	var letters []Letter
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))
	if err != nil {
		return nil, fmt.Errorf("creating a Kafka client: %w", err)
	}
	defer client.Close()
	ends, err := remaining(ctx, client, topic)
	if err != nil {
		return nil, fmt.Errorf("reading the end of the topic %s: %w", topic, err)
	}
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading the topic %s: %w", topic, err)
		}
		for record := range fetches.RecordsAll() {
			letter, err := letterOf(record)
			if err != nil {
				return nil, err
			}
			letters = append(letters, letter)
			if record.Offset == ends[record.Partition]-1 {
				delete(ends, record.Partition)
			}
		}
	}
	return letters, nil
}

func letterOf(r *kgo.Record) (Letter, error) {
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	partition, err := strconv.ParseInt(headers["dead_partition"], 10, 32)
	if err != nil {
		return Letter{}, fmt.Errorf("a dead letter has no partition: %v", headers)
	}
	offset, err := strconv.ParseInt(headers["dead_offset"], 10, 64)
	if err != nil {
		return Letter{}, fmt.Errorf("a dead letter has no offset: %v", headers)
	}
	var cutFrom int
	if text, cut := headers["dead_cut_from"]; cut {
		if cutFrom, err = strconv.Atoi(text); err != nil {
			return Letter{}, fmt.Errorf("a dead letter was cut from %q: %v", text, headers)
		}
	}
	return Letter{headers["dead_reason"], headers["dead_topic"], int32(partition), offset, cutFrom, bytes.Clone(r.Value)}, nil
}

// of reports whether the letter may have the value of a record, as far as a truncated
// one shows.
func (l Letter) of(value []byte) bool {
	if l.CutFrom == 0 {
		return bytes.Equal(value, l.Value)
	}
	return l.CutFrom == len(value) && len(l.Value) >= lettersHold && bytes.HasPrefix(value, l.Value)
}

// lettersHold is the least number of bytes of a value in a letter.
const lettersHold = 1_000_000

// LettersOf returns an error unless each undecodable record of the topic has a letter
// with its value, and each letter has such a record. repeated is the number of letters
// that exist more than once, which is allowed.
func LettersOf(letters []Letter, name string, topic *Topic) (repeated int, err error) {
	type place struct {
		partition int32
		offset    int64
	}
	want, seen := map[place][]byte{}, map[place]bool{}
	for _, u := range topic.Undecodable {
		want[place{u.Partition, u.Offset}] = u.Value
	}
	for _, l := range letters {
		at := place{l.Partition, l.Offset}
		value, ok := want[at]
		if !ok || l.Topic != name || l.Reason != "undecodable" || !l.of(value) {
			return 0, fmt.Errorf("a dead letter without an undecodable record: %+v", l)
		}
		if seen[at] {
			repeated++
		}
		seen[at] = true
	}
	for at := range want {
		if !seen[at] {
			return 0, fmt.Errorf("%d of %d undecodable records have a dead letter, but partition %d, offset %d has none", len(seen), len(want), at.partition, at.offset)
		}
	}
	return repeated, nil
}
