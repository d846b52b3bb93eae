package tweetgen

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/shape"
)

const (
	fieldShape  = "shape"
	fieldStages = "stages"
	fieldRamp   = "ramp"
	fieldRepeat = "repeat"
	fieldScale  = "scale"
	fieldSpeed  = "speed"

	shapeNone = "none"
)

// Bounds of scale and speed: a day takes 86 ms or three years.
const (
	minFactor = 0.001
	maxFactor = 1e6

	minStage = time.Millisecond
)

// Errors of shapes, for lint and the constructor.
const (
	factors        = "a number from 0.001 to 1000000"
	wrongRate      = "rate and shape: a shape has rates of its own. Leave out one of them; scale multiplies the rates of a shape"
	wrongShape     = "shape has a name and stages: leave out one of them"
	wrongNoShape   = "shape has settings but neither a name nor stages: name it, add stages, or leave it out"
	wrongRamp      = "the ramp of a stage is a part of its duration: it must not be longer"
	wrongStages    = "stages must be a list of objects with a rate and a duration, such as { rate: 20000, duration: 5m }"
	wrongNoTweets  = "stages have only the rate 0, so there would be no tweets"
	wrongManyStage = "stages must have at most 1000 entries"
)

func shapeField() *service.ConfigField {
	names := map[string]string{shapeNone: "No shape, or that of `stages`."}
	for _, n := range shape.All() {
		names[n.Name] = n.Help
	}
	return service.NewObjectField(fieldShape,
		service.NewStringAnnotatedEnumField(fieldName, names).
			Description("A predefined shape. Its rates are those that Gnip, which received all of Twitter, published: 6,000 to 8,000 tweets/s on an ordinary day, more than 20,000 for hours at an event, 50,000 for the unexpected.").
			Default(shapeNone).
			LintRule(lintrule.Enum(fieldName, append([]string{shapeNone}, shape.Names()...)...)),
		service.NewObjectListField(fieldStages,
			service.NewFloatField(fieldRate).
				Description("Tweets per second, once the ramp is over. 0 is a pause.").
				LintRule(lintrule.Float(fieldRate, "this == 0 || this >= 0.001 && this <= 1000000000", rates)),
			service.NewDurationField(fieldRamp).
				Description("How long the rate takes to change, evenly, from that of the stage before. It is a part of `duration`. The first stage ramps from 0, or from the last stage if the stages repeat. `0s` is a step.").
				Default("0s").
				LintRule(lintrule.Duration(fieldRamp, 0, shape.MaxDuration)),
			service.NewDurationField(fieldDuration).
				Description("How long the stage takes, with its ramp.").
				LintRule(lintrule.Duration(fieldDuration, minStage, shape.MaxDuration)),
		).
			Description("A shape of your own, instead of a name: stages that follow each other, at most 1,000.").
			Default([]any{}).
			Example([]any{
				map[string]any{"rate": 7000, "duration": "5m"},
				map[string]any{"rate": 50000, "ramp": "1s", "duration": "1m"},
				map[string]any{"rate": 7000, "ramp": "2m", "duration": "5m"},
			}).
			// It is called for the list and for each of its objects.
			LintRule(`let ramp = if this.type() == "object" { this.ramp.or("0s").parse_duration().catch(0) }
let duration = if this.type() == "object" { this.duration.or("").parse_duration().catch(null) }
root = match {
  this.type() == "object" => if $duration != null && $ramp > $duration { [ "`+wrongRamp+`" ] },
  this.type() != "array" => [],
  this.any(s -> s.type() != "object" || s.rate == null || s.duration == null) => [ "`+wrongStages+`" ],
  this.length() > 1000 => [ "`+wrongManyStage+`" ],
  this.length() > 0 && this.all(s -> s.rate == 0) => [ "`+wrongNoTweets+`" ],
}`),
		service.NewBoolField(fieldRepeat).
			Description("Whether the shape begins again when it ends. Otherwise the input then ends, like after `count`. Default: true for half_hourly and daily, otherwise false.").
			Optional(),
		service.NewFloatField(fieldScale).
			Description("Multiplies all rates.").
			Default(1).
			Example(0.1).
			LintRule(lintrule.Float(fieldScale, "this >= 0.001 && this <= 1000000", factors)),
		service.NewFloatField(fieldSpeed).
			Description("Divides all durations: with 60, an hour of the shape takes a minute. The rates stay.").
			Default(1).
			Example(60).
			LintRule(lintrule.Float(fieldSpeed, "this >= 0.001 && this <= 1000000", factors)),
	).
		Description("A rate that changes, instead of `rate`: traffic with spikes. The number of tweets is exactly the integral of the rate, however long a run is. All else is as with a `rate`: tweets have the time at which they were due, so a generator that is late shows as latency, up to one second of the schedule is caught up, and the shape does not change the tweets of a seed. `count` and `duration` can end it earlier.").
		Example(map[string]any{"name": "super_bowl", "speed": 60}).
		LintRule(`let named = this.name.or("` + shapeNone + `") != "` + shapeNone + `"
let staged = this.stages.or([]).length().catch(0) > 0
root = match {
  $named && $staged => [ "` + wrongShape + `" ],
  !$named && !$staged && (this.repeat != null || this.scale.or(1) != 1 || this.speed.or(1) != 1) => [ "` + wrongNoShape + `" ],
}`)
}

