package model

import "pgregory.net/rapid"

// design is a way from the log to InfluxDB: how it is divided, what is written, and
// when the group may commit. All designs run in the same machine.
type design struct {
	topics int // that share the log

	// read returns what a worker reads at an offset before the end of the log.
	read func(t *rapid.T, p *partition, from int64) *reading
	// write returns the points of a reading. It is called again for each nack.
	write func(t *rapid.T, w *worker, r *reading) (points, error)
	// law returns what InfluxDB must hold of a batch, key by key, whoever writes it:
	// nil if the design promises only the sums.
	law func(*partition, batch) (points, error)

	serial       bool // it waits for the ack of a partition's write before the next
	covers       bool // it writes coverage points
	commitsReads bool // it commits what is read, not what is acked
	nackIsAck    bool // it treats a nack as an ack
	retriesPart  bool // it resends only a part after a nack
}

// exact is the project's design with kafka_batches: the record batch is the unit, its
// base offset the slot, and a fetch inside one reads all of it.
func exact(p processor, topics int) design {
	return design{
		topics: topics,
		covers: true,
		read:   readBatch,
		write: func(_ *rapid.T, _ *worker, r *reading) (points, error) {
			return p.foldBatch(originOf(r.partition, r.base), r.next-1, r.records)
		},
		law: func(in *partition, b batch) (points, error) {
			return p.foldBatch(originOf(in, b.base), b.last, b.records)
		},
	}
}

// unlawful returns a design without a law, of which only the sums are checked.
func (d design) unlawful() design {
	d.law, d.covers = nil, false
	return d
}

// tweets is one point per tweet, from records that are divided anywhere.
func tweets(p processor, topics int) design {
	return design{
		topics: topics,
		read:   readSome,
		write: func(_ *rapid.T, _ *worker, r *reading) (points, error) {
			return p.foldRecords(originOf(r.partition, r.base), r.records)
		},
		law: func(in *partition, b batch) (points, error) {
			return p.foldRecords(originOf(in, b.base), b.records)
		},
	}
}

// readBatch reads the record batch that contains an offset, or the next one.
func readBatch(_ *rapid.T, p *partition, from int64) *reading {
	b := p.batchAt(from)
	return &reading{partition: p, base: b.base, from: b.base, next: b.last + 1, records: b.records}
}

// readSome reads as many records as a fetch happens to return, across batches.
func readSome(t *rapid.T, p *partition, from int64) *reading {
	records := p.records(from, p.end)
	records = records[:rapid.IntRange(1, min(6, len(records))).Draw(t, "records read")]
	first, last := records[0].offset, records[len(records)-1].offset
	return &reading{partition: p, base: first, from: first, next: last + 1, records: records}
}
