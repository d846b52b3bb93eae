package fetch

import (
	"testing"

	"pgregory.net/rapid"
)

// Producers interleave transactions that commit, abort or never end, and batches
// without one. A reader that begins anywhere, with the list that a broker sends
// for what it gets, must see exactly the batches that are not aborted.
func TestTransactionsDropsWhatWasAborted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type logged struct {
			transactionalBatch
			first int64
			txn   int // -1 for none
		}
		type transaction struct {
			producer, first, last int64
			aborted, ended        bool
		}
		var log []logged
		var txns []*transaction
		open := map[int64]int{} // producer to transaction
		var offset int64
		for range rapid.IntRange(1, 40).Draw(t, "batches") {
			producer := rapid.Int64Range(1, 4).Draw(t, "producer")
			first := offset
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0: // without a transaction
				offset += rapid.Int64Range(1, 3).Draw(t, "records")
				log = append(log, logged{transactionalBatch{producer: producer, last: offset - 1}, first, -1})
			case 1, 2: // in one
				offset += rapid.Int64Range(1, 3).Draw(t, "records")
				i, ok := open[producer]
				if !ok {
					i = len(txns)
					open[producer] = i
					txns = append(txns, &transaction{producer: producer, first: first})
				}
				log = append(log, logged{transactionalBatch{producer: producer, last: offset - 1, transactional: true}, first, i})
			default: // its end
				i, ok := open[producer]
				if !ok {
					continue
				}
				delete(open, producer)
				offset++
				txns[i].ended, txns[i].last = true, offset-1
				txns[i].aborted = rapid.Bool().Draw(t, "aborts")
				log = append(log, logged{transactionalBatch{producer: producer, last: offset - 1, transactional: true, control: true, aborts: txns[i].aborted}, first, i})
			}
		}
		stable := offset // the broker shows nothing behind the first that is open
		for _, i := range open {
			stable = min(stable, txns[i].first)
		}
		from := rapid.Int64Range(0, offset).Draw(t, "from")
		var list []abortedTransaction
		for _, x := range txns {
			if x.aborted && x.last >= from && x.first < stable {
				list = append(list, abortedTransaction{x.producer, x.first})
			}
		}
		list = rapid.Permutation(list).Draw(t, "order")
		reader := newTransactions(list)
		for _, b := range log {
			if b.last < from || b.first >= stable {
				continue
			}
			want := kindData
			switch {
			case b.control:
				want = kindControl
			case b.txn >= 0 && txns[b.txn].aborted:
				want = kindAborted
			}
			if got := reader.next(b.transactionalBatch); got != want {
				t.Fatalf("the batch at %d is %v, want %v: %+v", b.first, got, want, log)
			}
		}
	})
}
