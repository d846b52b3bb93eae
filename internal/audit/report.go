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

// Verdict is the result of an audit.
type Verdict string

// Verdicts.
const (
	Equal     Verdict = "equal"
	Different Verdict = "different"
)

// Report is the report of an audit. Its JSON form is for programs; only new fields
// may be added to it.
type Report struct {
	Verdict Verdict `json:"verdict"`
	// Kafka, InfluxDB and Measurement describe what was compared.
	Kafka       string `json:"kafka"`
	InfluxDB    string `json:"influxdb"`
	Measurement string `json:"measurement"`
	Topic       string `json:"topic"`
	Group       string `json:"group,omitempty"`
	Cut         Cut    `json:"points_of"`
	Unit        string `json:"unit"` // length of time of a count
	// From and To bound the time that was compared. nil means no bound.
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`

	Partitions []PartitionReport `json:"partitions"`

	// Committed counts the tweets in Kafka below the committed offsets, InFlight
	// those from there to the end of the log.
	Committed int64 `json:"kafka_committed"`
	InFlight  int64 `json:"kafka_in_flight"`
	// Undecodable counts the records that are not tweets by the documented rule.
	Undecodable int64 `json:"kafka_undecodable"`
	// Filtered counts the records that the pipeline's mapping deletes.
	Filtered int64 `json:"kafka_filtered"`
	// Stored counts the tweets in the points of InfluxDB, Points the points.
	Stored int64 `json:"influxdb_tweets"`
	Points int64 `json:"influxdb_points"`
	// Refused counts the tweets in points that InfluxDB rejected and that are in
	// the dead letters instead.
	Refused int64 `json:"refused_tweets"`
	// Settled counts the tweets in Kafka whose dead letters were replayed or dropped,
	// Replayed those in points that were written in place of rejected ones.
	Settled  int64 `json:"settled_tweets"`
	Replayed int64 `json:"replayed_tweets"`
	// Removed counts the tweets in points whose offsets Kafka has removed, CutOff
	// those of a batch that begins before the log. Neither can be compared.
	Removed int64 `json:"not_in_kafka_any_more"`
	CutOff  int64 `json:"cut_off_by_log_start"`
	// Uncertain counts the tweets in points that may belong to removed offsets.
	Uncertain int64 `json:"unsure"`
	// Outside counts the tweets in Kafka outside the time that was compared,
	// Foreign the points of other topics in the measurement.
	Outside int64 `json:"outside_of_time"`
	Foreign int64 `json:"points_of_other_topics"`

	// Sentiments are the sums of the compared tweets, by sentiment.
	Sentiments map[string]Sums `json:"sentiments"`

	Counts          int   `json:"counts"`           // counts that were compared
	DifferentCounts int   `json:"different_counts"` // counts that differ
	Missing         int64 `json:"missing_tweets"`
	Surplus         int64 `json:"surplus_tweets"`

	// Differences are the first counts that differ, by time.
	Differences []Difference `json:"differences"`
	Notes       []string     `json:"notes,omitempty"`
}

// Sums are numbers of tweets on both sides. Stored includes points that InfluxDB
// rejected.
type Sums struct {
	Committed int64 `json:"kafka_committed"`
	InFlight  int64 `json:"kafka_in_flight"`
	Stored    int64 `json:"influxdb"`
}

// PartitionReport has the offsets of a partition that were compared: those from Start
// to Committed must be stored, those from Committed to End may be.
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
	// Committed counts the tweets below the committed offsets, Logged those below
	// the end of the log, Stored those in InfluxDB and in points that it rejected.
	Committed int64 `json:"kafka_committed"`
	Logged    int64 `json:"kafka_end"`
	Stored    int64 `json:"influxdb"`
	Missing   int64 `json:"missing"`
	Surplus   int64 `json:"surplus"`
	// Moved means that the sum is right but the points are not.
	Moved  bool    `json:"moved,omitempty"`
	Causes []Cause `json:"causes,omitempty"`

	key key
}

// ErrNothing means that there is nothing to compare.
var ErrNothing = errors.New("there is nothing to compare")

// pointwise reports whether the expected points are known, not only their sums.
func (a *Audit) pointwise() bool { return a.Cut != CutFolds }

func (a *Audit) report(l *ledger, lim *limits, stored *storedSide, logged *loggedSide) *Report {
	r := &Report{
		Verdict: Equal, Topic: a.Topic, Group: a.Group, Cut: a.Cut, Unit: a.Unit().String(),
		Partitions: partitionsOf(lim),
		Committed:  logged.committed, InFlight: logged.tweets - logged.committed, Undecodable: logged.undecodable, Filtered: logged.filtered,
		Stored: stored.tweets - stored.before, Points: stored.points - stored.foreign, Refused: stored.refusedTweets,
		Settled: logged.settled, Replayed: stored.replayed,
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
		r.Uncertain += account.uncertain
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

// notes returns what a reader must know besides the verdict.
func (a *Audit) notes(r *Report) (notes []string) {
	note := func(n int64, format string, args ...any) {
		if n > 0 {
			notes = append(notes, humanize.Comma(n)+" "+fmt.Sprintf(format, args...))
		}
	}
	note(r.Undecodable, "records in Kafka are not tweets by the documented rule and are not compared: they must be in the dead letters")
	note(r.Filtered, "records in Kafka are deleted by the pipeline's mapping and are not compared")
	if len(a.Unsteady) > 0 {
		notes = append(notes, fmt.Sprintf("the pipeline's mapping calls %s, whose result may differ each time a record is read: tweets that depend on it appear as differences", strings.Join(a.Unsteady, ", ")))
	}
	note(r.Removed, "tweets in InfluxDB belong to offsets that Kafka has removed and are not compared")
	note(r.CutOff, "tweets at the start of Kafka's log belong to a batch that begins before it and are not compared")
	note(r.Uncertain, "tweets in InfluxDB belong to offsets that Kafka has removed, or to offsets %d higher; they are not counted as too many", a.Law.period())
	note(r.Refused, "tweets are in points that InfluxDB rejected; they are in the dead letters and count as stored")
	note(r.Settled, "tweets in Kafka are in dead letters that were replayed or dropped (dlq): the former count where the replay has written them, the latter need not")
	note(r.Replayed, "tweets are in points that were written in place of rejected ones (dlq replay --fix) and are not compared")
	note(r.Foreign, "points belong to other topics and are not compared")
	if a.Kept > 0 {
		notes = append(notes, fmt.Sprintf("the bucket keeps %s: tweets before %s are not compared", a.Kept, time.Unix(0, a.From).UTC().Format(time.RFC3339)))
	}
	if r.DifferentCounts > 0 && r.Missing == 0 && r.Surplus == 0 {
		notes = append(notes, "all sums are right, but points differ: another pipeline wrote them, or this one with other settings")
	}
	if a.Cut == CutFolds {
		notes = append(notes, "the points are of batches of the stock input, whose boundaries are not recorded: only sums are compared")
	}
	return notes
}
