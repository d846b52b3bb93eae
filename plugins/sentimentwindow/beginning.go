package sentimentwindow

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

const (
	// firstRecords is how many records without one that counts are no coincidence:
	// nonsense is mostly one producer's of several, and a wrong setting hits all.
	firstRecords = 1000
	// maxFirstError bounds the error of the first record in a line of the log.
	maxFirstError = 300
)

// beginning watches what becomes of the first records of a process. Where a
// setting is wrong, all of them are dead letters, and the offsets of a whole topic
// are committed before somebody looks.
type beginning struct {
	conf   *config
	log    *service.Logger
	metric *service.MetricGauge

	counted atomic.Bool // there is nothing left to watch

	mu     sync.Mutex
	dead   int64 // records that became dead letters
	reason string
	first  string // error of the first of them
	why    error  // nil unless a setting is wrong, most likely
	lines  loglimit.Limiter
}

// lost takes in that records became dead letters.
func (b *beginning) lost(r *refusals) {
	if r.err == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dead == 0 {
		b.reason, b.first = r.reason, brief(r.err.Error(), maxFirstError)
	}
	b.dead += r.records
	if b.dead >= firstRecords && (b.why == nil || b.lines.Wait(time.Now()) == 0) {
		b.doubt(fmt.Errorf("none of the first %d records was counted, all are dead letters. The first one: %s. If the others are like it, %s", b.dead, b.first, b.hint()))
	}
}

// doubt says that a setting is wrong. It must be called with mu held.
func (b *beginning) doubt(why error) {
	b.why = why
	b.metric.Set(1)
	if b.lines.Due("", time.Now()) {
		b.log.Errorf("Nothing is counted: %v", why)
	}
}

// hint names the settings that are wrong where all records fail for one reason.
func (b *beginning) hint() string {
	switch b.reason {
	case contract.ReasonUndecodable:
		settings := []string{fmt.Sprintf("`%s: %s`", fieldEncoding, b.conf.encoding)}
		if b.conf.mapping != nil {
			settings = append(settings, "`"+fieldMapping+"`")
		}
		if len(b.conf.schemaFiles) > 0 {
			settings = append(settings, "`"+fieldSchemaFiles+"`")
		}
		return "compare " + strings.Join(settings, " and ") + " with what the producers write"
	case contract.ReasonBatch:
		return fmt.Sprintf("compare `%s: %s` with what the input delivers", fieldMessage, b.conf.message)
	case contract.ReasonOrigin:
		return fmt.Sprintf("compare `%s` and `%s` with the topics that the input reads", fieldIdentity, fieldMaxPartitions)
	case contract.ReasonOutOfBounds:
		return fmt.Sprintf("compare `%s` with the timestamps of the records, which are milliseconds", fieldBounds)
	case contract.ReasonUnstorable:
		return "compare the brands and the timestamps, in milliseconds, with what the producers write"
	default:
		return "look at the processors before this one"
	}
}

// learn takes in what became of a batch, and tells the input. A record that the
// mapping has deleted is as good as one that counts: the mapping has read it.
func (b *beginning) learn(f *folder, batch service.MessageBatch) {
	counts := f.tally.filtered > 0
	for _, g := range f.groups {
		if f.tally.filtered > 0 || g.tweets() > 0 {
			counts = true
			g.delivery.Counted()
		}
	}
	switch {
	case counts:
		b.counts()
	case !b.counted.Load():
		b.lost(&f.tally.refused)
		b.mu.Lock()
		why := b.why
		b.mu.Unlock()
		if why == nil {
			return
		}
		for _, m := range batch {
			delivery.Of(m.Context()).Fruitless(why)
		}
	}
}

// counts takes in that a record was counted.
func (b *beginning) counts() {
	if b.counted.Load() || b.counted.Swap(true) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.metric.Set(0)
	if b.why != nil {
		b.log.Infof("A record is counted, after %d dead letters", b.dead)
	}
}

// misfit is an error of messages that another setting would count. They need not
// become dead letters: the input can keep them until the setting is right.
type misfit struct{ error }

func (m misfit) Unwrap() error { return m.error }

// turnAway has the input redeliver a message that the settings do not fit, and
// reports whether it will.
func (p *processor) turnAway(m *service.Message, at place, err error) bool {
	if !errors.As(err, new(misfit)) {
		return false
	}
	d := delivery.Of(m.Context())
	err = fmt.Errorf("counting %s: %w. Until then the input keeps its messages and commits nothing of them", at, err)
	if !d.Refuse(err) {
		return false
	}
	d.Fruitless(err)
	p.beginning.turnedAway(err)
	return true
}

func (b *beginning) turnedAway(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.counted.Load() {
		b.doubt(err)
	} else if b.lines.Due("", time.Now()) { // another input, or topic
		b.log.Errorf("Not counted, and left to the input: %v", err)
	}
}
