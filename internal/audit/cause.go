package audit

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
)

// Kind is what is wrong at a place in Kafka.
type Kind string

// Kinds.
const (
	KindMissing    Kind = "missing"    // tweets without a point
	KindCount      Kind = "count"      // a point with another count
	KindTwice      Kind = "twice"      // a second point, in another series
	KindUnexpected Kind = "unexpected" // a point without tweets
	KindSum        Kind = "sum"        // a partition whose points do not add up
	KindGone       Kind = "gone"       // a second reading found no fault
	KindUnknown    Kind = "unknown"    // too much to look at
)

// Cause is where a difference comes from.
type Cause struct {
	Kind Kind `json:"kind"`
	// Partition is -1 where the time of the point is one that none gives.
	Partition int32 `json:"partition"`
	// Base and Last are the offsets of the RecordBatch. For an unexpected point
	// they are the batch that its offset lies in, if there is one: else -1.
	Base int64 `json:"base_offset"`
	Last int64 `json:"last_offset"`
	// FirstOffset and LastOffset bound the offsets of the tweets that are concerned,
	// where single ones are. Of an unexpected point FirstOffset is the lowest offset
	// in the log that gives its time, and others follow each Period.
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset_concerned"`
	Period      int64 `json:"period,omitempty"`
	// Should is how many tweets should be stored, and Stored how many are.
	Should int64 `json:"should"`
	Stored int64 `json:"stored"`
	Points int   `json:"points"`
	// Tags are those that a point should not have.
	Tags string `json:"tags,omitempty"`
	// Folds are the points of a partition, for KindSum.
	Folds []Fold `json:"folds,omitempty"`
	// Text says it in words.
	Text string `json:"text"`
}

// Fold is a point of what an input has read in one piece.
type Fold struct {
	Offset int64 `json:"offset"`
	Count  int64 `json:"count"`
}

// describe makes the text of a cause.
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
		c.Text = fmt.Sprintf("%s: %s stored once more, in another series%s", batch, tweets(c.Stored), tags)
	case KindUnexpected:
		c.Text = c.unexpected(cut, exists, tags)
	case KindSum:
		c.Text = c.sum()
	case KindGone:
		c.Text = "a second reading found nothing wrong here: it was stored after it was committed, or is being changed"
	case KindUnknown:
		c.Text = "not looked at: too many points"
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
		return text + "at a time that no offset gives"
	case !exists:
		return text + fmt.Sprintf("partition %d, which the topic does not have", c.Partition)
	case c.Base >= 0 && c.Base == c.FirstOffset:
		return text + fmt.Sprintf("partition %d, batch at %d (to %d), which has no such tweets", c.Partition, c.Base, c.Last)
	case c.Base >= 0:
		return text + fmt.Sprintf("partition %d, %s %d, which lies inside of the batch at %d (to %d)", c.Partition, offset, c.FirstOffset, c.Base, c.Last)
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
			text.WriteString(" in what was read from offset ")
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
