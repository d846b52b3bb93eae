package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Verdict is what an audit comes to.
type Verdict string

// Verdicts.
const (
	Equal     Verdict = "equal"
	Different Verdict = "different"
)

// Report is what an audit has found. Its JSON form is for programs, and grows by
// fields only.
type Report struct {
	Verdict Verdict `json:"verdict"`
	// Kafka, InfluxDB and Measurement say what was compared, in words.
	Kafka       string `json:"kafka"`
	InfluxDB    string `json:"influxdb"`
	Measurement string `json:"measurement"`
	Topic       string `json:"topic"`
	Group       string `json:"group,omitempty"`
	Cut         Cut    `json:"points_of"`
	Unit        string `json:"unit"` // length of time of a count
	// From and To bound the time that was compared, absent where they do not.
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`

	Partitions []PartitionReport `json:"partitions"`

	// Tweets in Kafka: below the committed offsets, and from there to the end.
	Committed int64 `json:"kafka_committed"`
	InFlight  int64 `json:"kafka_in_flight"`
	// Records of Kafka that are no tweets by the written rule.
	Undecodable int64 `json:"kafka_undecodable"`
	// Filtered counts the records that the pipeline's mapping deletes.
	Filtered int64 `json:"kafka_filtered"`
	// Stored is the tweets that the points of InfluxDB say, and Points how many
	// those are.
	Stored int64 `json:"influxdb_tweets"`
	Points int64 `json:"influxdb_points"`
	// Refused is the tweets in points that InfluxDB has refused and that are in
	// the dead letters instead.
	Refused int64 `json:"refused_tweets"`
	// Removed is the tweets in points whose offsets Kafka has removed, which
	// cannot be compared; Cut off is the tweets of a piece that begins before the
	// log.
	Removed int64 `json:"not_in_kafka_any_more"`
	CutOff  int64 `json:"cut_off_by_log_start"`
	// Unsure is the tweets in points that may be of removed offsets or of others.
	Unsure int64 `json:"unsure"`
	// Outside is the tweets of Kafka outside of the time that was compared, and
	// Foreign the points of other topics in the measurement.
	Outside int64 `json:"outside_of_time"`
	Foreign int64 `json:"points_of_other_topics"`

	// Sentiments are the sums over what was compared, by sentiment.
	Sentiments map[string]Sums `json:"sentiments"`

	Counts          int   `json:"counts"`           // compared
	DifferentCounts int   `json:"different_counts"` // of them
	Missing         int64 `json:"missing_tweets"`
	Surplus         int64 `json:"surplus_tweets"`

	// Differences are the first of them, by time.
	Differences []Difference `json:"differences"`
	Notes       []string     `json:"notes,omitempty"`
}

// Sums are numbers of tweets on both sides, those that InfluxDB has refused among
// the stored.
type Sums struct {
	Committed int64 `json:"kafka_committed"`
	InFlight  int64 `json:"kafka_in_flight"`
	Stored    int64 `json:"influxdb"`
}

// PartitionReport is what was compared of a partition: offsets from Start on,
// that must be stored below Committed, and may be below End.
type PartitionReport struct {
	Partition int32 `json:"partition"`
	Start     int64 `json:"start"`
	Committed int64 `json:"committed"`
	End       int64 `json:"end"`
}

// Difference is a count that differs.
type Difference struct {
	Time      time.Time `json:"time"` // start of the second, or window
	Brand     string    `json:"brand"`
	Sentiment string    `json:"sentiment"`
	// Committed is the tweets below the committed offsets, Logged those below the
	// end, Stored what InfluxDB holds, what it refused included.
	Committed int64 `json:"kafka_committed"`
	Logged    int64 `json:"kafka_end"`
	Stored    int64 `json:"influxdb"`
	Missing   int64 `json:"missing"`
	Surplus   int64 `json:"surplus"`
	// Moved says that the sum is right and the points are not.
	Moved  bool    `json:"moved,omitempty"`
	Causes []Cause `json:"causes,omitempty"`

	key key
}

// ErrNothing says that there is nothing to compare.
var ErrNothing = errors.New("there is nothing to compare")

// pointwise tells whether it is known which points there must be.
func (a *Audit) pointwise() bool { return a.Cut != CutFolds }

func (a *Audit) report(l *ledger, lim *limits, stored *storedSide, logged *loggedSide) *Report {
	r := &Report{
		Verdict: Equal, Topic: a.Topic, Group: a.Group, Cut: a.Cut, Unit: a.Unit().String(),
		Partitions: partitionsOf(lim),
		Committed:  logged.committed, InFlight: logged.tweets - logged.committed, Undecodable: logged.undecodable, Filtered: logged.filtered,
		Stored: stored.tweets - stored.before, Points: stored.points - stored.foreign, Refused: stored.refusedTweets,
		Removed: stored.before, CutOff: logged.before, Outside: logged.outside, Foreign: stored.foreign,
		Counts:      len(l.accounts),
		Sentiments:  map[string]Sums{},
		Differences: []Difference{},
	}
	if a.From != minNanos {
		from := time.Unix(0, a.From).UTC()
		r.From = &from
	}
	if a.To != maxNanos {
		to := time.Unix(0, a.To).UTC()
		r.To = &to
	}
	if a.ToEnd {
		r.Group = ""
	}
	for k, i := range l.index {
		account := l.accounts[i]
		r.Missing += account.missing()
		r.Surplus += account.surplus()
		r.Unsure += account.unsure
		name := l.names[k.series]
		sums := r.Sentiments[name.sentiment]
		sums.Committed += account.committed
		sums.InFlight += account.logged - account.committed
		sums.Stored += account.stored
		r.Sentiments[name.sentiment] = sums
		moved := account.moved(a.pointwise())
		if account.missing() == 0 && account.surplus() == 0 && !moved {
			continue
		}
		r.DifferentCounts++
		r.Differences = append(r.Differences, Difference{
			Time: time.Unix(0, k.start).UTC(), Brand: name.brand, Sentiment: name.sentiment,
			Committed: account.committed, Logged: account.logged, Stored: account.stored,
			Missing: account.missing(), Surplus: account.surplus(), Moved: moved, key: k,
		})
	}
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.key.start, b.key.start), cmp.Compare(a.Brand, b.Brand), cmp.Compare(a.Sentiment, b.Sentiment))
	})
	if r.DifferentCounts > 0 {
		r.Verdict = Different
	}
	if len(r.Differences) > a.MaxExplained {
		r.Differences = slices.Clone(r.Differences[:a.MaxExplained])
	}
	r.Notes = a.notes(r)
	return r
}

func partitionsOf(lim *limits) []PartitionReport {
	var list []PartitionReport
	for partition, bound := range lim.log {
		list = append(list, PartitionReport{partition, lim.first[partition], min(lim.committed[partition], bound.End), bound.End})
	}
	slices.SortFunc(list, func(a, b PartitionReport) int { return cmp.Compare(a.Partition, b.Partition) })
	return list
}

// notes are what a reader must know beside the verdict.
func (a *Audit) notes(r *Report) (notes []string) {
	note := func(n int64, format string, args ...any) {
		if n > 0 {
			notes = append(notes, humanize.Comma(n)+" "+fmt.Sprintf(format, args...))
		}
	}
	note(r.Undecodable, "records of Kafka are no tweets by the written rule, and are not compared: they must be in the dead letters")
	note(r.Filtered, "records of Kafka are deleted by the pipeline's mapping, and are not compared")
	if len(a.Unsteady) > 0 {
		notes = append(notes, fmt.Sprintf("the pipeline's mapping calls %s, whose result may differ each time a record is read: tweets that depend on it appear as differences", strings.Join(a.Unsteady, ", ")))
	}
	note(r.Removed, "tweets in InfluxDB are of offsets that Kafka has removed, and cannot be compared")
	note(r.CutOff, "tweets at the start of Kafka's log are of a piece that was cut by it, and are not compared")
	note(r.Unsure, "tweets in InfluxDB may be of offsets that Kafka has removed, or of those %d after them, and are taken for whichever is right", a.Law.period())
	note(r.Refused, "tweets are in points that InfluxDB has refused, and count as stored: they are in the dead letters")
	note(r.Foreign, "points are of other topics, and are not compared")
	if a.Kept > 0 {
		notes = append(notes, fmt.Sprintf("the bucket keeps %s: what is older than %s is not compared", a.Kept, time.Unix(0, a.From).UTC().Format(time.RFC3339)))
	}
	if r.DifferentCounts > 0 && r.Missing == 0 && r.Surplus == 0 {
		notes = append(notes, "all sums are right, and points differ: another pipeline has made them, or this one with other settings")
	}
	if a.Cut == CutFolds {
		notes = append(notes, "the points are of whatever the input has read in one piece, which is written nowhere: only sums can be compared")
	}
	return notes
}
