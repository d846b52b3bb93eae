package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
)

// world is a Kafka and an InfluxDB in memory. Its points have the timestamps of the
// pipeline's own stamp law, so that the audit's law is compared with that.
type world struct {
	cut       Cut
	law       Law
	batches   map[int32][]kafkalog.Batch
	bounds    map[int32]kafkalog.Range
	committed map[int32]int64
	points    map[influxread.Point]bool
	coverage  []influxread.Span
	refused   []influxread.Point
	moves     func() // called once, between reading InfluxDB and reading the log
}

const secondZero = 1_700_000_000 // s since the Unix epoch

// expected is a point that should exist, and its batch.
type expected struct {
	influxread.Point
	partition  int32
	base, last int64
	offset     int64 // of the tweet, for CutTweets
}

// newWorld draws a fully committed log and the matching contents of InfluxDB.
func newWorld(t *rapid.T, cut Cut) (*world, []expected) {
	return newWorldOf(t, cut, time.Second)
}

func newWorldOf(t *rapid.T, cut Cut, resolution time.Duration) (*world, []expected) {
	w := &world{
		cut: cut, law: Law{Resolution: resolution, Partitions: 64},
		batches: map[int32][]kafkalog.Batch{}, bounds: map[int32]kafkalog.Range{}, committed: map[int32]int64{},
		points: map[influxread.Point]bool{},
	}
	var all []expected
	for partition := range int32(rapid.IntRange(1, 3).Draw(t, "partitions")) {
		next := int64(0)
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			next += int64(rapid.IntRange(0, 2).Draw(t, "marker")) // a transaction marker or an aborted batch
			b := kafkalog.Batch{Topic: "tweets", Partition: partition, Base: next}
			for range rapid.IntRange(1, 8).Draw(t, "records") {
				value := []byte(rapid.SampledFrom([]string{"no tweet", toFilter}).Draw(t, "value"))
				if rapid.IntRange(0, 9).Draw(t, "tweet") > 0 {
					value = tweetValue(rapid.SampledFrom([]string{"Tea", "Coffee"}).Draw(t, "brand"), rapid.SampledFrom([]string{"positive", "negative", "neutral"}).Draw(t, "sentiment"),
						secondZero*1000+rapid.Int64Range(0, 3000).Draw(t, "millis"))
				}
				b.Records = append(b.Records, kafkalog.Record{Offset: next, Value: value})
				next++
			}
			b.Last, b.Count = next-1, len(b.Records)
			b.MaxTimestamp = secondZero * 1000
			w.batches[partition] = append(w.batches[partition], b)
			all = append(all, w.pointsOf(b)...)
			span := w.spanOf(b)
			if rapid.Bool().Draw(t, "older") && span.Filtered == 0 {
				span.Topic = "" // as older versions wrote it
			}
			w.coverage = append(w.coverage, span)
		}
		w.bounds[partition] = kafkalog.Range{Start: 0, End: next}
		w.committed[partition] = next
	}
	for _, p := range all {
		w.points[p.Point] = true
	}
	return w, all
}

