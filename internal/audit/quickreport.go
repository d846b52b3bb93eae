package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/dustin/go-humanize"
)

// FindingKind is the kind of a finding.
type FindingKind string

// Kinds of findings.
const (
	FindingGap     FindingKind = "gap"     // a batch without a coverage point
	FindingOverlap FindingKind = "overlap" // two coverage points with the same offsets
	FindingSum     FindingKind = "sum"     // points whose sum is not that of the coverage point
	FindingOrphan  FindingKind = "orphan"  // a point without a coverage point
	FindingInvalid FindingKind = "invalid" // a coverage point that contradicts itself
	FindingTwin    FindingKind = "twin"    // a record batch of another topic with the same timestamp and count
	FindingBeyond  FindingKind = "beyond"  // a coverage point of offsets that Kafka does not have
)

// Finding is one thing that is wrong with the coverage points.
type Finding struct {
	Kind      FindingKind `json:"kind"`
	Partition int32       `json:"partition"`
	Base      int64       `json:"base_offset"`
	Last      int64       `json:"last_offset"`
	Text      string      `json:"text"`
}

// QuickReport is the report of a quick audit.
type QuickReport struct {
	Verdict     Verdict `json:"verdict"`
	Kafka       string  `json:"kafka"`
	InfluxDB    string  `json:"influxdb"`
	Measurement string  `json:"measurement"`
	Topic       string  `json:"topic"`
	Group       string  `json:"group,omitempty"`

	Partitions []PartitionReport `json:"partitions"`
	// Batches with a coverage point, and the sums of their coverage points.
	Batches     int   `json:"batches"`
	Records     int64 `json:"records"`
	Counted     int64 `json:"counted"`
	Undecodable int64 `json:"undecodable"`
	Filtered    int64 `json:"filtered"`
	// Tweets in the points, and the number of points.
	Tweets int64 `json:"influxdb_tweets"`
	Points int64 `json:"influxdb_points"`

	Findings []Finding `json:"findings"` // the first ones, by partition and offset
	Count    int       `json:"all_findings"`
	Notes    []string  `json:"notes,omitempty"`
}

// Outcome returns the verdict.
func (r *Report) Outcome() Verdict { return r.Verdict }

// Outcome returns the verdict.
func (r *QuickReport) Outcome() Verdict { return r.Verdict }

func (q *quick) report() *QuickReport {
	r := &QuickReport{
		Verdict: Equal, Topic: q.audit.Topic, Group: q.audit.Group, Partitions: partitionsOf(q.lim),
		Points: q.points, Tweets: q.tweets, Count: len(q.findings), Findings: []Finding{},
	}
	for _, list := range q.spans {
		for _, c := range list {
			r.Batches++
			r.Records += c.Records
			r.Counted += c.Counted
			r.Undecodable += c.Undecodable
			r.Filtered += c.Filtered
		}
	}
	if r.Count > 0 {
		r.Verdict = Different
	}
	slices.SortStableFunc(q.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Base, b.Base))
	})
	r.Findings = append(r.Findings, q.findings[:min(len(q.findings), q.audit.MaxExplained)]...)
	if q.removed > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s in InfluxDB belong to offsets that Kafka has removed and that no coverage point covers", tweets(q.removed)))
	}
	if q.foreign > 0 {
		r.Notes = append(r.Notes, humanize.Comma(q.foreign)+" coverage points belong to other topics"+q.named()+" and are not checked")
	}
	return r
}

// WriteText writes a report for people.
func (r *QuickReport) WriteText(w io.Writer) error {
	t := text{w: w}
	t.line("Kafka     %s", r.Kafka)
	t.line("InfluxDB  %s", r.InfluxDB)
	t.line("")
	for _, f := range r.Findings {
		t.line("%s", f.Text)
	}
	if more := r.Count - len(r.Findings); more > 0 {
		t.line("and %s more", humanize.Comma(int64(more)))
	}
	if r.Count > 0 {
		t.line("")
	}
	t.line("%-10s %12s %12s %12s %12s", "partition", "log from", "committed", "log to", "in flight")
	for _, p := range r.Partitions {
		t.line("%-10d %12d %12d %12d %12s", p.Partition, p.Start, p.Committed, p.End, humanize.Comma(p.End-p.Committed))
	}
	t.line("")
	for _, note := range r.Notes {
		t.line("note: %s", note)
	}
	batches := fmt.Sprintf("the coverage points of %s batches", humanize.Comma(int64(r.Batches)))
	filtered := ""
	if r.Filtered > 0 {
		filtered = fmt.Sprintf(", %s filtered by the mapping", humanize.Comma(r.Filtered))
	}
	if r.Verdict == Equal {
		t.line("%s: %s cover all partitions without gaps and overlaps, and their counts agree with the points: %s, %s undecodable%s", r.Verdict, batches, tweets(r.Counted), humanize.Comma(r.Undecodable), filtered)
	} else {
		t.line("%s: %s findings in %s", r.Verdict, humanize.Comma(int64(r.Count)), batches)
	}
	return t.err
}
