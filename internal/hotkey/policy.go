package hotkey

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Action is what to do about hot keys.
type Action string

// The actions.
const (
	ActionReport   Action = "report"   // name them
	ActionLimit    Action = "limit"    // deliver their messages at a rate, each key at its own
	ActionDivert   Action = "divert"   // deliver their messages on a route of its own, in order
	ActionSkip     Action = "skip"     // turn the messages of listed keys into dead letters, hot or not
	ActionCoalesce Action = "coalesce" // deliver the last queued message alone
)

// Actions returns all actions.
func Actions() []string {
	return []string{string(ActionReport), string(ActionLimit), string(ActionDivert), string(ActionSkip), string(ActionCoalesce)}
}

// Settings are those of a Policy.
type Settings struct {
	Action Action
	Rate   float64  // messages per second of each hot key, with ActionLimit
	Skip   []string // keys, with ActionSkip
}

// Check returns why settings cannot be used.
func (s Settings) Check() error {
	switch {
	case !slices.Contains(Actions(), string(s.Action)):
		return fmt.Errorf("the action %q is none of %s", s.Action, strings.Join(Actions(), ", "))
	case s.Action == ActionLimit && !(s.Rate > 0 && s.Rate <= 1e6):
		return fmt.Errorf("a rate of %v messages per second: the action %s needs one of more than 0 and at most 1,000,000", s.Rate, ActionLimit)
	case s.Action != ActionLimit && s.Rate != 0:
		return fmt.Errorf("a rate is set, which only the action %s uses: remove it, or set that action", ActionLimit)
	case s.Action == ActionSkip && len(s.Skip) == 0:
		return fmt.Errorf("the action %s needs the keys whose messages to skip", ActionSkip)
	case s.Action != ActionSkip && len(s.Skip) > 0:
		return fmt.Errorf("keys to skip are listed, which only the action %s uses: remove them, or set that action", ActionSkip)
	case slices.Contains(s.Skip, ""):
		return errors.New("an empty key is listed to be skipped: messages without a key have no order, and cannot be hot")
	}
	return nil
}

// Arrival is what to do with a message that has arrived.
type Arrival int

// The decisions about a message that has arrived.
const (
	Queue Arrival = iota
	// Skip means that the message is a dead letter.
	Skip
	// Replace means that the message takes the place of those of its key that are queued
	// and were never delivered. They are done then. The message itself is not, so after a
	// crash it is read again, and nothing is lost.
	Replace
)

// Departure is what to do with the first message of a key when nothing of the key is in
// flight.
type Departure struct {
	Divert bool
	// Wait is how long the message may not leave yet, 0 if it may.
	Wait time.Duration
}

// Policy decides about messages. It is not safe for concurrent use.
//
// Decisions are made message by message, and a key has one message in flight. So a key can
// become hot, and cool, without its messages changing their order up to the route they
// take. A consumer of the route for diverted messages that is behind may see one later
// than consumers of the other route see its successor. So a diverted key stays diverted
// until it is no longer hot and nothing of it waits.
type Policy struct {
	settings Settings
	interval time.Duration // between messages of a key, with ActionLimit
	skip     map[string]bool
	next     map[string]time.Time // when the next message of a key may leave
	diverted map[string]bool      // keys of which diverted messages wait
	prune    int                  // size of next from which to remove times that have passed
}

// NewPolicy returns a Policy, or why there is none.
func NewPolicy(s Settings) (*Policy, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	p := &Policy{settings: s, skip: map[string]bool{}, next: map[string]time.Time{}, diverted: map[string]bool{}, prune: minPruned}
	for _, key := range s.Skip {
		p.skip[key] = true
	}
	if s.Action == ActionLimit {
		p.interval = time.Duration(float64(time.Second) / s.Rate)
	}
	return p, nil
}

// minPruned is the least number of times that are kept before those that have passed are
// removed.
const minPruned = 64

// Arrive decides about a message of a key that has arrived. hot reports whether the key is
// hot, and queued is how many of its messages are queued and were never delivered.
func (p *Policy) Arrive(key string, hot bool, queued int) Arrival {
	switch p.settings.Action {
	case ActionSkip:
		if p.skip[key] {
			return Skip
		}
	case ActionCoalesce:
		if hot && queued > 0 {
			return Replace
		}
	}
	return Queue
}

// Depart decides about the first message of a key, when it could be delivered. more is how
// many messages of the key wait behind it. A message that may leave must leave: its key's
// next one has to wait for its turn.
func (p *Policy) Depart(key string, hot bool, more int, now time.Time) Departure {
	switch p.settings.Action {
	case ActionLimit:
		return Departure{Wait: p.limit(key, hot, now)}
	case ActionDivert:
		diverted := hot || p.diverted[key]
		if diverted && more > 0 {
			p.diverted[key] = true
		} else {
			delete(p.diverted, key)
		}
		return Departure{Divert: diverted}
	}
	return Departure{}
}

// limit returns how long the message of a key has to wait. Messages are an interval apart,
// without bursts.
func (p *Policy) limit(key string, hot bool, now time.Time) time.Duration {
	next, known := p.next[key]
	if !hot {
		delete(p.next, key)
		return 0
	}
	if known && now.Before(next) {
		return next.Sub(now)
	}
	p.next[key] = now.Add(p.interval)
	if len(p.next) >= p.prune {
		// A time that has passed is no different from none.
		for key, next := range p.next {
			if !next.After(now) {
				delete(p.next, key)
			}
		}
		p.prune = max(minPruned, 2*len(p.next))
	}
	return 0
}

// Forget forgets a key whose waiting messages were removed without leaving.
func (p *Policy) Forget(key string) { delete(p.diverted, key) }
