package pipelineview

import (
	"math"
	"time"
)

// Number is one that may not be known: then it is null.
type Number float64

// MarshalJSON writes what is not known as null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return appendNumber(nil, float64(n)), nil
}

// Rates are those of the seconds before a moment.
type Rates struct {
	At        int64  `json:"at"` // unix milliseconds
	Generated Number `json:"generated"`
	Kafka     Number `json:"kafka"`
	Decoded   Number `json:"decoded"`
	Windowed  Number `json:"windowed"`
	Stored    Number `json:"stored"`
	// Estimated says that stored tweets are worked out from points.
	Estimated bool `json:"estimated"`

	PointsMade   Number `json:"points_made"`
	PointsStored Number `json:"points_stored"`
	Requests     Number `json:"requests"`
	PointsSent   Number `json:"points_a_request"`
	Retries      Number `json:"retries"`
	Rejected     Number `json:"rejected"`
	DeadLetters  Number `json:"dead_letters"`
	Undecodable  Number `json:"undecodable"`

	Lag        Number `json:"lag"`
	LagSeconds Number `json:"lag_seconds"`
	LagAtLeast bool   `json:"lag_at_least"`
	Waiting    Number `json:"waiting"`
	InFlight   Number `json:"in_flight"`

	RequestP50 Number `json:"request_p50"` // seconds
	RequestP99 Number `json:"request_p99"`
	EventP50   Number `json:"event_p50"`
	EventP99   Number `json:"event_p99"`
}

// Totals are what processes have counted since they were started. What none of them
// counts is null.
type Totals struct {
	Rejected    map[string]float64 `json:"rejected"` // by reason
	DeadLetters Number             `json:"dead_letters"`
	Undecodable Number             `json:"undecodable"`
	Retries     Number             `json:"retries"`
}

// rate of a counter over a span that ends now; unknown where nobody counts it.
func (v *View) rate(c counter, span time.Duration) float64 {
	old := v.before(span)
	if old == nil || c != inKafka && !v.has(c) || c == inKafka && v.brokers == nil {
		return unknown
	}
	now := &v.samples[len(v.samples)-1]
	seconds := now.at.Sub(old.at).Seconds()
	if seconds <= 0 {
		return unknown
	}
	return (now.counters[c] - old.counters[c]) / seconds
}

// rates works out those of the newest sample.
func (v *View) rates() Rates {
	now := &v.samples[len(v.samples)-1]
	rate := func(c counter) Number { return Number(v.rate(c, rateSpan)) }
	r := Rates{
		At:        now.at.UnixMilli(),
		Generated: rate(generated), Kafka: rate(inKafka), Decoded: rate(decoded), Windowed: rate(decoded),
		Stored: rate(storedTweets), PointsMade: rate(windowed), PointsStored: rate(stored),
		Requests: rate(requests), Retries: rate(retries), Rejected: rate(rejected),
		DeadLetters: rate(deadLetters), Undecodable: rate(undecodable),
		Lag: now.gauge(lag), LagSeconds: now.gauge(lagSeconds), LagAtLeast: now.atLeast,
		Waiting: now.gauge(waiting), InFlight: now.gauge(inFlight),
		PointsSent: Number(v.rate(sent, ratioSpan) / v.rate(requests, ratioSpan)),
	}
	if math.IsNaN(float64(r.Kafka)) {
		// Nobody was told where Kafka is: what the generator was told that it has.
		r.Kafka = rate(delivered)
	}
	if math.IsNaN(float64(r.PointsMade)) {
		r.Windowed = Number(unknown)
	}
	if math.IsNaN(float64(r.Stored)) {
		perPoint := v.rate(decoded, ratioSpan) / v.rate(windowed, ratioSpan)
		r.Stored, r.Estimated = Number(v.rate(stored, rateSpan)*perPoint), true
		if v.rate(stored, rateSpan) == 0 {
			r.Stored = 0
		}
	}
	r.RequestP50, r.RequestP99 = v.latency(requestLatency)
	r.EventP50, r.EventP99 = v.latency(eventLatency)
	return r
}

func (s *sample) gauge(g gauge) Number {
	if !s.known[g] {
		return Number(unknown)
	}
	return Number(s.gauges[g])
}

// latency gives the median and the 99th percentile of the last minute, from
// histograms; from summaries those of the slowest process.
func (v *View) latency(t timer) (p50, p99 Number) {
	if old := v.before(latencySpan); old != nil {
		recent := map[float64]float64{}
		for bound, count := range v.samples[len(v.samples)-1].timers[t] {
			recent[bound] = count - old.timers[t][bound]
		}
		p50, p99 = Number(quantile(0.5, recent)), Number(quantile(0.99, recent))
		if !math.IsNaN(float64(p50)) {
			return p50, p99
		}
	}
	var worst [2]float64
	for _, e := range v.endpoints {
		if e.last != nil && e.error == nil {
			worst[0] = max(worst[0], e.last.quantiles[t][0])
			worst[1] = max(worst[1], e.last.quantiles[t][1])
		}
	}
	if worst[1] > 0 {
		return Number(worst[0]), Number(worst[1])
	}
	return Number(unknown), Number(unknown)
}

// lagGrowth is by how much the lag grows a second.
func (v *View) lagGrowth() float64 {
	old := v.before(2 * rateSpan)
	if old == nil {
		return unknown
	}
	now := &v.samples[len(v.samples)-1]
	if !now.known[lag] || !old.known[lag] {
		return unknown
	}
	return (now.gauges[lag] - old.gauges[lag]) / now.at.Sub(old.at).Seconds()
}
