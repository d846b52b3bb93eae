package sentimentwindow

import (
	"fmt"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

// defaultOffsetsPerWindow is the least S that is accepted unless the operator says
// that fewer are enough. Where S is too small points replace each other without an
// error, and one partition can bring a million records a second.
const defaultOffsetsPerWindow = 1_000_000

// checkSlots refuses settings that leave a partition fewer offsets than a window
// may have.
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
	what, way := fmt.Sprintf("%s: %d", fieldMaxPartitions, c.maxPartitions), fmt.Sprintf("Lower %s to the partitions that the topic has or will have, or make that time longer", fieldMaxPartitions)
	if c.identity == contract.IdentitySource {
		what, way = fmt.Sprintf("%s: %s", fieldIdentity, contract.IdentitySource), "Make that time longer"
	}
	return fmt.Errorf("%s leaves a partition %d offsets of %s, fewer than %s: %d. Points of offsets that are as far apart would replace each other. "+
		"%s; for a slow topic, set %s to how many offsets one partition can have in that time, at most %d",
		what, slots, of, fieldOffsetsPerWindow, c.offsetsPerWindow, way, fieldOffsetsPerWindow, slots)
}

// slotsText says at start what checkSlots has found enough.
func (c config) slotsText(l laws) string {
	field, resolution := c.resolutionField()
	text := fmt.Sprintf("With %s: %s", field, resolution)
	if c.identity == contract.IdentityTimestamp {
		text += fmt.Sprintf(" and %s: %d", fieldMaxPartitions, c.maxPartitions)
	}
	text += fmt.Sprintf(", no two points share a timestamp while the offsets that a partition has in one %s span fewer than %d", field, l.points.Slots())
	if c.coverage != "" && l.coverage.Slots() < l.points.Slots() {
		text += fmt.Sprintf("; no two coverage points do while those of one second span fewer than %d", l.coverage.Slots())
	}
	return text
}

// resolutionField is the field that says R, and R.
func (c config) resolutionField() (string, time.Duration) {
	if c.emit == emitTweets {
		return fieldResolution, c.resolution
	}
	return fieldWindow, c.window
}

// secondOfCoverage is what coverage points are stamped in, whatever the window is.
const secondOfCoverage = "the second in which a coverage point is"

// The rule by which lint finds what checkSlots finds: variables, and cases of a
// match. A value that is wrong by itself has a rule of its own.
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
let way = if $by_time { "Lower max_partitions to the partitions that the topic has or will have, or make that time longer" } else { "Make that time longer" }
let few = $what + " leaves a partition %v offsets of %s, fewer than offsets_per_window: %v. Points of offsets that are as far apart would replace each other. " + $way + "; for a slow topic, set offsets_per_window to how many offsets one partition can have in that time, at most %v"
`
	slotsCases = `
  $applies && $slots < $least => [ $few.format($slots, $resolution + ": " + $length, $least, $slots) ],
  $applies && $covers && $coverage_slots < $least => [ $few.format($coverage_slots, "` + secondOfCoverage + `", $least, $coverage_slots) ],`
)
