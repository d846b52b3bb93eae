package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
)

// maxRefused bounds the number of rejected points in memory.
const maxRefused = 1_000_000

const (
	headerReason   = "dead_reason"
	headerTopic    = "dead_topic"
	reasonRejected = "rejected"
)

// Letters returns a function that reads the points that InfluxDB rejected from a
// topic of dead letters: lines of line protocol with the header
// dead_reason=rejected and the name of the topic. A topic that does not exist has
// none.
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
					seen[p] = true // a letter can be delivered twice
				}
			})
			if len(seen) > maxRefused {
				return nil, fmt.Errorf("the topic %s has more than %d rejected points, the limit of an audit", dead, maxRefused)
			}
		}
		points := make([]influxread.Point, 0, len(seen))
		for p := range seen {
			points = append(points, p)
		}
		return points, nil
	}
}

// silence is how long brokers may send no records before the end of a topic, for
// instance because its last records were compacted away.
const silence = 30 * time.Second

func poll(ctx context.Context, client *kgo.Client) (kgo.Fetches, error) {
	limited, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetches := client.PollFetches(limited)
	err := fetches.Err()
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = fmt.Errorf("the brokers have sent no records for %s before its end", silence)
	}
	return fetches, err
}

// deadRange returns the end and the start of each partition that is not empty.
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
		return nil, nil, fmt.Errorf("listing the start and end offsets of the topic %s: %w", dead, err)
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

// refusedPoints returns the points in a dead letter.
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
	lines := lineprotocol.NewDecoderWithBytes(r.Value)
	for lines.Next() {
		// A line that is not a point of ours is skipped, so its tweets are missing.
		if p, ok := pointOf(lines, measurement); ok {
			points = append(points, p)
		}
	}
	return points
}

// pointOf reads the current line.
func pointOf(line *lineprotocol.Decoder, measurement string) (p influxread.Point, ok bool) {
	if name, err := line.Measurement(); err != nil || string(name) != measurement {
		return p, false
	}
	var others []string
	for {
		key, value, err := line.NextTag()
		if err != nil {
			return p, false
		}
		if key == nil {
			break
		}
		switch string(key) {
		case "brand":
			p.Brand = string(value)
		case "sentiment":
			p.Sentiment = string(value)
		case "src":
			p.Source = string(value)
		default:
			others = append(others, string(key)+"="+string(value))
		}
	}
	slices.Sort(others)
	p.Other = strings.Join(others, ",")
	for {
		key, value, err := line.NextField()
		if err != nil {
			return p, false
		}
		if key == nil {
			break
		}
		switch {
		case string(key) != "count":
		case value.Kind() == lineprotocol.Int:
			p.Count, ok = value.IntV(), true
		case value.Kind() == lineprotocol.Uint && value.UintV() <= math.MaxInt64:
			p.Count, ok = int64(value.UintV()), true
		}
	}
	text, err := line.TimeBytes()
	if err != nil {
		return p, false
	}
	p.Nanos, err = strconv.ParseInt(string(text), 10, 64)
	return p, ok && err == nil
}
