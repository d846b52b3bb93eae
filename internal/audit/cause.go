package audit

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
)

// Kind is the kind of a difference at one place in Kafka.
type Kind string

// Kinds.
const (
	KindMissing    Kind = "missing"    // tweets without a point
	KindCount      Kind = "count"      // a point with a wrong count
	KindTwice      Kind = "twice"      // a second point, in another series
	KindUnexpected Kind = "unexpected" // a point without tweets
	KindSum        Kind = "sum"        // a partition whose points have a wrong sum
	KindGone       Kind = "gone"       // a second reading found no difference
	KindUnknown    Kind = "unknown"    // too many points to examine
)

// Cause is the place in Kafka that a difference comes from.
type Cause struct {
	Kind Kind `json:"kind"`
	// Partition is -1 if no partition produces the timestamp of the point.
	Partition int32 `json:"partition"`
	// Base and Last are the offsets of the record batch. For an unexpected point
	// they are those of the batch that contains its offset, or -1 if there is none.
	Base int64 `json:"base_offset"`
	Last int64 `json:"last_offset"`
	// FirstOffset and LastOffset bound the offsets of the affected tweets, if only
	// some of the batch are. For an unexpected point FirstOffset is the lowest offset
	// in the log that produces its timestamp; more follow at each Period.
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset_concerned"`
	Period      int64 `json:"period,omitempty"`
	// Should is the number of tweets that should be stored, Stored that of those
	// that are.
	Should int64 `json:"should"`
	Stored int64 `json:"stored"`
	Points int   `json:"points"`
	// Tags are the tags that a point should not have.
	Tags string `json:"tags,omitempty"`
	// Folds are the points of a partition, for KindSum.
	Folds []Fold `json:"folds,omitempty"`
	// Text is the cause as a sentence.
	Text string `json:"text"`
}

// Fold is a point of one batch of the stock input.
type Fold struct {
	Offset int64 `json:"offset"`
	Count  int64 `json:"count"`
}

// describe sets the text of a cause.
func (c *Cause) describe(cut Cut, exists bool) {
	batch := fmt.Sprintf("partition %d, batch at %d (to %d)", c.Partition, c.Base, c.Last)
	tags := ""
	if c.Tags != "" {
		tags = ", with the tags " + c.Tags
	}
	switch c.Kind {
	case KindMissing:
		c.Text = fmt.Sprintf("%s: %s, nothing stored", batch, tweets(c.Should))
		if cut == CutTweets {
			c.Text = fmt.Sprintf("%s: %s at offsets %s, nothing stored", batch, tweets(c.Should), span(c.FirstOffset, c.LastOffset))
		}
	case KindCount:
		c.Text = fmt.Sprintf("%s: stored %s, should be %s%s", batch, humanize.Comma(c.Stored), humanize.Comma(c.Should), tags)
	case KindTwice:
		c.Text = fmt.Sprintf("%s: %s stored again in another series%s", batch, tweets(c.Stored), tags)
	case KindUnexpected:
		c.Text = c.unexpected(cut, exists, tags)
	case KindSum:
		c.Text = c.sum()
	case KindGone:
		c.Text = "a second reading found no difference: the points were stored after the commit, or are being changed"
	case KindUnknown:
		c.Text = "not examined: too many points"
	}
}

func (c *Cause) unexpected(cut Cut, exists bool, tags string) string {
	text := fmt.Sprintf("stored %s without a tweet%s: ", humanize.Comma(c.Stored), tags)
	offset := "base"
	if cut == CutTweets {
		offset = "offset"
	}
	switch {
	case c.Partition < 0:
		return text + "no offset produces its timestamp"
	case !exists:
		return text + fmt.Sprintf("partition %d, which the topic does not have", c.Partition)
	case c.Base >= 0 && c.Base == c.FirstOffset:
		return text + fmt.Sprintf("partition %d, batch at %d (to %d), which has no such tweets", c.Partition, c.Base, c.Last)
	case c.Base >= 0:
		return text + fmt.Sprintf("partition %d, %s %d, which is inside the batch at %d (to %d)", c.Partition, offset, c.FirstOffset, c.Base, c.Last)
	}
	return text + fmt.Sprintf("partition %d, %s %d + k·%d", c.Partition, offset, c.FirstOffset, c.Period)
}

// maxFolds is how many points of a partition are listed.
const maxFolds = 8

func (c *Cause) sum() string {
	var text strings.Builder
	fmt.Fprintf(&text, "partition %d: ", c.Partition)
	if c.LastOffset >= c.FirstOffset {
		fmt.Fprintf(&text, "%s at offsets %s, ", tweets(c.Should), span(c.FirstOffset, c.LastOffset))
	} else {
		text.WriteString("no tweets, ")
	}
	fmt.Fprintf(&text, "stored %s", humanize.Comma(c.Stored))
	for i, f := range c.Folds {
		switch {
		case i == 0:
			text.WriteString(" in batches that begin at offset ")
		case i == maxFolds:
			fmt.Fprintf(&text, ", and %d more", len(c.Folds)-maxFolds)
			return text.String()
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%d (%s)", f.Offset, humanize.Comma(f.Count))
	}
	return text.String()
}

func tweets(n int64) string {
	if n == 1 {
		return "1 tweet"
	}
	return humanize.Comma(n) + " tweets"
}

func span(first, last int64) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d to %d", first, last)
}
