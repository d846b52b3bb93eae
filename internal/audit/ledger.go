package audit

import (
	"fmt"
)

// series is the brand and sentiment of a count.
type series struct{ brand, sentiment string }

// key identifies one count: a second, or a longer window, of a series.
type key struct {
	start  int64 // ns since the Unix epoch
	series uint32
}

// account is one count on both sides.
type account struct {
	committed int64 // tweets in Kafka below the committed offsets
	logged    int64 // tweets in Kafka below the end of the log
	stored    int64 // tweets in InfluxDB, and in points that it rejected
	// uncertain is how many of stored may be tweets that Kafka has removed.
	uncertain int64
	// points is the sum of the hashes of the expected points, minus that of the
	// stored points: 0 if they are the same points.
	points uint64
}

// missing returns how many tweets are not stored, surplus how many too many are.
func (a account) missing() int64 { return max(0, a.committed-a.stored) }
func (a account) surplus() int64 { return max(0, a.stored-a.uncertain-a.logged) }

// moved reports whether the sums agree but the points do not: some are missing, and
// others take their place. It is false for counts with tweets in flight.
func (a account) moved(pointwise bool) bool {
	return pointwise && a.committed == a.logged && a.stored == a.logged && a.uncertain == 0 && a.points != 0
}

// ledger holds the accounts of both sides.
type ledger struct {
	max      int
	accounts []account
	index    map[key]int32
	names    []series
	numbers  map[series]uint32
}

func newLedger(max int) *ledger {
	return &ledger{max: max, index: map[key]int32{}, numbers: map[series]uint32{}}
}

// TooManyError means that there are more counts than the audit may hold.
type TooManyError struct{ Counts int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("there are more than %d counts of a second, brand and sentiment, the limit of --max-counts. Narrow the time with --from and --to, or raise the limit (about 100 bytes per count)", e.Counts)
}

// number returns the number of a series.
func (l *ledger) number(s series) uint32 {
	n, ok := l.numbers[s]
	if !ok {
		n = uint32(len(l.names))
		l.numbers[s] = n
		l.names = append(l.names, s)
	}
	return n
}

// account returns the account of a key. The pointer is valid until the next call.
func (l *ledger) account(k key) (*account, error) {
	i, ok := l.index[k]
	if !ok {
		if len(l.accounts) >= l.max {
			return nil, &TooManyError{l.max}
		}
		i = int32(len(l.accounts))
		l.index[k] = i
		l.accounts = append(l.accounts, account{})
	}
	return &l.accounts[i], nil
}
