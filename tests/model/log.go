package model

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// epoch is the second in which the model's time starts, since the Unix epoch.
const epoch = 1_700_000_000

// record is one tweet in Kafka.
type record struct {
	offset    int64
	millis    int64 // event time: unordered
	brand     int
	sentiment tweet.Sentiment
	broken    bool // its value does not decode, so it is not in the reference
}

// value returns the record's value in Kafka.
func (r record) value() []byte {
	t := tweet.Tweet{
		ID:        []byte("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
		Text:      []byte("t"),
		Brand:     []byte(brands[r.brand]),
		Sentiment: r.sentiment,
		Millis:    r.millis,
	}
	b := t.AppendAvro(nil)
	if r.broken {
		b = b[:len(b)-1]
	}
	return b
}

// batch is one record batch: atomic, and the same whenever it is read.
type batch struct {
	base, last int64
	records    []record
}

func (b batch) String() string {
	var words []string
	for _, r := range b.records {
		if r.broken {
			words = append(words, "undecodable")
		} else {
			words = append(words, r.cell().String())
		}
	}
	return fmt.Sprintf("a batch of offsets %d to %d: %s", b.base, b.last, strings.Join(words, "; "))
}

// partition is one partition of the log. Its offsets have gaps for transaction markers.
type partition struct {
	index  int // in the log
	topic  string
	id     [16]byte // of the topic
	number int      // in the topic

	start   int64 // first offset
	end     int64 // offset of the next record
	batches []batch
}

func (p *partition) String() string { return fmt.Sprintf("%s/%d", p.topic, p.number) }

// batchAt returns the batch that a fetch at an offset begins with, or nil at the end of
// the log. For an offset inside a batch it returns the whole batch, as Kafka does.
func (p *partition) batchAt(offset int64) *batch {
	for i := range p.batches {
		if p.batches[i].last >= offset {
			return &p.batches[i]
		}
	}
	return nil
}

// records returns those with from <= offset < to.
func (p *partition) records(from, to int64) (out []record) {
	for _, b := range p.batches {
		for _, r := range b.records {
			if r.offset >= from && r.offset < to {
				out = append(out, r)
			}
		}
	}
	return out
}

// log is the content of Kafka.
type log struct {
	partitions []*partition
}

// drawLog returns one to three partitions with a few batches, of two topics if several
// may share the log.
func drawLog(t *rapid.T, topics int) *log {
	l := &log{}
	// Bases 15,625,000 offsets later have the same slots of a second again.
	start := rapid.SampledFrom([]int64{0, 15_624_998}).Draw(t, "first offset")
	for i := range rapid.IntRange(1, 3).Draw(t, "partitions") {
		p := &partition{index: i, topic: "tweets", number: i, start: start, end: start}
		if topics > 1 {
			topic := i % topics
			p.topic, p.number = []string{"tweets", "replies"}[topic], i/topics
			p.id[0] = byte(topic + 1)
		}
		l.partitions = append(l.partitions, p)
		for range rapid.IntRange(0, 2).Draw(t, "batches") {
			p.append(t)
		}
	}
	return l
}

// append adds a drawn batch to the partition. Its tweets are mostly equal, as a
// producer's are: otherwise no count would be above one.
func (p *partition) append(t *rapid.T) batch {
	if chance(t, 6, "marker before") {
		p.end++
	}
	usual := drawRecord(t)
	b := batch{base: p.end}
	for range rapid.IntRange(1, maxRecords).Draw(t, "records") {
		r := usual
		if chance(t, 4, "unlike the others") {
			r = drawRecord(t)
			r.broken = chance(t, 3, "broken")
		}
		r.offset = p.end
		b.records = append(b.records, r)
		p.end++
	}
	b.last = p.end - 1
	p.batches = append(p.batches, b)
	return b
}

// maxRecords is the most records of a batch.
const maxRecords = 5

func drawRecord(t *rapid.T) record {
	return record{
		millis:    epoch*1000 + rapid.Int64Range(0, seconds*1000-1).Draw(t, "time"),
		brand:     rapid.IntRange(0, len(brands)-1).Draw(t, "brand"),
		sentiment: tweet.Sentiment(rapid.IntRange(0, tweet.NumSentiments-1).Draw(t, "sentiment")),
	}
}

// brands of the model's tweets.
var brands = [...]string{"coffee", "tea"}

// seconds of its event times, from epoch.
const seconds = 3

// cell is what tweets are counted by: three indices.
type cell struct {
	second, brand int
	sentiment     tweet.Sentiment
}

func (c cell) String() string {
	return fmt.Sprintf("%s %s in second %d", c.sentiment, brands[c.brand], c.second)
}

func (r record) cell() cell {
	return cell{int(r.millis/1000 - epoch), r.brand, r.sentiment}
}

// counts are numbers of tweets by cell.
type counts [seconds][len(brands)][tweet.NumSentiments]int64

func (c *counts) add(at cell, n int64) { c[at.second][at.brand][at.sentiment] += n }

func (c *counts) at(at cell) int64 { return c[at.second][at.brand][at.sentiment] }

// cells returns all cells in a fixed order, so that a run can be repeated.
func cells(yield func(cell) bool) {
	for second := range seconds {
		for brand := range brands {
			for sentiment := range tweet.Sentiment(tweet.NumSentiments) {
				if !yield(cell{second, brand, sentiment}) {
					return
				}
			}
		}
	}
}

// below counts the reference: the records that decode, in each partition those before
// an offset. It is the plain count that everything is compared with, and shares no code
// with the folds.
func (l *log) below(offset func(*partition) int64) (c counts) {
	for _, p := range l.partitions {
		end := offset(p)
		for _, b := range p.batches {
			for _, r := range b.records {
				if r.offset < end && !r.broken {
					c.add(r.cell(), 1)
				}
			}
		}
	}
	return c
}

// all returns the reference of the whole log.
func (l *log) all() counts { return l.below(func(p *partition) int64 { return p.end }) }
