package pipelineview

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	kafkaTimeout = 3 * time.Second
	// startsAgain is how often the beginnings of partitions are asked for; they
	// count only where a group has not committed.
	startsAgain = 10 * time.Second
	// maxPartitions bounds what is remembered of ends.
	maxPartitions = 1024
	// maxEnds is how many readings of the ends are remembered: so old can a lag be
	// told to be.
	maxEnds = 600
)

// brokers reads a topic's ends and a group's place from Kafka.
type brokers struct {
	name   string // as viewers see it
	client *kgo.Client
	admin  *kadm.Client
	topic  string
	group  string

	starts   map[int32]int64
	startsAt time.Time
	ends     []ends // oldest first
}

// ends are the offsets behind the last records of the partitions at a moment.
type ends struct {
	at      time.Time
	offsets map[int32]int64
}

// logState is what Kafka says at a moment.
type logState struct {
	produced float64 // offsets since the reading before
	lag      float64 // offsets; -1 if no group is known
	seconds  float64 // how long the oldest of them has been there; -1 if not known
	atLeast  bool    // it has been there longer than is remembered
	lags     map[partitionOf]float64
}

func newBrokers(seeds []string, topic, group string) (*brokers, error) {
	if topic == "" {
		return nil, errors.New("reading the lag from Kafka needs the topic")
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(seeds...), kgo.ClientID("brandpulse-dashboard"), kgo.RetryTimeout(kafkaTimeout), kgo.DialTimeout(kafkaTimeout),
		kgo.DisableClientMetrics(), // which would be sent to the brokers
	)
	if err != nil {
		return nil, fmt.Errorf("setting up the client of Kafka: %w", err)
	}
	name := fmt.Sprintf("Kafka at %s, topic %s", strings.Join(seeds, ", "), topic)
	return &brokers{name: name, client: client, admin: kadm.NewClient(client), topic: topic, group: group}, nil
}

func (b *brokers) read(ctx context.Context, now func() time.Time) (logState, error) {
	ctx, cancel := context.WithTimeout(ctx, kafkaTimeout)
	defer cancel()
	// The place of the group first: it is then never beyond the end.
	var committed kadm.OffsetResponses
	if b.group != "" {
		var err error
		// A group that nobody has joined yet has read nothing.
		if committed, err = b.admin.FetchOffsets(ctx, b.group); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return logState{}, fmt.Errorf("fetching the offsets of the group %s from Kafka: %w", b.group, err)
		}
	}
	if time.Since(b.startsAt) > startsAgain {
		starts, err := b.list(ctx, b.admin.ListStartOffsets)
		if err != nil {
			return logState{}, err
		}
		b.starts, b.startsAt = starts, time.Now()
	}
	offsets, err := b.list(ctx, b.admin.ListEndOffsets)
	if err != nil {
		return logState{}, err
	}
	places := map[int32]int64{}
	for partition := range offsets {
		if place, ok := committed.Lookup(b.topic, partition); ok && place.At >= 0 {
			places[partition] = place.At
		} else {
			places[partition] = b.starts[partition]
		}
	}
	state := b.note(ends{at: now(), offsets: offsets}, places)
	if b.group == "" {
		state.lag, state.seconds = -1, -1
	}
	return state, nil
}

func (b *brokers) list(ctx context.Context, ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
	listed, err := ask(ctx, b.topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("fetching the offsets of the topic %s from Kafka: %w", b.topic, err)
	}
	offsets := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if len(offsets) < maxPartitions {
			offsets[o.Partition] = o.Offset
		}
	})
	return offsets, nil
}

// note remembers the ends, and works out what they say of a group's places. A
// record that the group has not committed is as old as the first reading whose
// end lies behind it.
func (b *brokers) note(now ends, places map[int32]int64) (state logState) {
	if n := len(b.ends); n > 0 {
		for partition, end := range now.offsets {
			before, known := b.ends[n-1].offsets[partition]
			if known && end > before { // it falls when a topic is made anew
				state.produced += float64(end - before)
			}
		}
	}
	b.ends = append(b.ends, now)
	if len(b.ends) > maxEnds {
		b.ends = b.ends[1:]
	}
	state.lags = map[partitionOf]float64{}
	for partition, end := range now.offsets {
		behind := end - places[partition]
		state.lags[partitionOf{b.topic, strconv.Itoa(int(partition))}] = float64(max(0, behind))
		if behind <= 0 {
			continue
		}
		state.lag += float64(behind)
		for i, e := range b.ends {
			if e.offsets[partition] > places[partition] {
				state.seconds = max(state.seconds, now.at.Sub(e.at).Seconds())
				state.atLeast = state.atLeast || i == 0
				break
			}
		}
	}
	return state
}

func (b *brokers) close() { b.client.Close() }
