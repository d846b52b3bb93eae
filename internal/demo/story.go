package demo

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/internal/shape"
)

// spikeConfig is the edge of the spike, and insideLimit what its inside can do at most,
// in tweets per second.
const (
	spikeConfig = "spike.yaml"
	insideLimit = 20_000
)

// story is the spike as spike.yaml has it.
type story struct {
	shape    *shape.Shape
	chapters []chapter
	peak     float64 // tweets/s
}

// chapter is a part of the story that the demo announces.
type chapter struct {
	at   time.Duration // after the first tweet
	name string        // in the picture
	says string
}

// spikeStages are the chapters that begin with stages of spike.yaml, in their order. An
// empty one continues the chapter before.
var spikeStages = []struct{ name, says string }{
	{"ordinary day", "An ordinary day: 6,000 to 8,000 tweets/s."},
	{},
	{"Super Bowl", "The Super Bowl: 20,000 tweets/s, as many as the inside is limited to."},
	{"25,000/s", "25,000 tweets/s, more than the inside can do. The edge takes them all, and the\ninside reads no more than it can store. The rest waits in Kafka."},
	{"flash mob", "A flash mob: 50,000 tweets/s."},
	{"ordinary day", "7,000 tweets/s again. The inside catches up."},
	{"two instances", "25,000 tweets/s again, for two instances of the inside."},
}

// readStory reads the stages of spike.yaml, whose durations are divided by speed.
func readStory(speed float64) (*story, error) {
	text, err := config.Files.ReadFile(spikeConfig)
	if err != nil {
		return nil, err
	}
	var file struct {
		Input struct {
			TweetGenerator struct {
				Shape struct {
					Stages []struct {
						Rate           float64
						Ramp, Duration time.Duration
					}
				}
			} `yaml:"tweet_generator"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("reading the stages of %s: %w", spikeConfig, err)
	}
	stages := file.Input.TweetGenerator.Shape.Stages
	if len(stages) != len(spikeStages) {
		return nil, fmt.Errorf("%s has %d stages, and the demo describes %d", spikeConfig, len(stages), len(spikeStages))
	}
	s := &story{}
	var plain []shape.Stage
	for _, stage := range stages {
		plain = append(plain, shape.Stage{Rate: stage.Rate, Ramp: stage.Ramp, Duration: stage.Duration})
	}
	plain = shape.Scaled(plain, 1, speed)
	at := time.Duration(0)
	for i, stage := range plain {
		if spikeStages[i].name != "" {
			s.chapters = append(s.chapters, chapter{at, spikeStages[i].name, spikeStages[i].says})
		}
		at += stage.Duration
		s.peak = max(s.peak, stage.Rate)
	}
	s.shape, err = shape.New(plain, false)
	return s, err
}

// last returns the chapter i from the end, 1 for the last.
func (s *story) last(i int) chapter { return s.chapters[len(s.chapters)-i] }
