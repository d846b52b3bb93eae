package pipelineview

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Levels of a verdict.
const (
	LevelOK      = "ok"
	LevelBusy    = "busy"    // it works, and something is worth a look
	LevelBad     = "bad"     // tweets wait, and it will not get better by itself
	LevelUnknown = "unknown" // nothing is known
)

// Stages, in the order in which a tweet passes them.
const (
	StageGenerated = "generated"
	StageKafka     = "kafka"
	StageDecoded   = "decoded"
	StageWindowed  = "windowed"
	StageStored    = "stored"
)

// Verdict is how the pipeline keeps up, in words.
type Verdict struct {
	Level  string `json:"level"`
	Stage  string `json:"stage"` // where it is held up; empty if nowhere
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Facts are what a verdict is made from. Rates are tweets/s of the last seconds;
// what is not known is NaN.
type Facts struct {
	Endpoints int      // how many are asked
	Away      []string // those that do not answer
	KafkaAway string   // why Kafka does not, empty if it does or is not asked

	Generated, Kafka, Decoded, Stored float64

	Missed     float64 // tweets/s that the generator had no time for
	Lag        float64 // tweets
	LagGrowth  float64 // tweets/s
	LagSeconds float64
	Waiting    float64 // points that InfluxDB has not stored yet
	PointWait  float64 // seconds that such a point waits at the present rate
	Retries    float64 // requests/s sent again
	Stopped    float64 // partitions

	Refused   float64 // records/s that sentiment_window could not count
	Rejected  float64 // points/s that InfluxDB refuses
	Points    float64 // points/s that InfluxDB stores
	SlotsUsed float64 // share of the nanoseconds of a window that are taken
	// Schemas are the ids of schemas that records have waited for, for up to
	// SchemaSeconds, in so many WaitingBatches.
	Schemas        []string
	SchemaSeconds  float64
	WaitingBatches float64
	Filtered       float64 // records/s that a mapping deletes
	Nothing        bool    // an ingest has counted none of its first records

	HotKeys []HotKey // that subpartition has found, the one that holds most first
	// Lagging, Loaded and Brand have far more than the others: of the lag, of the records
	// that are read, and of the tweets. They are empty if nothing has.
	Lagging, Loaded, Brand Skew
}

// HotKey is a key with much of the messages.
type HotKey struct {
	Name  string  // empty if the process only says how many it holds
	Share float64 // of the messages of the last seconds
	Held  float64 // messages
	// Of is how many messages its process holds, and Cores how many processors that uses;
	// NaN if it does not say.
	Of, Cores float64
}

// Skew is a part that has far more than the others.
type Skew struct {
	Name  string  // empty: nothing has
	Share float64 // of all
	Count float64 // of Of, where these are known
	Of    float64
	Parts int // among how many
}

const (
	// parted is by how much a stage may be slower than the one before it without
	// being the bottleneck: rates of two moments differ a little.
	parted = 0.9
	// allOfIt is the share of records or points that counts as nearly all. From
	// manyOfThem on, dead letters are red, and from someOfThem on worth a look.
	allOfIt, manyOfThem, someOfThem = 0.95, 0.1, 0.01
	// slotsFillFrom and slotsUsedUpFrom are shares of a window's timestamps in use.
	slotsFillFrom, slotsUsedUpFrom = 0.5, 0.9
	// flowing is from how many tweets/s on something flows.
	flowing = 0.05
	// lateSeconds of lag are worth a word.
	lateSeconds = 5
	// stuckSeconds of lag must be there before InfluxDB is said to hang: a trickle
	// has pauses, too.
	stuckSeconds = 3
	// longWait is how long a point may wait for InfluxDB: the longest flush_period
	// of the shipped configs is well below.
	longWait = 1.5
)

// Judge names the bottleneck.
func Judge(f Facts) Verdict {
	for _, rule := range []func(Facts) (Verdict, bool){
		nobody, away, nothingCounts, nothingStored, slotsUsedUp, manyDead, keyHolds, measuring, stoppedPartitions, schemaMissing, influxStuck, idle, generatorHeldUp, readerHeldUp, catchingUp, someAway, someDead, late, slotsFill,
	} {
		if v, ok := rule(f); ok {
			return v
		}
	}
	return Verdict{Level: LevelOK, Title: "All stages keep up", Detail: keepingUp(f)}
}

func nobody(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelUnknown, Title: "No pipeline is configured",
		Detail: "Start the dashboard with --metrics and the metrics addresses of the pipelines, such as http://127.0.0.1:4195/metrics.",
	}, f.Endpoints == 0 && math.IsNaN(f.Kafka) && f.KafkaAway == ""
}

func away(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBad, Title: "No pipeline responds",
		Detail: "No metrics from " + strings.Join(f.Away, ", ") + ". To start a pipeline: brandpulse-connect run config/exact.yaml",
	}, f.Endpoints > 0 && len(f.Away) == f.Endpoints
}

