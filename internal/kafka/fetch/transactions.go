package fetch

import (
	"cmp"
	"slices"
)

// abortedTransaction is an entry of the list that a broker sends with the batches of a
// partition to readers of committed records: a transaction that was aborted and is at
// least partly in these batches.
type abortedTransaction struct {
	producer int64
	first    int64 // offset of its first record
}

// What a batch is to a reader of committed records.
type batchKind int

const (
	kindData    batchKind = iota // without a transaction, or of a committed one
	kindAborted                  // of an aborted transaction
	kindControl                  // the end marker of a transaction
)

// transactions distinguishes the batches of aborted transactions from the others, as
// Apache Kafka's consumer does: a transaction is open from the first offset that the
// list has for it to the abort marker of its producer. A list is valid only for the
// batches of its response.
type transactions struct {
	later []abortedTransaction // that begin after the last batch seen, by first offset
	open  map[int64]struct{}   // producers whose aborted transaction the batches are in
}

func newTransactions(aborted []abortedTransaction) *transactions {
	slices.SortStableFunc(aborted, func(a, b abortedTransaction) int { return cmp.Compare(a.first, b.first) })
	return &transactions{later: aborted, open: map[int64]struct{}{}}
}

// transactionalBatch is what there is to know of a batch here.
type transactionalBatch struct {
	producer      int64 // -1 if it has none
	last          int64 // offset of its last record
	transactional bool
	control       bool
	aborts        bool // of a control batch: it is an abort marker
}

// next takes the batches in the order of the log.
func (t *transactions) next(b transactionalBatch) batchKind {
	for len(t.later) > 0 && t.later[0].first <= b.last {
		t.open[t.later[0].producer] = struct{}{}
		t.later = t.later[1:]
	}
	if b.control {
		if b.aborts {
			delete(t.open, b.producer)
		}
		return kindControl
	}
	if !b.transactional {
		return kindData
	}
	if _, aborted := t.open[b.producer]; aborted {
		return kindAborted
	}
	return kindData
}
