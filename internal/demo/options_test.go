package demo

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// If this fails, a mistake on the command line is found after Kafka and InfluxDB have
// started, by a pipeline that ends, or never.
func TestOptionsAreCheckedBeforeAnythingStarts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		says   string // empty: no error
	}{
		"the defaults":      {func(*Options) {}, ""},
		"endless":           {func(o *Options) { o.Count, o.Rate = 0, 0 }, ""},
		"own servers":       {func(o *Options) { o.KafkaBrokers, o.Influx.URL = "a:1,[::1]:9092", "https://influx.example/x" }, ""},
		"count":             {func(o *Options) { o.Count = -1 }, "--count is -1"},
		"rate":              {func(o *Options) { o.Rate = -5 }, "--rate is -5"},
		"rate too low":      {func(o *Options) { o.Rate = 0.0001 }, "--rate is 0.0001"},
		"rate too high":     {func(o *Options) { o.Rate = 1e10 }, "--rate is 1e+10"},
		"rate NaN":          {func(o *Options) { o.Rate = math.NaN() }, "--rate is NaN"},
		"rate infinite":     {func(o *Options) { o.Rate = math.Inf(1) }, "--rate is +Inf"},
		"mode":              {func(o *Options) { o.Mode = "foo" }, `--mode is "foo": it must be fixed or volatile`},
		"seed":              {func(o *Options) { o.Seed = -1 }, "--seed is -1"},
		"seed too large":    {func(o *Options) { o.Seed = 1 << 53 }, "--seed is 9007199254740992"},
		"crash and stock":   {func(o *Options) { o.Crash, o.Stock = true, true }, "Leave one of them out"},
		"spike":             {func(o *Options) { o.Spike, o.Speed, o.Picture = true, 10, "a.svg" }, ""},
		"spike and crash":   {func(o *Options) { o.Spike, o.Speed, o.Crash = true, 10, true }, "leave out --crash and --stock"},
		"spike and stock":   {func(o *Options) { o.Spike, o.Speed, o.Stock = true, 10, true }, "leave out --crash and --stock"},
		"speed":             {func(o *Options) { o.Spike, o.Speed = true, 100 }, "--speed is 100: it must be from 1 to 40"},
		"speed NaN":         {func(o *Options) { o.Spike, o.Speed = true, math.NaN() }, "--speed is NaN"},
		"picture alone":     {func(o *Options) { o.Picture = "a.svg" }, "add --spike"},
		"broker no port":    {func(o *Options) { o.KafkaBrokers = "localhost" }, `"localhost" must be like localhost:9092`},
		"broker empty":      {func(o *Options) { o.KafkaBrokers = "a:1," }, `"" must be like`},
		"broker port":       {func(o *Options) { o.KafkaBrokers = "a:0" }, "from 1 to 65535"},
		"broker port name":  {func(o *Options) { o.KafkaBrokers = "a:http" }, "from 1 to 65535"},
		"broker with blank": {func(o *Options) { o.KafkaBrokers = "a:1, b" }, "must be like"},
		"url":               {func(o *Options) { o.Influx.URL = "localhost:8086" }, "--influxdb-url must be like"},
		"url with a secret": {func(o *Options) { o.Influx.URL = "http://me:hidden@a:1" }, "INFLUXDB_TOKEN"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Count: 1, Rate: 50_000, Mode: "fixed"}
			c.change(&o)
			err := o.Check()
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hidden") {
				t.Fatalf("got %v, want %q", err, c.says)
			}
			var out bytes.Buffer
			o.Out = &out
			if _, ran := Run(t.Context(), nil, o); ran == nil || ran.Error() != err.Error() || out.Len() > 0 {
				t.Errorf("a run returns %v and prints %q", ran, out.String())
			}
		})
	}
}

func TestTextsAreSampledToSomeTwentyASecond(t *testing.T) {
	for rate, want := range map[float64]int{0: 10_000, 0.5: 1, 20: 1, 100: 5, 50_000: 2500} {
		if got := textsEvery(rate); got != want {
			t.Errorf("at %v tweets/s one tweet of %d is sampled, want %d", rate, got, want)
		}
	}
}
