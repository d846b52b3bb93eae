package audit

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

// maxSettled bounds the number of marks of one topic in memory.
const maxSettled = 1_000_000

// Outcomes of marks. Others leave a letter settled too, as dropped ones do.
const (
	outcomeReplayed = "replayed"
	outcomeIntended = "intended" // the line may be stored
	outcomeRefused  = "refused"  // the line is not stored
)

// settled has the dead letters that the command dlq has replayed or dropped, and what it
// has written in place of rejected points. The zero value has none.
type settled struct {
	records map[int32][]settledRange // by their first offset
	// dropped are points of letters: InfluxDB does not have them, and need not.
	dropped map[influxread.Point]bool
	// stored are points of letters that were written unchanged: InfluxDB must have them.
	stored map[influxread.Point]bool
	// written are other points, written in place of dropped ones; true if InfluxDB must
	// have them, false if it may.
	written map[influxread.Point]bool
}

type settledRange struct {
	first, last int64
	replayed    bool
}

// Settlements reads what dlq has settled.
type Settlements func(ctx context.Context) (*settled, error)

// markPoint is a point in a mark.
type markPoint struct {
	Measurement string            `json:"measurement"`
	Tags        map[string]string `json:"tags"`
	Time        int64             `json:"time"`
	Count       *int64            `json:"count"`
}

// mark is the value of a mark, as docs/dead-letters.md describes it.
type mark struct {
	Outcome string     `json:"outcome"`
	Was     *markPoint `json:"was"`
	Is      *markPoint `json:"is"`
}

// Marks returns a function that reads the marks of a topic of dead letters, for the
// letters of one topic. Without a topic of marks, nothing is settled.
func Marks(opts []kgo.Opt, dead, topic string, id [16]byte, measurement string) Settlements {
	return func(ctx context.Context) (*settled, error) {
		log, err := kafkalog.Open(ctx, opts, dead+"_marks")
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return &settled{}, nil
		}
		if err != nil {
			return nil, err
		}
		defer log.Close()
		bounds, err := log.Bounds(ctx)
		if err != nil {
			return nil, err
		}
		marks := map[string]mark{}
		err = log.Read(ctx, bounds, func(b kafkalog.Batch) error {
			for i := range b.Records {
				if err := applyMark(marks, &b.Records[i], topic, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return settledBy(marks, measurement)
	}
}

// applyMark reads a record of the topic of marks. The keys of the result have the
// partition and what follows it.
func applyMark(marks map[string]mark, r *kafkalog.Record, topic string, id [16]byte) error {
	rest, mine := strings.CutPrefix(string(r.Key), "id/"+base64.RawURLEncoding.EncodeToString(id[:])+"/")
	if !mine {
		if rest, mine = strings.CutPrefix(string(r.Key), "topic/"+topic+"/"); !mine {
			return nil
		}
	}
	if r.Value == nil {
		delete(marks, rest)
		return nil
	}
	var m mark
	if err := json.Unmarshal(r.Value, &m); err != nil {
		return fmt.Errorf("the mark at offset %d is not JSON: %w", r.Offset, err)
	}
	if marks[rest] = m; len(marks) > maxSettled {
		return fmt.Errorf("there are more than %d marks of the topic %s, the limit of an audit", maxSettled, topic)
	}
	return nil
}

func settledBy(marks map[string]mark, measurement string) (*settled, error) {
	s := &settled{
		records: map[int32][]settledRange{}, dropped: map[influxread.Point]bool{},
		stored: map[influxread.Point]bool{}, written: map[influxread.Point]bool{},
	}
	for key, m := range marks {
		parts := strings.Split(key, "/")
		if len(parts) == 3 {
			s.addPoint(&m, measurement)
			continue
		}
		if len(parts) != 2 {
			return nil, fmt.Errorf("the mark %q is not of a record or a point", key)
		}
		partition, err := strconv.ParseInt(parts[0], 10, 32)
		first, last, isRange := strings.Cut(parts[1], "-")
		if !isRange {
			last = first
		}
		r := settledRange{replayed: m.Outcome == outcomeReplayed}
		var firstErr, lastErr error
		r.first, firstErr = strconv.ParseInt(first, 10, 64)
		r.last, lastErr = strconv.ParseInt(last, 10, 64)
		if err := errors.Join(err, firstErr, lastErr); err != nil {
			return nil, fmt.Errorf("the mark %q is not of a record or a point: %w", key, err)
		}
		s.records[int32(partition)] = append(s.records[int32(partition)], r)
	}
	for _, list := range s.records {
		slices.SortFunc(list, func(a, b settledRange) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last)) })
	}
	return s, nil
}

func (s *settled) addPoint(m *mark, measurement string) {
	was, known := m.Was.point(measurement)
	is, written := m.Is.point(measurement)
	switch {
	case m.Outcome == outcomeReplayed && known && written && was == is:
		s.stored[was] = true
		return
	case written && was != is && m.Outcome != outcomeRefused:
		s.written[is] = m.Outcome == outcomeReplayed
	}
	if known {
		s.dropped[was] = true
	}
}

// point returns the point that a mark is about. ok is false if it does not count tweets.
func (p *markPoint) point(measurement string) (point influxread.Point, ok bool) {
	if p == nil || p.Measurement != measurement || p.Count == nil {
		return point, false
	}
	point.Nanos, point.Count = p.Time, *p.Count
	var others []string
	for name, value := range p.Tags {
		switch name {
		case "brand":
			point.Brand = value
		case "sentiment":
			point.Sentiment = value
		case "src":
			point.Source = value
		default:
			others = append(others, name+"="+value)
		}
	}
	slices.Sort(others)
	point.Other = strings.Join(others, ",")
	return point, true
}

// of reports whether a record is settled: replayed, so that its tweet counts where the
// replay has written it, and not here; or dropped, so that it need not count.
func (s *settled) of(partition int32, offset int64) (replayed, dropped bool) {
	list := s.records[partition]
	if len(list) == 0 {
		return false, false
	}
	after, _ := slices.BinarySearchFunc(list, offset+1, func(r settledRange, at int64) int { return cmp.Compare(r.first, at) })
	// Ranges overlap only if somebody has written letters of one record batch that
	// another pipeline cuts differently, so the nearest one decides.
	if after > 0 && list[after-1].last >= offset {
		return list[after-1].replayed, !list[after-1].replayed
	}
	return false, false
}

// covers reports whether all records from first to last are settled by one letter.
func (s *settled) covers(partition int32, first, last int64) bool {
	return slices.ContainsFunc(s.records[partition], func(r settledRange) bool { return r.first <= first && r.last >= last })
}

// rejected returns the points that InfluxDB need not have, since it rejected them: those
// of letters, and those of marks, which are kept longer than letters, without those that
// were written since.
func (s *settled) rejected(letters []influxread.Point) (points []influxread.Point) {
	all := map[influxread.Point]bool{}
	for _, p := range letters {
		all[p] = true
	}
	for p := range s.dropped {
		all[p] = true
	}
	for p := range all {
		if !s.stored[p] {
			points = append(points, p)
		}
	}
	return points
}

// readLetters reads the marks, and the rejected points of the dead letters.
func (a *Audit) readLetters(ctx context.Context) (rejected []influxread.Point, err error) {
	a.settled = &settled{}
	if a.Settlements != nil {
		if a.settled, err = a.Settlements(ctx); err != nil {
			return nil, fmt.Errorf("reading the marks of settled dead letters: %w", err)
		}
	}
	letters, err := a.refused(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the dead letters: %w", err)
	}
	return a.settled.rejected(letters), nil
}
