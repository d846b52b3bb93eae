package sentimentwindow

import (
	"fmt"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

// defaultOffsetsPerWindow is the smallest S that is accepted unless the operator
// declares that fewer offsets suffice. If S is too small, points replace each other
// without an error, and one partition can deliver a million records per second.
const defaultOffsetsPerWindow = 1_000_000

// checkSlots rejects settings that leave a partition fewer slots than a window may have
// offsets.
func (c config) checkSlots(l laws) error {
	if err := lintrule.CheckInt(fieldOffsetsPerWindow, c.offsetsPerWindow, 1, 0); err != nil {
		return err
	}
	if s := l.points.Slots(); s < c.offsetsPerWindow {
		field, resolution := c.resolutionField()
		return c.errSlots(s, fmt.Sprintf("%s: %s", field, resolution))
	}
	if s := l.coverage.Slots(); c.coverage != "" && s < c.offsetsPerWindow {
		return c.errSlots(s, secondOfCoverage)
	}
	return nil
}

func (c config) errSlots(slots int64, of string) error {
	what, way := fmt.Sprintf("%s: %d", fieldMaxPartitions, c.maxPartitions), fmt.Sprintf("Lower %s to the number of partitions that the topic will ever have, or lengthen that time", fieldMaxPartitions)
	if c.identity == contract.IdentitySource {
		what, way = fmt.Sprintf("%s: %s", fieldIdentity, contract.IdentitySource), "Lengthen that time"
	}
	return fmt.Errorf("%s leaves a partition %d offsets in %s, fewer than %s: %d. Points whose offsets are that far apart would replace each other. "+
		"%s; for a slow topic, set %s to the most offsets that one partition can have in that time, at most %d",
		what, slots, of, fieldOffsetsPerWindow, c.offsetsPerWindow, way, fieldOffsetsPerWindow, slots)
}

// slotsText returns the limit that checkSlots has accepted, for the log.
func (c config) slotsText(l laws) string {
	field, resolution := c.resolutionField()
	text := fmt.Sprintf("With %s: %s", field, resolution)
	if c.identity == contract.IdentityTimestamp {
		text += fmt.Sprintf(" and %s: %d", fieldMaxPartitions, c.maxPartitions)
	}
	text += fmt.Sprintf(", points have unique timestamps as long as the offsets of one partition in one %s span fewer than %d", field, l.points.Slots())
	if c.coverage != "" && l.coverage.Slots() < l.points.Slots() {
		text += fmt.Sprintf("; coverage points, as long as those of one second span fewer than %d", l.coverage.Slots())
	}
	return text
}

// resolutionField returns the field that sets R, and R.
func (c config) resolutionField() (string, time.Duration) {
	if c.emit == emitTweets {
		return fieldResolution, c.resolution
	}
	return fieldWindow, c.window
}

// secondOfCoverage describes R of coverage points, which does not depend on the window.
const secondOfCoverage = "the second of a coverage point"

// The lint rule for checkSlots: variables, and cases of a match. Values that are invalid
// by themselves have rules of their own.
const (
	slotsVariables = `
let resolution = if this.emit.or("windows") == "tweets" { "resolution" } else { "window" }
let length = if this.emit.or("windows") == "tweets" { this.resolution.or("1s") } else { this.window.or("1s") }
let by_time = this.identity.or("timestamp") == "timestamp"
let partitions = if $by_time { this.max_partitions.or(64) } else { 1 }
let least = this.offsets_per_window.or(1000000)
let nanos = $length.parse_duration().catch(0)
let applies = $nanos >= 1000000 && $nanos % 1000000 == 0
let slots = ($nanos / $partitions).floor().catch($least)
let coverage_slots = (1000000000 / $partitions).floor().catch($least)
let covers = this.message.or("record") == "record_batch" && this.coverage_measurement.or("brandpulse_batches") != ""
let what = if $by_time { "max_partitions: %v".format($partitions) } else { "identity: source" }
let way = if $by_time { "Lower max_partitions to the number of partitions that the topic will ever have, or lengthen that time" } else { "Lengthen that time" }
let few = $what + " leaves a partition %v offsets in %s, fewer than offsets_per_window: %v. Points whose offsets are that far apart would replace each other. " + $way + "; for a slow topic, set offsets_per_window to the most offsets that one partition can have in that time, at most %v"
`
	slotsCases = `
  $applies && $slots < $least => [ $few.format($slots, $resolution + ": " + $length, $least, $slots) ],
  $applies && $covers && $coverage_slots < $least => [ $few.format($coverage_slots, "` + secondOfCoverage + `", $least, $coverage_slots) ],`
)