// nearlyAll reports whether failures make up nearly all of a rate. good may be unknown,
// if nothing was ever counted.
func nearlyAll(bad, good float64) bool {
	return bad > flowing && bad >= allOfIt*(bad+known(good))
}

func nothingCounts(f Facts) (Verdict, bool) {
	const help = " A setting does not match the topic: encoding, schema_files, mapping or message of sentiment_window. The log of the ingest has the reason, and so has the header dead_error of each dead letter."
	switch {
	case nearlyAll(f.Refused, f.Decoded):
		return Verdict{
			Level: LevelBad, Stage: StageDecoded, Title: "Nearly all records are dead letters",
			Detail: fmt.Sprintf("%s records/s cannot be counted, and %s tweets/s can.%s", number(f.Refused), number(known(f.Decoded)), help),
		}, true
	case f.Nothing:
		return Verdict{
			Level: LevelBad, Stage: StageDecoded, Title: "Nothing is counted",
			Detail: "None of the records that an ingest has read since its start could be counted." + help,
		}, true
	}
	return Verdict{}, false
}

func nothingStored(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBad, Stage: StageStored, Title: "InfluxDB rejects nearly all points",
		Detail: fmt.Sprintf("%s points/s are rejected, and %s/s are stored. The reasons are listed below. Common ones are a retention that is too short for the data, and a field of another type.", number(f.Rejected), number(known(f.Points))),
	}, nearlyAll(f.Rejected, f.Points)
}

func slotsUsedUp(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBad, Stage: StageWindowed, Title: "Points are about to replace each other",
		Detail: fmt.Sprintf("The tweets of one window and partition span %.0f %% of the offsets that have timestamps of their own; from 100 %% on, points replace each other. Set a longer window or fewer max_partitions, and replay the topic into an empty bucket. The log of the ingest names the partition and the window.", 100*f.SlotsUsed),
	}, f.SlotsUsed >= slotsUsedUpFrom
}

// known returns 0 for an unknown number.
func known(n float64) float64 {
	if math.IsNaN(n) {
		return 0
	}
	return n
}

func measuring(f Facts) (Verdict, bool) {
	for _, rate := range []float64{f.Generated, f.Kafka, f.Decoded, f.Stored} {
		if !math.IsNaN(rate) {
			return Verdict{}, false
		}
	}
	return Verdict{Level: LevelUnknown, Title: "Measuring", Detail: "Rates need a second reading of the metrics, and pipelines of brandpulse-connect."}, f.KafkaAway == ""
}

func stoppedPartitions(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBad, Stage: StageDecoded, Title: "Partitions wait for an operator",
		Detail: fmt.Sprintf("kafka_batches has stopped %s of them, since it would lose tweets or count them twice. Its log has the reason.", number(f.Stopped)),
	}, f.Stopped > 0
}

func schemaMissing(f Facts) (Verdict, bool) {
	ids := f.Schemas
	if len(ids) > maxSchemas {
		ids = append(slices.Clone(ids[:maxSchemas]), fmt.Sprintf("%d more", len(ids)-maxSchemas))
	}
	return Verdict{
		Level: LevelBad, Stage: StageDecoded, Title: "Records wait for a schema",
		Detail: fmt.Sprintf("The schema registry has not returned schema %s for %s. %s record batches of kafka_batches are redelivered until it does; the others are not affected. "+
			"Register the schema. If it was never one, `unknown_schema: undecodable` makes dead letters of its records.", strings.Join(ids, ", "), duration(f.SchemaSeconds), number(f.WaitingBatches)),
	}, f.SchemaSeconds > lateSeconds
}

// maxSchemas is how many ids a verdict names.
const maxSchemas = 5

func influxStuck(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBad, Stage: StageStored, Title: "InfluxDB accepts no points",
		Detail: fmt.Sprintf("%s points are queued and will be retried until InfluxDB accepts them. Nothing is lost: newer tweets wait in Kafka. The log of the ingest has InfluxDB's response, if there is one.", number(f.Waiting)),
	}, f.Waiting > 0 && f.Stored < flowing && (f.Retries > 0 || f.Kafka > flowing && !(f.LagSeconds < stuckSeconds))
}

func idle(f Facts) (Verdict, bool) {
	for _, rate := range []float64{f.Generated, f.Kafka, f.Decoded, f.Stored} {
		if rate >= flowing {
			return Verdict{}, false
		}
	}
	if f.Lag > 0 && f.LagSeconds > lateSeconds {
		return Verdict{
			Level: LevelBad, Stage: StageDecoded, Title: "Nothing reads the tweets in Kafka",
			Detail: fmt.Sprintf("%s tweets wait. Check that the ingest is running and ready (/ready).", number(f.Lag)),
		}, true
	}
	// A process that does not answer may be the reason.
	return Verdict{Level: LevelBusy, Title: "No tweets arrive", Detail: "All rates are 0: nothing new is written to the topic. For generated tweets, in the topic of the shipped pipelines: brandpulse-connect run config/generate.yaml"}, len(f.Away) == 0 && f.KafkaAway == ""
}

