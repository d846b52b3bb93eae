package shape

import (
	"slices"
	"time"
)

// Named is a shape with a name. Its rates are those that Gnip, which received all of
// Twitter, published in "Bend, Don't Break": 6,000 to 8,000 tweets/s on an ordinary day,
// more than 20,000 sustained during the Super Bowl and on election night, and 50,000 for
// what nobody expects. The durations are those of the events.
type Named struct {
	Name   string
	Help   string // in Markdown
	Stages []Stage
	Repeat bool
}

// Names returns the names of all named shapes.
func Names() []string {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.Name
	}
	return names
}

// All returns the named shapes.
func All() []Named { return slices.Clone(all) }

// ByName returns the shape with a name.
func ByName(name string) (Named, bool) {
	i := slices.IndexFunc(all, func(n Named) bool { return n.Name == name })
	if i < 0 {
		return Named{}, false
	}
	return all[i], true
}

const usual = 7_000

var all = []Named{
	{
		Name: "super_bowl",
		Help: "Four hours and a half: 7,000 tweets/s before the game, 20,000 during it, 25,000 in the halftime show, 30,000 at the final whistle, and back to 7,000.",
		Stages: []Stage{
			{Rate: usual, Duration: 30 * time.Minute},
			{Rate: 20_000, Ramp: 10 * time.Minute, Duration: 90 * time.Minute},
			{Rate: 25_000, Ramp: time.Minute, Duration: 15 * time.Minute},
			{Rate: 20_000, Ramp: time.Minute, Duration: 90 * time.Minute},
			{Rate: 30_000, Ramp: 10 * time.Second, Duration: 5 * time.Minute},
			{Rate: usual, Ramp: 30 * time.Minute, Duration: 40 * time.Minute},
		},
	},
	{
		Name: "election_night",
		Help: "Six hours: from 8,000 tweets/s, a step up each time that polls close, 20,000 while votes are counted, 25,000 when the winner is known, and down to 8,000.",
		Stages: []Stage{
			{Rate: 8_000, Duration: 30 * time.Minute},
			{Rate: 12_000, Ramp: time.Minute, Duration: time.Hour},
			{Rate: 16_000, Ramp: time.Minute, Duration: time.Hour},
			{Rate: 20_000, Ramp: time.Minute, Duration: 2 * time.Hour},
			{Rate: 25_000, Ramp: 10 * time.Second, Duration: 20 * time.Minute},
			{Rate: 8_000, Ramp: time.Hour, Duration: 70 * time.Minute},
		},
	},
	{
		Name: "flash_mob",
		Help: "Ten minutes: from 7,000 to 50,000 tweets/s within a second, a minute of that, and two minutes down to 7,000.",
		Stages: []Stage{
			{Rate: usual, Duration: 3 * time.Minute},
			{Rate: 50_000, Ramp: time.Second, Duration: time.Minute},
			{Rate: usual, Ramp: 2 * time.Minute, Duration: 6 * time.Minute},
		},
	},
	{
		Name:   "half_hourly",
		Repeat: true,
		Help:   "Repeats every half hour: the posts that programs schedule for the full and the half hour. 14,000 tweets/s for a minute, then down to 7,000.",
		Stages: []Stage{
			{Rate: 14_000, Ramp: 5 * time.Second, Duration: time.Minute},
			{Rate: usual, Ramp: 2 * time.Minute, Duration: 29 * time.Minute},
		},
	},
	{
		Name:   "daily",
		Repeat: true,
		Help:   "Repeats every day, and begins at its quietest hour: 4,000 tweets/s, 7,000 after six hours, 8,000 for most of the day, 10,000 in the evening.",
		Stages: []Stage{
			{Rate: 4_000, Ramp: 2 * time.Hour, Duration: 3 * time.Hour},
			{Rate: usual, Ramp: 3 * time.Hour, Duration: 3 * time.Hour},
			{Rate: 8_000, Ramp: 2 * time.Hour, Duration: 9 * time.Hour},
			{Rate: 10_000, Ramp: time.Hour, Duration: 4 * time.Hour},
			{Rate: 6_000, Ramp: 3 * time.Hour, Duration: 5 * time.Hour},
		},
	},
}
