package deadletter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Grouping is a property of letters by which they are counted.
type Grouping string

// The groupings.
const (
	ByReason    Grouping = "reason"
	ByTopic     Grouping = "topic"     // of the origin
	ByPartition Grouping = "partition" // of the origin
	ByForm      Grouping = "form"
	ByMinute    Grouping = "minute" // of the letter's own timestamp, as ByHour and ByDay
	ByHour      Grouping = "hour"
	ByDay       Grouping = "day"
)

// Groupings returns all groupings.
func Groupings() []Grouping {
	return []Grouping{ByReason, ByTopic, ByPartition, ByForm, ByMinute, ByHour, ByDay}
}

// lengths are those of the groupings by time, in milliseconds.
var lengths = map[Grouping]int64{
	ByMinute: time.Minute.Milliseconds(), ByHour: time.Hour.Milliseconds(), ByDay: 24 * time.Hour.Milliseconds(),
}

const (
	// MaxGroups bounds the memory of a Summary.
	MaxGroups = 10_000
	// maxReasonBytes bounds the part of a reason that tells groups apart.
	maxReasonBytes = 300
)

// Group is the letters with the same properties. Those by which letters are not
// grouped are zero.
type Group struct {
	Reason    string
	Topic     string // empty: not known
	Partition int32  // Unknown: not known
	Form      Form
	Start     int64 // of the minute, hour or day, in milliseconds since the Unix epoch

	Letters     int64
	First, Last int64 // their earliest and latest timestamp
	// Example is the position of the last letter among its own topic's partitions.
	Example Position
}

// Position is where a letter itself is.
type Position struct {
	Partition int32
	Offset    int64
}

// String returns the position as a command accepts it.
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Partition, p.Offset) }

// ParsePosition reads the text of String.
func ParsePosition(text string) (Position, error) {
	left, right, found := strings.Cut(text, ":")
	p, okP := digits([]byte(left))
	o, okO := digits([]byte(right))
	at, fits := partition(p)
	if !found || !okP || !okO || !fits {
		return Position{}, fmt.Errorf("%q is not the position of a letter, PARTITION:OFFSET such as 0:1207", text)
	}
	return Position{at, o}, nil
}

// key identifies a group.
type key struct {
	reason, topic string
	partition     int32
	form          Form
	start         int64
}

// Summary counts letters by groups.
type Summary struct {
	by     map[Grouping]bool
	length int64
	groups map[key]*Group

	Letters int64
	// Others is the number of letters that are in no group, because there were more than
	// MaxGroups.
	Others int64
}

// NewSummary returns an empty summary. At most one grouping by time may be given.
func NewSummary(by []Grouping) (*Summary, error) {
	s := &Summary{by: map[Grouping]bool{}, groups: map[key]*Group{}}
	for _, g := range by {
		if !slices.Contains(Groupings(), g) {
			return nil, fmt.Errorf("%q is not a property to group letters by, which are %s", g, joined(Groupings()))
		}
		if length, isTime := lengths[g]; isTime {
			if s.length != 0 && s.length != length {
				return nil, fmt.Errorf("letters are grouped by minute, hour or day, not by several of them")
			}
			s.length = length
		}
		s.by[g] = true
	}
	return s, nil
}

func joined(groupings []Grouping) string {
	names := make([]string, len(groupings))
	for i, g := range groupings {
		names[i] = string(g)
	}
	return strings.Join(names, ", ")
}

// Add counts a letter. It keeps no reference to its bytes.
func (s *Summary) Add(l *Letter) {
	s.Letters++
	var k key
	if s.by[ByReason] {
		k.reason = l.Reason
		if len(k.reason) > maxReasonBytes {
			k.reason = strings.ToValidUTF8(k.reason[:maxReasonBytes], "") + "…"
		}
	}
	if s.by[ByTopic] {
		k.topic = l.Origin.Topic
	}
	if s.by[ByPartition] {
		k.partition = l.Origin.Partition
	}
	if s.by[ByForm] {
		k.form = l.Form
	}
	if s.length > 0 {
		k.start = floor(l.Timestamp, s.length)
	}
	g := s.groups[k]
	if g == nil {
		if len(s.groups) >= MaxGroups {
			s.Others++
			return
		}
		k.reason, k.topic = strings.Clone(k.reason), strings.Clone(k.topic)
		g = &Group{Reason: k.reason, Topic: k.topic, Partition: k.partition, Form: k.form, Start: k.start, First: l.Timestamp, Last: l.Timestamp}
		s.groups[k] = g
	}
	g.Letters++
	g.First = min(g.First, l.Timestamp)
	if l.Timestamp >= g.Last {
		g.Last, g.Example = l.Timestamp, Position{l.Partition, l.Offset}
	}
}

func floor(n, unit int64) int64 {
	if rest := n % unit; rest < 0 {
		return n - rest - unit
	} else {
		return n - rest
	}
}

// Groups returns the groups: by time if grouped by it, then the largest first.
func (s *Summary) Groups() []Group {
	groups := make([]Group, 0, len(s.groups))
	for _, g := range s.groups {
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.Letters, a.Letters), cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Form, b.Form))
	})
	return groups
}
