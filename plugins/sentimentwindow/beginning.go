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
	// firstRecords is the number of dead letters from which on a wrong setting is
	// likely: a broken producer is usually one of several, a setting affects all.
	firstRecords = 1000
	// maxFirstError bounds the error of the first record in a log line.
	maxFirstError = 300
)

// beginning watches the results of the first records of a process. With a wrong setting
// all of them become dead letters, and a whole topic could be committed before anybody
// notices.
type beginning struct {
	conf   *config
	log    *service.Logger
	metric *service.MetricGauge

	counted atomic.Bool // a record was counted, so there is nothing left to watch

	mu     sync.Mutex
	dead   int64 // records that became dead letters
	reason string
	first  string // error of the first of them
	why    error  // why a setting is probably wrong, or nil
	lines  loglimit.Limiter
}

// lost records dead letters.
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
		b.doubt(fmt.Errorf("none of the first %d records was counted: all are dead letters. The first one: %s. If the others failed for the same reason, %s", b.dead, b.first, b.hint()))
	}
}

// doubt reports that a setting is probably wrong. mu must be held.
func (b *beginning) doubt(why error) {
	b.why = why
	b.metric.Set(1)
	if b.lines.Due("", time.Now()) {
		b.log.Errorf("Nothing is counted: %v", why)
	}
}

// hint returns which settings to check if all records fail for the same reason.
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
		return "check the brands and timestamps (milliseconds) that the producers write"
	default:
		return "check the processors before this one"
	}
}

// learn records the result of a batch and reports it to the input. A record that the
// mapping deletes is as good as a counted one: the mapping could read it.
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

// counts records that a record was counted.
func (b *beginning) counts() {
	if b.counted.Load() || b.counted.Swap(true) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.metric.Set(0)
	if b.why != nil {
		b.log.Infof("The first record is counted, after %d dead letters", b.dead)
	}
}

// misfit is the error of a message that could be counted with another setting. It need
// not become a dead letter: the input can keep it until the setting is fixed.
type misfit struct{ error }

func (m misfit) Unwrap() error { return m.error }

// turnAway makes the input redeliver a message that does not fit the settings, and
// reports whether it will.
func (p *processor) turnAway(m *service.Message, at place, err error) bool {
	if !errors.As(err, new(misfit)) {
		return false
	}
	d := delivery.Of(m.Context())
	err = fmt.Errorf("counting %s: %w. Until this is fixed, the input keeps its messages and commits none of them", at, err)
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
		b.log.Errorf("Not counted, and kept by the input: %v", err)
	}
}