// fallBehind lowers the committed offsets, also into batches if the points allow that,
// removes some of the uncommitted points, and returns the committed ones.
func (w *world) fallBehind(t *rapid.T, all []expected) (committed []expected) {
	for partition, batches := range w.batches {
		if rapid.Bool().Draw(t, "behind") {
			b := batches[rapid.IntRange(0, len(batches)-1).Draw(t, "batch")]
			w.committed[partition] = b.Base
			if w.cut != CutFolds {
				w.committed[partition] += rapid.Int64Range(0, b.Last-b.Base).Draw(t, "inside")
			}
		}
	}
	type count struct {
		second           int64
		brand, sentiment string
	}
	of := func(p expected) count { return count{floorTo(p.Nanos, 1e9), p.Brand, p.Sentiment} }
	underWay := map[count]bool{}
	for _, p := range all {
		end := p.last
		if w.cut == CutTweets {
			end = p.offset
		}
		if end < w.committed[p.partition] {
			continue
		}
		underWay[of(p)] = true
		if rapid.Bool().Draw(t, "not stored") {
			delete(w.points, p.Point)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(p expected) bool { return underWay[of(p)] })
}

func tweetValue(brand, sentiment string, millis int64) []byte {
	value, err := json.Marshal(map[string]any{"id": "1", "text": "", "brand": brand, "sentiment": sentiment, "timestamp": millis})
	if err != nil {
		panic(err)
	}
	return value
}

var rule = ruleOf(time.Second)

// toFilter is a value that the world's mapping deletes.
const toFilter = "filtered"

func mapping(r *tweetrule.Record) (any, error) {
	if string(r.Value) == toFilter {
		return nil, tweetrule.ErrFiltered
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(r.Value))
	decoder.UseNumber()
	err := decoder.Decode(&object)
	return object, err
}

func ruleOf(resolution time.Duration) *tweetrule.Decoder {
	rule, err := tweetrule.New(tweetrule.Options{Encoding: tweetrule.JSON, Resolution: resolution, Mapping: mapping})
	if err != nil {
		panic(err)
	}
	return rule
}

// pointsOf returns the points that the pipeline would write for a batch. With CutFolds,
// each record batch is one batch of the stock input.
func (w *world) pointsOf(b kafkalog.Batch) []expected {
	law, err := stamp.New(w.law.Resolution, 64)
	if err != nil {
		panic(err)
	}
	counts, offsets := map[influxread.Point]int64{}, map[influxread.Point]int64{}
	for _, r := range b.Records {
		tweet, err := rule.Decode(r.Value)
		if err != nil {
			continue
		}
		offset := b.Base
		if w.cut == CutTweets {
			offset = r.Offset
		}
		nanos, err := law.At(tweet.Millis, offset, b.Partition)
		if err != nil {
			panic(err)
		}
		p := influxread.Point{Brand: tweet.Brand, Sentiment: tweet.Sentiment, Nanos: nanos}
		counts[p]++
		offsets[p] = offset
	}
	var points []expected
	for p, n := range counts {
		offset := offsets[p]
		p.Count = n
		points = append(points, expected{p, b.Partition, b.Base, b.Last, offset})
	}
	slices.SortFunc(points, func(a, b expected) int {
		return cmp.Or(cmp.Compare(a.Nanos, b.Nanos), cmp.Compare(a.Brand, b.Brand), cmp.Compare(a.Sentiment, b.Sentiment))
	})
	return points
}

func (w *world) spanOf(b kafkalog.Batch) influxread.Span {
	var counted, filtered int64
	for _, r := range b.Records {
		switch _, err := rule.Decode(r.Value); {
		case err == nil:
			counted++
		case string(r.Value) == toFilter:
			filtered++
		}
	}
	return influxread.Span{
		Topic: "tweets",
		Nanos: secondZero*1e9 + b.Base*64 + int64(b.Partition), Partition: int64(b.Partition), Base: b.Base, Last: b.Last,
		Records: int64(b.Count), Counted: counted, Undecodable: int64(b.Count) - counted - filtered, Filtered: filtered,
	}
}

// fates returns the numbers of records that are not tweets.
func (w *world) fates() (filtered, undecodable int64) {
	for _, batches := range w.batches {
		for _, b := range batches {
			span := w.spanOf(b)
			filtered += span.Filtered
			undecodable += span.Undecodable
		}
	}
	return filtered, undecodable
}

func (w *world) Bounds(context.Context) (map[int32]kafkalog.Range, error) {
	return maps.Clone(w.bounds), nil
}

func (w *world) Committed(context.Context, string) (map[int32]int64, error) {
	return maps.Clone(w.committed), nil
}

func (w *world) Read(_ context.Context, ranges map[int32]kafkalog.Range, do func(kafkalog.Batch) error) error {
	for partition, r := range ranges {
		if r.Start < w.bounds[partition].Start {
			return fmt.Errorf("offset %d of partition %d is removed", r.Start, partition)
		}
		for _, b := range w.batches[partition] {
			if b.Last < r.Start || b.Base >= r.End {
				continue
			}
			b.Records = slices.DeleteFunc(slices.Clone(b.Records), func(record kafkalog.Record) bool {
				return record.Offset < r.Start || record.Offset >= r.End
			})
			if err := do(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) Headers(ctx context.Context, ranges map[int32]kafkalog.Range, do func(kafkalog.Batch) error) error {
	return w.Read(ctx, ranges, func(b kafkalog.Batch) error { b.Records = nil; return do(b) })
}

func (w *world) Points(_ context.Context, from, to int64, do func(influxread.Point) error) error {
	for p := range maps.Clone(w.points) {
		if p.Nanos >= from && p.Nanos < to {
			if err := do(p); err != nil {
				return err
			}
		}
	}
	if w.moves != nil {
		moves := w.moves
		w.moves = nil
		moves()
	}
	return nil
}

func (w *world) Coverage(_ context.Context, do func(influxread.Span) error) error {
	for _, s := range w.coverage {
		if err := do(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) audit(t rapid.TB, change func(*Options)) *Audit {
	t.Helper()
	o := Options{Topic: "tweets", Group: "g", Cut: w.cut, Law: w.law, MaxExplained: 1000}
	if change != nil {
		change(&o)
	}
	refused := func(context.Context) ([]influxread.Point, error) { return w.refused, nil }
	a, err := New(w, w, refused, ruleOf(w.law.Resolution), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) run(t rapid.TB, change func(*Options)) *Report {
	t.Helper()
	r, err := w.audit(t, change).Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eachCut checks a property for each kind of points.
func eachCut(t *testing.T, cuts []Cut, check func(t *rapid.T, w *world, all []expected)) {
	for _, cut := range cuts {
		t.Run(string(cut), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w, all := newWorld(t, cut)
				if len(all) == 0 {
					t.Skip("no tweet")
				}
				check(t, w, all)
			})
		})
	}
}
