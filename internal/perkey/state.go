package perkey

import "fmt"

// Shortage says why no more can be read.
type Shortage int

// The reasons.
const (
	None       Shortage = iota
	Full                // the limits of all messages together
	BlockedKey          // a blocked key holds as many as it may
)

// Room reports what reading has to wait for, and the blocked key if it is one. Of several
// it is the same each time, so that a log line about it is a repetition.
func (s *Scheduler[V]) Room() (short Shortage, key string) {
	for q := range s.blocked {
		if len(q.messages) >= s.conf.MaxPerKey && (short == None || q.key < key) {
			short, key = BlockedKey, q.key
		}
	}
	if short == None && !s.store.Room() {
		short = Full
	}
	return short, key
}

// State is what the scheduler has at the moment.
type State struct {
	Messages int   // held, those in flight included
	Bytes    int64 // of them
	Batches  int   // of the child that are not settled
	InFlight int
	Keys     int // with messages
	Blocked  int // keys whose head has failed too often
	Behind   int // keys whose head waits for the front of its source
	Resting  int // keys whose head waits for its next attempt

	LargestKey string
	Largest    int // messages of the key with most
	Counts
}

// State returns the state. It looks at all keys.
func (s *Scheduler[V]) State() State {
	st := State{
		Messages: s.store.Messages(), Bytes: s.store.Size(), Batches: s.store.Open(),
		InFlight: s.inFlight, Keys: len(s.queues), Blocked: len(s.blocked), Behind: len(s.behind), Resting: len(s.resting),
		Counts: s.count,
	}
	for _, q := range s.queues {
		if n := len(q.messages); n > st.Largest || n == st.Largest && q.key < st.LargestKey {
			st.Largest, st.LargestKey = n, q.key
		}
	}
	return st
}

// Idle reports whether nothing is held.
func (s *Scheduler[V]) Idle() bool { return s.store.Messages() == 0 }

// String names a shortage, for a log line.
func (s Shortage) String() string {
	switch s {
	case Full:
		return "max_messages or max_bytes is reached"
	case BlockedKey:
		return "a blocked key holds max_messages_per_key"
	case None:
		return "there is room"
	}
	return fmt.Sprintf("shortage %d", int(s))
}
