package produce

import (
	"slices"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// batch is a sealed batch in the queue of its partition. partition.mu guards it, but for
// builder and buf, which belong to the goroutine that prepares it.
type batch struct {
	builder recordbatch.Builder // until it is prepared
	buf     *buffer             // what is sent, once it is prepared
	plain   int                 // bytes before compression
	records int32
	runs    []run
	whole   bool // one message, in its own compression
	part    bool // of a whole batch whose other parts may be stored
	state   state
	// sent is how often it may have reached a broker. From then on it is sent as it is, or
	// not at all: a broker may have stored it already.
	sent      int
	withdrawn bool // some of its records have no call and must not be sent
	halve     bool // the broker finds it too large
	corrupt   int  // how often in a row a broker found it damaged
	// verify asks for a whole batch to be read before it is sent again: its CRC was checked,
	// and records that cannot be read under a right CRC are answered by an error of the
	// broker's own, as if it could go away.
	verify, verified bool
}

type state int

const (
	preparing state = iota // by somebody
	ready                  // to be sent, or to be prepared again
)

// run is consecutive records of a batch and whose they are: of consecutive messages, one
// record each, or, in a whole batch, of one message. Records without a call belong to no
// one any more.
type run struct {
	call    *Call
	first   int32 // message
	records int32
}

// appendRun adds a record of a message.
func appendRun(runs []run, call *Call, message int32) []run {
	if n := len(runs); n > 0 {
		if last := &runs[n-1]; last.call == call && last.first+last.records == message {
			last.records++
			return runs
		}
	}
	return append(runs, run{call, message, 1})
}

// complete reports whether all records have a call.
func (b *batch) complete() bool {
	return !slices.ContainsFunc(b.runs, func(r run) bool { return r.call == nil })
}

// owned reports whether any record has a call.
func owned(runs []run) bool {
	return slices.ContainsFunc(runs, func(r run) bool { return r.call != nil })
}

// unclean reports whether the batch must be prepared again before it is sent.
func (b *batch) unclean() bool { return b.halve || b.withdrawn || b.verify }

// acknowledge resolves all records.
func (b *batch) acknowledge() {
	for i := range b.runs {
		if r := &b.runs[i]; r.call != nil {
			r.call.stored.Store(true)
			r.call.resolve(r.records)
			r.call = nil
		}
	}
}

// refuse resolves all records with an error.
func (b *batch) refuse(err error) {
	for i := range b.runs {
		if r := &b.runs[i]; r.call != nil {
			b.refuseRun(r, err)
			r.call.resolve(r.records)
			r.call = nil
		}
	}
}

func (b *batch) refuseRun(r *run, err error) {
	if b.whole {
		r.call.refuse(int(r.first), err)
		if b.part {
			r.call.leave(int(r.first), b.buf.bytes)
		}
		return
	}
	for i := range r.records {
		r.call.refuse(int(r.first+i), err)
	}
}

// refuseRecords resolves some records, whose places in the batch rise, and leaves the
// others, which must be prepared again without them.
func (b *batch) refuseRecords(refused []refusedRecord) {
	var runs []run
	at := int32(0)
	for _, r := range b.runs {
		end := at + r.records
		for len(refused) > 0 && refused[0].place < end {
			one := refused[0]
			refused = refused[1:]
			if skip := one.place - at; skip > 0 {
				runs = append(runs, run{r.call, r.first, skip})
				r.first += skip
				r.records -= skip
				at = one.place
			}
			if r.call != nil {
				r.call.refuse(int(r.first), one.err)
				r.call.resolve(1)
			}
			runs = append(runs, run{nil, 0, 1})
			r.first++
			r.records--
			at++
		}
		if r.records > 0 {
			runs = append(runs, r)
		}
		at = end
	}
	b.runs, b.withdrawn = runs, true
}

type refusedRecord struct {
	place int32
	err   error
}

// withdrawRuns takes a call out and returns the number of its records.
func withdrawRuns(runs []run, c *Call) (records int64) {
	for i := range runs {
		if r := &runs[i]; r.call == c {
			records += int64(r.records)
			r.call = nil
		}
	}
	return records
}
