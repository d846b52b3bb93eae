package sentimentwindow

// refusals are the dead letters of one call. They are counted and logged at its end:
// until then its messages may be taken back, to be redelivered and refused again.
type refusals struct {
	messages map[string]int64 // by reason
	records  int64            // in those messages
	// Of the first of them:
	at     place
	reason string
	err    error // nil if there is none
}

// add adds a message of one record.
func (r *refusals) add(at place, reason string, err error) {
	if r.err == nil {
		r.at, r.reason, r.err = at, reason, err
		r.messages = map[string]int64{}
	}
	r.messages[reason]++
	r.records++
}

// report counts and logs the dead letters.
func (p *processor) report(r *refusals) {
	if r.err == nil {
		return
	}
	var all int64
	for reason, n := range r.messages {
		p.metrics.refused.Incr(n, reason)
		all += n
	}
	p.notes.refused(r.at, r.reason, r.err, all)
}