// shapeFrom returns nil if there is no shape.
func shapeFrom(parsed *service.ParsedConfig) (*shape.Shape, error) {
	var (
		name         string
		stages       []shape.Stage
		scale, speed float64
		repeat       bool
	)
	for _, read := range []func() error{
		func() (err error) { name, err = parsed.FieldString(fieldName); return },
		func() (err error) { stages, err = stagesFrom(parsed); return },
		func() (err error) { scale, err = parsed.FieldFloat(fieldScale); return },
		func() (err error) { speed, err = parsed.FieldFloat(fieldSpeed); return },
		func() (err error) {
			if parsed.Contains(fieldRepeat) {
				repeat, err = parsed.FieldBool(fieldRepeat)
			}
			return
		},
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(
		lintrule.CheckEnum(fieldName, name, append([]string{shapeNone}, shape.Names()...)...),
		lintrule.CheckFloat(fieldScale, scale, scale >= minFactor && scale <= maxFactor, factors),
		lintrule.CheckFloat(fieldSpeed, speed, speed >= minFactor && speed <= maxFactor, factors),
	); err != nil {
		return nil, err
	}
	if named, ok := shape.ByName(name); ok {
		if len(stages) > 0 {
			return nil, errors.New(wrongShape)
		}
		stages = named.Stages
		if !parsed.Contains(fieldRepeat) {
			repeat = named.Repeat
		}
	}
	if len(stages) == 0 {
		if parsed.Contains(fieldRepeat) || scale != 1 || speed != 1 {
			return nil, errors.New(wrongNoShape)
		}
		return nil, nil
	}
	s, err := shape.New(shape.Scaled(stages, scale, speed), repeat)
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", fieldShape, err, scaledNote(scale, speed))
	}
	return s, nil
}

// scaledNote explains values in an error that are not those of the stages.
func scaledNote(scale, speed float64) string {
	var by []string
	if scale != 1 {
		by = append(by, fmt.Sprintf("times the %s of %v", fieldScale, scale))
	}
	if speed != 1 {
		by = append(by, fmt.Sprintf("divided by the %s of %v", fieldSpeed, speed))
	}
	if len(by) == 0 {
		return ""
	}
	return " (rates and durations are " + strings.Join(by, " and ") + ")"
}

func stagesFrom(parsed *service.ParsedConfig) ([]shape.Stage, error) {
	list, err := parsed.FieldObjectList(fieldStages)
	if err != nil {
		return nil, err
	}
	stages := make([]shape.Stage, len(list))
	anyTweets := false
	for i, item := range list {
		s := &stages[i]
		if s.Rate, err = item.FieldFloat(fieldRate); err != nil {
			return nil, err
		}
		if s.Ramp, err = item.FieldDuration(fieldRamp); err != nil {
			return nil, err
		}
		if s.Duration, err = item.FieldDuration(fieldDuration); err != nil {
			return nil, err
		}
		if err := errors.Join(
			lintrule.CheckFloat(fieldRate, s.Rate, s.Rate == 0 || s.Rate >= minRate && s.Rate <= maxRate, rates),
			lintrule.CheckDuration(fieldRamp, s.Ramp, 0, shape.MaxDuration),
			lintrule.CheckDuration(fieldDuration, s.Duration, minStage, shape.MaxDuration),
		); err != nil {
			return nil, fmt.Errorf("%s.%s, stage %d: %w", fieldShape, fieldStages, i+1, err)
		}
		if s.Ramp > s.Duration {
			return nil, fmt.Errorf("%s.%s, stage %d: %s", fieldShape, fieldStages, i+1, wrongRamp)
		}
		anyTweets = anyTweets || s.Rate > 0
	}
	if len(stages) > shape.MaxStages {
		return nil, errors.New(wrongManyStage)
	}
	if len(stages) > 0 && !anyTweets {
		return nil, errors.New(wrongNoTweets)
	}
	return stages, nil
}
