package audit

import (
	"context"
	"errors"
	"slices"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

// maxPieces bounds the number of points, expected and stored, in an explanation.
const maxPieces = 500_000

var errTooMuch = errors.New("too many points to explain")

// explain reads both sides again, for the listed differences only, and finds the
// places in Kafka that they come from.
func (a *Audit) explain(ctx context.Context, r *Report, lim *limits, refused []influxread.Point) error {
	e := &explanation{
		audit: a, lim: lim, wanted: map[key]int{}, names: map[series]uint32{},
		places: map[placeKey]*piece{}, sums: map[sumKey]*sum{}, located: map[located][2]int64{},
	}
	for i := range r.Differences {
		d := &r.Differences[i]
		name := series{d.Brand, d.Sentiment}
		if _, ok := e.names[name]; !ok {
			e.names[name] = uint32(len(e.names))
		}
		e.wanted[key{d.key.start, e.names[name]}] = i
	}
	err := e.readStore(ctx, r.Differences, refused)
	if err == nil {
		err = a.end(ctx, lim)
	}
	if err == nil {
		e.locate()
		err = a.readLog(ctx, lim, StageExplain, e.addBatch)
	}
	switch {
	case errors.Is(err, errTooMuch):
		for i := range r.Differences {
			c := Cause{Kind: KindUnknown, Partition: -1}
			c.describe(a.Cut, false)
			r.Differences[i].Causes = []Cause{c}
		}
		return nil
	case err != nil:
		return err
	}
	for i := range r.Differences {
		r.Differences[i].Causes = e.causes(i)
	}
	return nil
}

// explanation holds the points of the differences that are explained.
type explanation struct {
	audit  *Audit
	lim    *limits
	wanted map[key]int // position in the report's differences
	names  map[series]uint32
	pieces int

	places  map[placeKey]*piece
	order   []*piece
	sums    map[sumKey]*sum // for CutFolds
	located map[located][2]int64
	offsets map[int32][]int64 // offsets to locate, ascending
}

// placeKey identifies a point of a difference by its timestamp and its partition,
// which the timestamp does not contain with Law.Source.
type placeKey struct {
	difference int
	partition  int32
	nanos      int64
}

// piece is a point as expected and as stored.
type piece struct {
	placeKey
	base, last int64
	offset     int64
	should     int64
	below      bool // below the committed offset
	stored     []influxread.Point
	uncertain  bool // it may belong to a removed offset
}

type located struct {
	partition int32
	offset    int64
}

// sumKey is one partition's part of a difference.
type sumKey struct {
	difference int
	partition  int32
}

type sum struct {
	committed, logged, stored int64
	first, last               int64
	folds                     []Fold
}

func (e *explanation) grow() error {
	if e.pieces++; e.pieces > maxPieces {
		return errTooMuch
	}
	return nil
}

func (e *explanation) at(k placeKey) (*piece, error) {
	p, ok := e.places[k]
	if !ok {
		if err := e.grow(); err != nil {
			return nil, err
		}
		p = &piece{placeKey: k, base: -1, last: -1, offset: -1}
		e.places[k] = p
		e.order = append(e.order, p)
	}
	return p, nil
}

func (e *explanation) sum(k sumKey) *sum {
	s, ok := e.sums[k]
	if !ok {
		s = &sum{first: maxNanos, last: -1}
		e.sums[k] = s
	}
	return s
}

// want returns the difference that a tweet or point belongs to.
func (e *explanation) want(nanos int64, brand, sentiment string) (int, bool) {
	number, ok := e.names[series{brand, sentiment}]
	if !ok {
		return 0, false
	}
	i, ok := e.wanted[key{e.audit.unit(nanos), number}]
	return i, ok
}

// readStore reads the points of the seconds or windows that differ.
func (e *explanation) readStore(ctx context.Context, differences []Difference, refused []influxread.Point) error {
	unit := int64(e.audit.Unit())
	stored := map[influxread.Point]bool{}
	var last int64
	for i, d := range differences {
		if i > 0 && d.key.start == last {
			continue
		}
		last = d.key.start
		to := last + unit
		if to < last || to > maxNanos {
			to = maxNanos
		}
		err := e.audit.store.Points(ctx, max(last, minNanos), to, func(p influxread.Point) error {
			if len(refused) > 0 {
				stored[p] = true
			}
			if _, is := e.audit.settled.written[p]; is {
				return nil
			}
			return e.addPoint(p)
		})
		if err != nil {
			return err
		}
	}
	for _, p := range refused {
		if !stored[p] {
			if err := e.addPoint(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *explanation) addPoint(p influxread.Point) error {
	i, ok := e.want(p.Nanos, p.Brand, p.Sentiment)
	if !ok {
		return nil
	}
	w, err := e.audit.where(p, e.lim)
	switch {
	case errors.Is(err, errForeign) || !w.in && w.before:
		return nil
	case err != nil:
		return err
	}
	if !w.ok {
		w.partition = -1
	}
	if e.audit.Cut == CutFolds && w.in {
		s := e.sum(sumKey{i, w.partition})
		s.stored += p.Count
		s.folds = append(s.folds, Fold{w.offset, p.Count})
		return e.grow()
	}
	at, err := e.at(placeKey{i, w.partition, p.Nanos})
	if err != nil {
		return err
	}
	at.stored = append(at.stored, p)
	at.uncertain = w.uncertain
	if w.ok {
		at.offset = w.offset
	}
	return nil
}

// locate lists the offsets of points whose batches addBatch is to find.
func (e *explanation) locate() {
	e.offsets = map[int32][]int64{}
	period := e.audit.Law.period()
	for _, p := range e.order {
		if p.offset < 0 {
			continue
		}
		for at := p.offset; at < e.lim.log[p.partition].End; at += period {
			e.offsets[p.partition] = append(e.offsets[p.partition], at)
		}
	}
	for _, list := range e.offsets {
		slices.Sort(list)
	}
}

func (e *explanation) addBatch(b kafkalog.Batch) error {
	list := e.offsets[b.Partition]
	for i, _ := slices.BinarySearch(list, b.Base); i < len(list) && list[i] <= b.Last; i++ {
		e.located[located{b.Partition, list[i]}] = [2]int64{b.Base, b.Last}
	}
	a, first, commit := e.audit, e.lim.first[b.Partition], e.lim.committed[b.Partition]
	if a.Cut == CutBatches && b.Base < first {
		return nil
	}
	for i := range b.Records {
		r := &b.Records[i]
		if r.Offset < first {
			continue
		}
		tweet, err := a.decode(&b, r)
		if isNoTweet(err) {
			continue
		}
		if err != nil {
			return err
		}
		difference, ok := e.want(tweet.Start, tweet.Brand, tweet.Sentiment)
		replayed, dropped := a.settled.of(b.Partition, r.Offset)
		if !ok || replayed {
			continue
		}
		if a.Cut == CutFolds {
			s := e.sum(sumKey{difference, b.Partition})
			s.logged++
			if r.Offset < commit && !dropped {
				s.committed++
			}
			s.first, s.last = min(s.first, r.Offset), max(s.last, r.Offset)
			continue
		}
		offset, below := b.Base, b.Last < commit
		if a.Cut == CutTweets {
			offset, below = r.Offset, r.Offset < commit
		}
		below = below && !dropped
		nanos := tweet.Start
		slot, ok := a.Law.slot(b.Partition, offset)
		if ok {
			nanos += slot
		}
		p, err := e.at(placeKey{difference, b.Partition, nanos})
		if err != nil {
			return err
		}
		p.base, p.last, p.offset, p.below = b.Base, b.Last, offset, below
		p.should++
	}
	return nil
}
