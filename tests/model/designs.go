package model

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/stamp"
)

// design is a way from the log to InfluxDB: how it is cut, what is written, and
// when the group may commit. All designs run in the same machine.
type design struct {
	topics int // that share the log

	// read gives what a worker takes at an offset that is not the end of the log.
	read func(t *rapid.T, p *partition, from int64) *reading
	// write gives the points of a reading. It is called again for each nack.
	write func(t *rapid.T, w *worker, r *reading) (points, error)
	// law gives what InfluxDB must hold of a batch, key by key, whoever writes:
	// nil where the design promises only the sums.
	law func(*partition, batch) (points, error)

	serial       bool // it waits for the ack of a partition's write before the next
	covers       bool // it writes coverage points
	commitsReads bool // it commits what it has read, not what is acked
	nackIsAck    bool // it takes a nack for an ack
	retriesPart  bool // it sends only a part again after a nack
}

// exact is what the project does: the RecordBatch is the cut, its base offset
// the slot, and a fetch inside of one reads the whole of it.
func exact(fold batchFold) design {
	return design{
		topics: fold.topics,
		covers: true,
		read:   readBatch,
		write: func(_ *rapid.T, _ *worker, r *reading) (points, error) {
			return fold.points(r.partition, r.base, r.next-1, r.records)
		},
		law: func(p *partition, b batch) (points, error) { return fold.points(p, b.base, b.last, b.records) },
	}
}

// tweets is one point a tweet, from batches that are cut anywhere.
func tweets(p processor, topics int) design {
	fold := func(from *partition, records []record) (points, error) {
		return p.fold(origin{from.topic, from.id, from.number, records[0].offset}, records)
	}
	return design{
		topics: topics,
		read:   readSome,
		write:  func(_ *rapid.T, _ *worker, r *reading) (points, error) { return fold(r.partition, r.records) },
		law:    func(p *partition, b batch) (points, error) { return fold(p, b.records) },
	}
}

// batchFold makes the points of a RecordBatch: those of the processor, and the
// coverage point.
type batchFold struct {
	processor
	law    stamp.Law
	source bool
	topics int
}

func (f batchFold) points(p *partition, base, last int64, records []record) (points, error) {
	all, err := f.fold(origin{p.topic, p.id, p.number, base}, records)
	if err != nil {
		return nil, err
	}
	covered, err := f.coverage(p, base, last, records)
	return append(all, covered), err
}

func (f batchFold) coverage(p *partition, base, last int64, records []record) (point, error) {
	latest, counted := records[0].millis, 0
	for _, r := range records {
		latest = max(latest, r.millis)
		if !r.broken {
			counted++
		}
	}
	nanos, err := f.law.At(latest, base, int32(p.number))
	series := measurementCoverage
	if f.source {
		series += fmt.Sprintf(",src=%x-%d", p.id[0], p.number)
	}
	return point{key: key{series, nanos}, fields: fmt.Sprintf("partition=%di,base=%di,last=%di,records=%di,counted=%di,undecodable=%di",
		p.number, base, last, len(records), counted, len(records)-counted)}, err
}

// readBatch reads the RecordBatch that an offset lies in or before.
func readBatch(_ *rapid.T, p *partition, from int64) *reading {
	b := p.batchAt(from)
	return &reading{partition: p, base: b.base, from: b.base, next: b.last + 1, records: b.records}
}

// readSome reads as many records as a fetch happens to give, across batches.
func readSome(t *rapid.T, p *partition, from int64) *reading {
	records := p.records(from, p.end)
	records = records[:rapid.IntRange(1, min(6, len(records))).Draw(t, "records read")]
	first, last := records[0].offset, records[len(records)-1].offset
	return &reading{partition: p, base: first, from: first, next: last + 1, records: records}
}
