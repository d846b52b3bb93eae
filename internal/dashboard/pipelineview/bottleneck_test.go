package pipelineview

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// even is a pipeline that keeps up.
func even(change func(*Facts)) Facts {
	f := Facts{
		Endpoints: 2, Generated: 50_000, Kafka: 50_000, Decoded: 50_000, Stored: 50_000,
		Missed: 0, Lag: 4000, LagGrowth: 0, LagSeconds: 0.4, Waiting: 10, PointWait: 0.3,
	}
	change(&f)
	return f
}

func TestJudge(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		facts        Facts
		level, stage string
		says         string
	}{
		"all keep up":               {even(func(*Facts) {}), LevelOK, "", "50,000 generated"},
		"nobody is asked":           {Facts{Kafka: nan}, LevelUnknown, "", "--metrics"},
		"nothing is known yet":      {Facts{Endpoints: 1, Generated: nan, Kafka: nan, Decoded: nan, Stored: nan}, LevelUnknown, "", "second reading"},
		"none answers":              {even(func(f *Facts) { f.Away = []string{"http://a", "http://b"} }), LevelBad, "", "http://a, http://b"},
		"one does not":              {even(func(f *Facts) { f.Away = []string{"http://a"} }), LevelBusy, "", "http://a"},
		"Kafka does not":            {even(func(f *Facts) { f.KafkaAway = "no route" }), LevelBusy, "", "no route"},
		"partitions are stopped":    {even(func(f *Facts) { f.Stopped = 3 }), LevelBad, StageDecoded, "stopped 3"},
		"all are dead letters":      {even(func(f *Facts) { f.Refused, f.Decoded, f.Stored, f.Nothing = 50_000, 0, 0, true }), LevelBad, StageDecoded, "50,000 records/s cannot be counted"},
		"all, and no other counter": {Facts{Endpoints: 1, Generated: nan, Kafka: nan, Decoded: nan, Stored: nan, Refused: 10, Rejected: nan, Points: nan}, LevelBad, StageDecoded, "0 tweets/s"},
		"nearly all":                {even(func(f *Facts) { f.Refused, f.Decoded, f.Stored = 48_000, 2000, 2000 }), LevelBad, StageDecoded, "dead_error"},
		"many dead letters":         {even(func(f *Facts) { f.Refused = 25_000 }), LevelBad, StageDecoded, "25,000 records/s cannot be counted (33 %)"},
		"some dead letters":         {even(func(f *Facts) { f.Refused = 1000 }), LevelBusy, StageDecoded, "(1.9 %)"},
		"few dead letters":          {even(func(f *Facts) { f.Refused = 100 }), LevelOK, "", "100 records/s cannot be counted (0.1 %)"},
		"all of the first were":     {even(func(f *Facts) { f.Refused, f.Decoded, f.Kafka, f.Stored, f.Nothing = 0, 0, 0, 0, true }), LevelBad, StageDecoded, "since its start"},
		"most are filtered":         {even(func(f *Facts) { f.Filtered, f.Decoded, f.Stored, f.LagGrowth = 48_000, 2000, 2000, nan }), LevelOK, "", "decoded"},
		"all points are refused":    {even(func(f *Facts) { f.Rejected, f.Points, f.Stored, f.Waiting = 300, 3, 500, 0 }), LevelBad, StageStored, "300 points/s are rejected"},
		"some points are refused":   {even(func(f *Facts) { f.Rejected, f.Points = 3, 300 }), LevelOK, "", "3 points/s are rejected by InfluxDB (0.9 %)"},
		"many points are refused":   {even(func(f *Facts) { f.Rejected, f.Points = 48, 252 }), LevelBad, StageStored, "48 points/s are rejected by InfluxDB (16 %)"},
		"nothing flows and one is away": {even(func(f *Facts) {
			f.Generated, f.Kafka, f.Decoded, f.Stored, f.Lag, f.Away = nan, nan, 0, 0, 0, []string{"http://a"}
		}), LevelBusy, "", "http://a"},
		"points replace each other": {even(func(f *Facts) { f.SlotsUsed = 0.93 }), LevelBad, StageWindowed, "93 %"},
		"windows span many offsets": {even(func(f *Facts) { f.SlotsUsed = 0.5 }), LevelBusy, StageWindowed, "50 %"},
		"a schema is missing":       {even(func(f *Facts) { f.Schemas, f.SchemaSeconds, f.WaitingBatches = []string{"99"}, 90, 12 }), LevelBad, StageDecoded, "schema 99 for 1m30s. 12 record batches"},
		"many schemas are":          {even(func(f *Facts) { f.Schemas, f.SchemaSeconds = strings.Split("1 2 3 4 5 6 7", " "), 90 }), LevelBad, StageDecoded, "schema 1, 2, 3, 4, 5, 2 more for"},
		"InfluxDB is away":          {even(func(f *Facts) { f.Decoded, f.Stored, f.Retries, f.Waiting, f.LagGrowth = 0, 0, 4, 900, 50_000 }), LevelBad, StageStored, "900 points are queued"},
		"InfluxDB hangs":            {even(func(f *Facts) { f.Decoded, f.Stored, f.PointWait, f.LagGrowth, f.LagSeconds = 0, 0, nan, 50_000, 20 }), LevelBad, StageStored, "10 points are queued"},
		"a pause in a trickle":      {even(func(f *Facts) { f.Generated, f.Kafka, f.Decoded, f.Stored = 0.1, 0.1, 0.1, 0 }), LevelOK, "", "stored"},
		"InfluxDB is slow":          {even(func(f *Facts) { f.Decoded, f.Stored, f.PointWait, f.LagGrowth = 30_000, 30_000, 4, 20_000 }), LevelBad, StageStored, "waits 4.0 s"},
		"the ingest is slow":        {even(func(f *Facts) { f.Decoded, f.Stored, f.LagGrowth = 30_000, 30_000, 20_000 }), LevelBad, StageDecoded, "grows by 20,000/s"},
		"the lag is not known":      {even(func(f *Facts) { f.Decoded, f.Stored, f.LagGrowth, f.Lag = 30_000, 30_000, nan, nan }), LevelBad, StageDecoded, "30,000/s are read"},
		"Kafka takes less":          {even(func(f *Facts) { f.Kafka, f.Decoded = 30_000, 30_000 }), LevelBad, StageKafka, "50,000 tweets/s are generated"},
		"the generator is held up":  {even(func(f *Facts) { f.Missed = 20_000 }), LevelBusy, StageKafka, "20,000/s less"},
		"it catches up":             {even(func(f *Facts) { f.Decoded, f.LagGrowth, f.Lag, f.LagSeconds = 100_000, -50_000, 500_000, 10 }), LevelBusy, "", "another 10 s"},
		"it is late":                {even(func(f *Facts) { f.LagSeconds = 60 }), LevelBusy, "", "1m0s"},
		"nothing flows":             {even(func(f *Facts) { f.Generated, f.Kafka, f.Decoded, f.Stored, f.Lag = 0, 0, 0, 0, 0 }), LevelBusy, "", "generate.yaml"},
		"only Kafka is filled":      {even(func(f *Facts) { f.Generated, f.Kafka, f.Decoded, f.Stored, f.LagSeconds = nan, 0, 0, 0, 60 }), LevelBad, StageDecoded, "4,000 tweets wait"},
		"a key holds the messages": {even(func(f *Facts) {
			f.Decoded, f.LagGrowth, f.Lag, f.LagSeconds = 1000, 49_000, 90_000, 20
			f.HotKeys = []HotKey{{Name: "42", Share: 0.6, Held: 4812, Of: 5000, Cores: 0.03}, {Name: "43", Share: 0.1, Held: 100, Of: 5000}}
		}), LevelBad, StageDecoded, `those of key "42" leave no room for others. 90,000 more wait in Kafka. The process uses 3 % of a core`},
		"a key holds them in a pipeline without tweets": {Facts{
			Endpoints: 1, Generated: nan, Kafka: nan, Decoded: nan, Stored: nan, Lag: 10, LagGrowth: nan, LagSeconds: nan,
			HotKeys: []HotKey{{Name: "42", Held: 4812, Of: 5000, Cores: nan}},
		}, LevelBad, StageDecoded, "leave no room"},
		"a key without a name holds them": {even(func(f *Facts) { f.LagSeconds = 60; f.HotKeys = []HotKey{{Held: 4812, Of: 5000}} }), LevelBad, StageDecoded, "those of this one leave no room"},
		"a key holds them and InfluxDB hangs": {even(func(f *Facts) {
			f.Decoded, f.Stored, f.PointWait, f.LagGrowth, f.LagSeconds = 0, 0, nan, 50_000, 20
			f.HotKeys = []HotKey{{Name: "42", Held: 4812, Of: 5000}}
		}), LevelBad, StageStored, "points are queued"},
		"a key holds them and nothing is late": {even(func(f *Facts) { f.HotKeys = []HotKey{{Name: "42", Held: 4812, Of: 5000}} }), LevelOK, "", "stored"},
		"a key holds few":                      {even(func(f *Facts) { f.LagSeconds = 60; f.HotKeys = []HotKey{{Name: "42", Held: 1000, Of: 5000}} }), LevelBusy, "", "1m0s"},
		"without a generator of ours":          {even(func(f *Facts) { f.Generated, f.Missed = nan, nan }), LevelOK, "", "50,000 into Kafka"},
		"without Kafka":                        {even(func(f *Facts) { f.Kafka, f.Lag, f.LagGrowth, f.LagSeconds = nan, nan, nan, nan }), LevelOK, "", "50,000 stored"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Judge(c.facts)
			if got.Level != c.level || got.Stage != c.stage || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%+v, want %s at %q with %q", got, c.level, c.stage, c.says)
			}
		})
	}
}

