package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	protocol "github.com/influxdata/line-protocol"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
)

// maxRefused bounds how many refused points are held.
const maxRefused = 1_000_000

const (
	headerReason   = "dead_reason"
	headerTopic    = "dead_topic"
	reasonRejected = "rejected"
)

// Letters reads the points that InfluxDB has refused from a topic of dead
// letters: those with the header dead_reason=rejected that name the topic, as
// lines of line protocol. A topic that does not exist has none.
func Letters(opts []kgo.Opt, dead, topic, measurement string) Refused {
	return func(ctx context.Context) ([]influxread.Point, error) {
		// The last record may be a transaction's marker.
		client, err := kgo.NewClient(append(slices.Clone(opts), kgo.KeepControlRecords())...)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		ends, starts, err := deadRange(ctx, client, dead)
		if err != nil || len(ends) == 0 {
			return nil, err
		}
		client.AddConsumePartitions(map[string]map[int32]kgo.Offset{dead: starts})
		seen := map[influxread.Point]bool{}
		for len(ends) > 0 {
			fetches, err := poll(ctx, client)
			if err != nil {
				return nil, fmt.Errorf("reading the topic %s: %w", dead, err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if r.Offset >= ends[r.Partition]-1 {
					delete(ends, r.Partition)
				}
				for _, p := range refusedPoints(r, topic, measurement) {
					seen[p] = true // a letter may come twice
				}
			})
			if len(seen) > maxRefused {
				return nil, fmt.Errorf("the topic %s holds more than %d refused points", dead, maxRefused)
			}
		}
		points := make([]influxread.Point, 0, len(seen))
		for p := range seen {
			points = append(points, p)
		}
		return points, nil
	}
}

// silence is how long a broker may have nothing of what it says that it has, as
// when the last records of a topic were compacted away.
const silence = 30 * time.Second

func poll(ctx context.Context, client *kgo.Client) (kgo.Fetches, error) {
	limited, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetches := client.PollFetches(limited)
	err := fetches.Err()
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = fmt.Errorf("the brokers have sent nothing for %s, though its end is not reached", silence)
	}
	return fetches, err
}

// deadRange gives where to begin and where the topic ends now, for partitions
// that hold anything.
func deadRange(ctx context.Context, client *kgo.Client, dead string) (ends map[int32]int64, from map[int32]kgo.Offset, err error) {
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, dead)
	if err == nil {
		err = starts.Error()
	}
	var listed kadm.ListedOffsets
	if err == nil {
		if listed, err = admin.ListEndOffsets(ctx, dead); err == nil {
			err = listed.Error()
		}
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("asking where the topic %s begins and ends: %w", dead, err)
	}
	ends, from = map[int32]int64{}, map[int32]kgo.Offset{}
	listed.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(dead, end.Partition); ok && end.Offset > start.Offset {
			ends[end.Partition] = end.Offset
			from[end.Partition] = kgo.NewOffset().At(start.Offset)
		}
	})
	return ends, from, nil
}

// refusedPoints are the counts in a dead letter.
func refusedPoints(r *kgo.Record, topic, measurement string) (points []influxread.Point) {
	var reason, from string
	for _, h := range r.Headers {
		switch h.Key {
		case headerReason:
			reason = string(h.Value)
		case headerTopic:
			from = string(h.Value)
		}
	}
	if reason != reasonRejected || from != "" && from != topic {
		return nil
	}
	metrics, err := protocol.NewParser(protocol.NewMetricHandler()).Parse(r.Value)
	if err != nil {
		return nil // not a point that we know: it counts as missing
	}
	for _, m := range metrics {
		if m.Name() != measurement {
			continue
		}
		p, ok := pointOf(m)
		if ok {
			points = append(points, p)
		}
	}
	return points
}

func pointOf(m protocol.Metric) (p influxread.Point, ok bool) {
	var others []string
	for _, tag := range m.TagList() {
		switch tag.Key {
		case "brand":
			p.Brand = tag.Value
		case "sentiment":
			p.Sentiment = tag.Value
		case "src":
			p.Source = tag.Value
		default:
			others = append(others, tag.Key+"="+tag.Value)
		}
	}
	p.Other = strings.Join(others, ",")
	for _, field := range m.FieldList() {
		if n, is := field.Value.(int64); is && field.Key == "count" {
			p.Count, ok = n, true
		}
	}
	if m.Time().Equal(time.Time{}) {
		return p, false
	}
	p.Nanos = m.Time().UnixNano()
	return p, ok
}
