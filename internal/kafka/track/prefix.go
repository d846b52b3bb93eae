package track

// Position is a place in the log of one partition, between two batches.
type Position struct {
	Offset int64 // of the next record
	Epoch  int32 // leader epoch of the batch before it, -1 if not known
	Time   int64 // when the batch before it was written, in milliseconds, -1 if not known
}

// prefix tracks the record batches of one partition between their fetch and their
// acknowledgement, and says up to where all of them are acknowledged: only that far
// may be committed, or a crash would lose what an output has not yet stored.
//
// Batches are added in the order of the log and acknowledged in any order.
type prefix struct {
	spans []span // from the oldest that is not acknowledged
	first int64  // number of spans[0]: they are counted from 0

	at Position // everything before it is acknowledged
}

// span is a batch, or a part of the log that needs no acknowledgement.
type span struct {
	end  Position
	done bool
}

// add tracks a batch that ends at end, and returns its number for ack.
func (p *prefix) add(end Position) int64 {
	p.spans = append(p.spans, span{end: end})
	return p.first + int64(len(p.spans)) - 1
}

// skip passes over what nobody has to acknowledge: markers of transactions,
// aborted batches, batches without records.
func (p *prefix) skip(end Position) {
	if len(p.spans) == 0 {
		p.at = end
		return
	}
	if last := &p.spans[len(p.spans)-1]; last.done {
		last.end = end // ack removes a done one only from the front
		return
	}
	p.spans = append(p.spans, span{end: end, done: true})
}

// ack takes the number that add returned. Acknowledging twice changes nothing.
func (p *prefix) ack(number int64) {
	i := number - p.first
	if i < 0 || i >= int64(len(p.spans)) {
		return
	}
	p.spans[i].done = true
	n := 0
	for n < len(p.spans) && p.spans[n].done {
		p.at = p.spans[n].end
		n++
	}
	p.first += int64(n)
	p.spans = p.spans[n:] // append copies what is left when it needs room
}