// What would break: a verdict with NaN in its words, or without any.
func TestJudgeAlwaysHasWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]float64{math.NaN(), 0, 0.01, 1, 9.5, 1000, 50_000, 1e12, -20_000, math.Inf(1)})
		f := Facts{
			Endpoints: rapid.IntRange(0, 2).Draw(t, "endpoints"),
			Generated: n.Draw(t, "generated"), Kafka: n.Draw(t, "kafka"), Decoded: n.Draw(t, "decoded"), Stored: n.Draw(t, "stored"),
			Missed: n.Draw(t, "missed"), Lag: n.Draw(t, "lag"), LagGrowth: n.Draw(t, "growth"), LagSeconds: n.Draw(t, "seconds"),
			Waiting: n.Draw(t, "waiting"), PointWait: n.Draw(t, "wait"), Retries: n.Draw(t, "retries"), Stopped: n.Draw(t, "stopped"),
			Refused: n.Draw(t, "refused"), Rejected: n.Draw(t, "rejected"), Points: n.Draw(t, "points"), SlotsUsed: n.Draw(t, "slots"),
			HotKeys:  []HotKey{{Name: "k", Share: n.Draw(t, "share"), Held: n.Draw(t, "held"), Of: n.Draw(t, "of"), Cores: n.Draw(t, "cores")}},
			Filtered: n.Draw(t, "filtered"), Nothing: rapid.Bool().Draw(t, "nothing"),
		}
		v := Judge(f)
		if v.Title == "" || v.Detail == "" || strings.Contains(v.Detail, "NaN") {
			t.Fatalf("%+v of %+v", v, f)
		}
	})
}
