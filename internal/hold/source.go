package hold

import "slices"

// Source is where batches come from one after the other, and whose acknowledgements count
// from the front: a partition of Kafka. A crash delivers again everything after the first
// batch that is not settled.
type Source struct {
	next    int64    // number of the next message
	batches []*batch // from the first that is not settled
	revoked bool
}

// Ahead returns how many messages of its source are between the first batch that is not
// settled and an item: about what a crash replays once the item is delivered.
func (it *Item) Ahead() int64 {
	if s := it.batch.source; len(s.batches) > 0 {
		return it.number - s.batches[0].first
	}
	return 0
}

// InFirst reports whether an item is of the first batch of its source that is not settled:
// the front of the source waits for it.
func (it *Item) InFirst() bool {
	s := it.batch.source
	return len(s.batches) > 0 && s.batches[0] == it.batch
}

// Source returns where an item is from.
func (it *Item) Source() *Source { return it.batch.source }

// Waiting reports whether an item waits for its delivery.
func (it *Item) Waiting() bool { return it.state == waiting }

// Revoked reports whether the source was revoked.
func (s *Source) Revoked() bool { return s.revoked }

// advance passes over settled batches at the front.
func (s *Source) advance() {
	n := 0
	for n < len(s.batches) && s.batches[n].settled {
		s.batches[n] = nil
		n++
	}
	s.batches = s.batches[n:]
}

// Revoke nacks everything of a source that another member will deliver. The owner drops
// its items that wait, by Done.
func (s *Store) Revoke(source *Source) (settled []Settlement) {
	source.revoked = true
	for _, b := range slices.Clone(source.batches) {
		settled = append(settled, s.settle(b, ErrRevoked)...)
	}
	return settled
}
