package pipelineview

import (
	"math"
	"strconv"
)

// Endpoint is a process that is asked for its metrics.
type Endpoint struct {
	URL     string `json:"url"`   // without user, password and query
	Error   string `json:"error"` // why it does not answer; empty if it does
	Since   int64  `json:"since"` // since when it does not, in unix milliseconds; 0 if it does
	Started bool   `json:"started"`
}

// Update is the view, or what has come since a revision.
type Update struct {
	Revision  uint64     `json:"-"`
	Whole     bool       `json:"whole"`
	Samples   []Rates    `json:"samples"` // oldest first
	Verdict   Verdict    `json:"verdict"`
	Skew      []string   `json:"skew"` // who has far more than the others, a sentence each
	Endpoints []Endpoint `json:"endpoints"`
	Totals    Totals     `json:"totals"`
	// Kafka is how asking the brokers goes; null if they are not asked.
	Kafka *Endpoint `json:"kafka"`
}

// Look gives the view as it is. since is the revision of an earlier update, or 0.
func (v *View) Look(since uint64) Update {
	v.mu.RLock()
	defer v.mu.RUnlock()
	u := Update{
		Revision: v.revision, Whole: since == 0 || since > v.revision, Samples: []Rates{},
		Verdict: Judge(v.facts), Skew: skewed(v.facts), Endpoints: []Endpoint{}, Totals: v.totals,
	}
	for i := range v.samples {
		if u.Whole || v.samples[i].revision > since {
			u.Samples = append(u.Samples, v.samples[i].rates)
		}
	}
	for _, e := range v.endpoints {
		if e.ended {
			continue
		}
		u.Endpoints = append(u.Endpoints, e.describe(e.name, e.last != nil))
	}
	if v.brokers != nil {
		described := v.kafka.describe(v.brokers.name, v.answered)
		u.Kafka = &described
	}
	return u
}

func (c *contact) describe(name string, started bool) Endpoint {
	e := Endpoint{URL: name, Error: c.problem(), Started: started}
	if !c.since.IsZero() {
		e.Since = c.since.UnixMilli()
	}
	return e
}

// judge works out the rates of the newest sample, and what they mean.
func (v *View) judge(kafkaError error) {
	now := &v.samples[len(v.samples)-1]
	now.rates = v.rates()
	r := now.rates
	f := Facts{
		Generated: float64(r.Generated), Kafka: float64(r.Kafka), Decoded: float64(r.Decoded), Stored: float64(r.Stored),
		Missed: v.rate(missed, rateSpan), Lag: float64(r.Lag), LagGrowth: v.lagGrowth(), LagSeconds: float64(r.LagSeconds),
		Waiting: float64(r.Waiting), PointWait: pointWait(r), Retries: float64(r.Retries),
		Stopped: now.gauges[stopped], SlotsUsed: now.gauges[slotsUsed], Nothing: now.gauges[nothing] > 0,
		SchemaSeconds: now.gauges[schemaSeconds], WaitingBatches: now.gauges[waitingBatches],
		Refused: float64(r.Undecodable), Rejected: float64(r.Rejected), Points: float64(r.PointsStored), Filtered: v.rate(filtered, rateSpan),
	}
	if kafkaError != nil {
		f.KafkaAway = kafkaError.Error()
	}
	v.totals = v.total()
	for _, e := range v.endpoints {
		if !e.ended {
			f.Endpoints++
		}
		if e.error != nil {
			f.Away = append(f.Away, e.name)
		}
		if e.last == nil {
			continue
		}
		f.Schemas = append(f.Schemas, e.last.schemas...)
	}
	v.skew(&f)
	v.facts = f
}

// total adds up what all processes have counted, those that have ended too.
func (v *View) total() Totals {
	var sums [numCounters]float64
	var counted [numCounters]bool
	reasons := map[string]float64{}
	for _, e := range v.endpoints {
		if e.last == nil {
			continue
		}
		for c := range numCounters {
			counted[c] = counted[c] || e.last.counts(c)
		}
		for _, p := range e.last.counters {
			sums[p.counter] += p.value
			if p.counter == rejected {
				reasons[p.reason] += p.value
			}
		}
	}
	number := func(c counter) Number {
		if !counted[c] {
			return Number(unknown)
		}
		return Number(sums[c])
	}
	t := Totals{DeadLetters: number(deadLetters), Undecodable: number(undecodable), Retries: number(retries)}
	if counted[rejected] {
		t.Rejected = reasons
	}
	return t
}

// appendNumber writes as many digits as anybody can read from a screen.
func appendNumber(dst []byte, n float64) []byte {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.AppendInt(dst, int64(n), 10)
	}
	return strconv.AppendFloat(dst, n, 'g', 6, 64)
}

// pointWait is how long a point waits for InfluxDB at the present rate; not known
// where none is stored.
func pointWait(r Rates) float64 {
	if r.PointsStored <= 0 {
		return unknown
	}
	return float64(r.Waiting / r.PointsStored)
}
