package pipelineview

import "fmt"

// deadShare is a part of the records or points that are dead letters.
type deadShare struct {
	stage, title, what string
	bad, good          float64 // per second
}

// dead returns those that there are.
func dead(f Facts) (shares []deadShare) {
	for _, d := range []deadShare{
		{StageDecoded, "%s of the records are dead letters", "%s records/s cannot be counted (%s).", f.Refused, known(f.Decoded)},
		{StageStored, "InfluxDB rejects %s of the points", "%s points/s are rejected by InfluxDB (%s).", f.Rejected, known(f.Points)},
	} {
		if d.bad > flowing {
			shares = append(shares, d)
		}
	}
	return shares
}

func (d deadShare) share() float64 { return d.bad / (d.bad + d.good) }

func (d deadShare) words() string { return fmt.Sprintf(d.what, number(d.bad), percent(d.share())) }

// manyDead and someDead name a share of dead letters. Each dead letter is a tweet that is
// missing in the counts, however well the rates match.
func manyDead(f Facts) (Verdict, bool) { return deadFrom(f, manyOfThem, LevelBad) }

func someDead(f Facts) (Verdict, bool) { return deadFrom(f, someOfThem, LevelBusy) }

func deadFrom(f Facts, from float64, level string) (Verdict, bool) {
	for _, d := range dead(f) {
		if d.share() >= from {
			return Verdict{
				Level: level, Stage: d.stage, Title: fmt.Sprintf(d.title, percent(d.share())),
				Detail: d.words() + " They are missing in the counts. The header dead_error of each dead letter has the reason.",
			}, true
		}
	}
	return Verdict{}, false
}