func generatorHeldUp(f Facts) (Verdict, bool) {
	switch {
	case f.Kafka < parted*f.Generated && f.Generated-f.Kafka > flowing:
		return Verdict{
			Level: LevelBad, Stage: StageKafka, Title: "Kafka accepts less than is generated",
			Detail: fmt.Sprintf("%s tweets/s are generated, and %s/s reach Kafka.", number(f.Generated), number(f.Kafka)),
		}, true
	case f.Missed > flowing && f.Missed > (1-parted)*f.Generated:
		return Verdict{
			Level: LevelBusy, Stage: StageKafka, Title: "The generator is behind its rate",
			Detail: fmt.Sprintf("Kafka accepts %s tweets/s, which is %s/s less than the configured rate.", number(f.Generated), number(f.Missed)),
		}, true
	}
	return Verdict{}, false
}

func readerHeldUp(f Facts) (Verdict, bool) {
	read := f.Decoded + known(f.Refused) + known(f.Filtered)
	if !(f.Kafka > flowing && read < parted*f.Kafka && !(f.LagGrowth <= 0)) {
		return Verdict{}, false
	}
	rates := fmt.Sprintf("%s tweets/s arrive in Kafka, and %s/s are read.", number(f.Kafka), number(read))
	if f.LagGrowth > 0 {
		rates += fmt.Sprintf(" The lag grows by %s/s.", number(f.LagGrowth))
	}
	if f.PointWait > longWait {
		return Verdict{
			Level: LevelBad, Stage: StageStored, Title: "InfluxDB is the bottleneck",
			Detail: fmt.Sprintf("A point waits %.1f s until it is stored, and reading waits for it. %s", f.PointWait, rates),
		}, true
	}
	return Verdict{
		Level: LevelBad, Stage: StageDecoded, Title: "The ingest is the bottleneck",
		Detail: rates + " Points do not wait for InfluxDB: give the ingest more cores, or start a second one in the same consumer group.",
	}, true
}

func catchingUp(f Facts) (Verdict, bool) {
	speed := -f.LagGrowth
	if !(f.LagSeconds > lateSeconds && speed > flowing && f.Lag > 0) {
		return Verdict{}, false
	}
	return Verdict{
		Level: LevelBusy, Title: "Catching up",
		Detail: fmt.Sprintf("%s tweets are left in Kafka; at this rate it takes another %s.", number(f.Lag), duration(f.Lag/speed)),
	}, true
}

func someAway(f Facts) (Verdict, bool) {
	switch {
	case len(f.Away) > 0:
		return Verdict{
			Level: LevelBusy, Title: "A pipeline does not respond",
			Detail: "No metrics from " + strings.Join(f.Away, ", ") + ". Its numbers are missing on this page.",
		}, true
	case f.KafkaAway != "":
		return Verdict{Level: LevelBusy, Title: "Kafka does not respond", Detail: f.KafkaAway}, true
	}
	return Verdict{}, false
}

func late(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBusy, Title: "The ingest is behind",
		Detail: fmt.Sprintf("It keeps up with the rate, but the tweets that it reads have been in Kafka for %s.", duration(f.LagSeconds)),
	}, f.LagSeconds > lateSeconds
}

func slotsFill(f Facts) (Verdict, bool) {
	return Verdict{
		Level: LevelBusy, Stage: StageWindowed, Title: "Windows span many offsets",
		Detail: fmt.Sprintf("The tweets of one window and partition span %.0f %% of the offsets that have timestamps of their own; from 100 %% on, points replace each other.", 100*f.SlotsUsed),
	}, f.SlotsUsed >= slotsFillFrom
}

func keepingUp(f Facts) string {
	var parts []string
	for _, p := range []struct {
		rate float64
		text string
	}{{f.Generated, "generated"}, {f.Kafka, "into Kafka"}, {f.Decoded, "decoded"}, {f.Stored, "stored"}} {
		if !math.IsNaN(p.rate) {
			parts = append(parts, number(p.rate)+" "+p.text)
		}
	}
	text := "Tweets per second: " + strings.Join(parts, ", ") + "."
	for _, d := range dead(f) {
		text += " " + d.words()
	}
	return text
}

func number(n float64) string {
	if n < 10 {
		return humanize.FtoaWithDigits(n, 1)
	}
	return humanize.Comma(int64(math.Round(n)))
}

// percent writes a share with the digits that matter.
func percent(share float64) string {
	if share < 0.1 {
		return humanize.FtoaWithDigits(100*share, 1) + " %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

func duration(seconds float64) string {
	d := time.Duration(min(seconds, 1e8) * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
