package kafkabatch

// prefix tracks the RecordBatches of one partition between their fetch and
// their acknowledgement, and says up to where all of them are acknowledged:
// only that far may be committed, or a crash would lose what an output did not
// yet store.
//
// Batches are added in the order of the log and acknowledged in any order.
type prefix struct {
	spans []span // from the oldest that is not acknowledged
	first int64  // number of spans[0]: they are counted from 0

	at position // what lies before it is acknowledged
}

// span is a batch, or what stands between batches and needs no acknowledgement.
type span struct {
	end  position
	done bool
}

// position is a place in the log of one partition, between two batches.
type position struct {
	offset int64 // of the next record
	epoch  int32 // leader epoch of the batch before it, -1 if not known
	time   int64 // when the batch before it was written (writtenAt), -1 if not known
}

// add tracks a batch that ends at end, and gives its number for ack.
func (p *prefix) add(end position) int64 {
	p.spans = append(p.spans, span{end: end})
	return p.first + int64(len(p.spans)) - 1
}

// skip passes over what nobody has to acknowledge: markers of transactions,
// aborted batches, batches without records.
func (p *prefix) skip(end position) {
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

// ack takes the number that add gave. Acknowledging twice changes nothing.
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
