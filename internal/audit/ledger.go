package audit

import (
	"fmt"
)

// series is what tweets are counted by, beside the time.
type series struct{ brand, sentiment string }

// key is one count: a second, or a longer window, of a series.
type key struct {
	start  int64 // ns since the Unix epoch
	series uint32
}

// account is what both sides say of one count.
type account struct {
	committed int64 // tweets that Kafka holds below the committed offsets
	logged    int64 // and below the end of the log
	stored    int64 // in InfluxDB, and refused by it
	// unsure is how many of the stored may be of tweets that Kafka has removed.
	unsure int64
	// points is a sum over the points that there should be, less that over those
	// that there are: 0 if they are the same ones.
	points uint64
}

// missing is how many tweets are stored too few, and surplus how many too many.
func (a account) missing() int64 { return max(0, a.committed-a.stored) }
func (a account) surplus() int64 { return max(0, a.stored-a.unsure-a.logged) }

// moved tells that the sums agree and the points do not: some are missing, and
// others stand in for them. Only for what is not under way.
func (a account) moved(pointwise bool) bool {
	return pointwise && a.committed == a.logged && a.stored == a.logged && a.unsure == 0 && a.points != 0
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

// TooManyError says that there are more counts than the audit may hold.
type TooManyError struct{ Counts int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("there are more than %d counts of a second, brand and sentiment, which is as many as are held in memory: narrow the time with --from and --to, or raise --max-counts (about 100 bytes each)", e.Counts)
}

// number of a series.
func (l *ledger) number(s series) uint32 {
	n, ok := l.numbers[s]
	if !ok {
		n = uint32(len(l.names))
		l.numbers[s] = n
		l.names = append(l.names, s)
	}
	return n
}

// account of a key, which is good until the next call.
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
