package faultlab_test

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// shortBackOff is shorter than the Retry-After of the faulty proxy.
const shortBackOff = "output.switch.cases.1.output.influxdb.backoff.max_interval=1s"

// answerFaults are the error responses of InfluxDB.
var answerFaults = []faultlab.Scenario{
	{
		Name: "F08", Does: "InfluxDB is down, then slow, then far",
		Versions: []string{testenv.InfluxV1},
		Options: faultlab.Options{
			Env:    stream.Env{"MAX_IN_FLIGHT_BYTES": "1MiB", "FETCH_MAX_BYTES": "512KiB"},
			Memory: 200 << 20, Recovery: time.Minute,
		},
		Run: awayAndSlow,
	},
	{
		Name: "F10", Does: "InfluxDB answers 429, 503, 413 and 401, and refuses some points",
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Options: faultlab.Options{
			Set: []string{shortBackOff}, Retention: retention, Rejected: true,
		},
		Run: refusals,
	},
}

// awayAndSlow keeps InfluxDB from accepting points. Batches that are read but not
// stored must stay within their bound, and the processes must continue by themselves.
func awayAndSlow(l *faultlab.Lab) {
	var links []*faultlab.Link
	for range 2 {
		_, link := l.StartBehind()
		links = append(links, link)
	}
	l.Reader.AwaitMembers(l, 2)
	for _, m := range l.Members {
		m.AwaitCounted(1)
	}

	for _, m := range l.Members {
		if err := m.Influx.Leave(); err != nil {
			l.Fatal(err)
		}
	}
	l.Event("InfluxDB is down")
	l.Wait(5 * time.Second)
	fetched, sent := [2]float64{}, l.Producers.Sent()
	for i, m := range l.Members {
		fetched[i] = m.Metric("kafka_batches_fetched_bytes")
	}
	l.Wait(span(10*time.Second, 3*time.Minute))
	for i, m := range l.Members {
		// A response in flight may add to the bound.
		const bound = 1<<20 + 512<<10 + 256<<10
		now, waits := m.Metric("kafka_batches_fetched_bytes"), m.Metric("kafka_batches_in_flight_bytes")
		l.Logf("%s holds %.0f bytes, and has fetched %.0f in the meantime", m, waits, now-fetched[i])
		if waits > bound || waits < 256<<10 {
			l.Errorf("%s holds %.0f bytes that are not stored, with a bound of %d", m, waits, bound)
		}
		if now > fetched[i] {
			l.Errorf("%s has fetched %.0f bytes though nothing can be stored", m, now-fetched[i])
		}
	}
	if l.Producers.Sent() == sent {
		l.Error("nothing was written to Kafka in the meantime")
	}
	for _, m := range l.Members {
		if err := m.Influx.Return(); err != nil {
			l.Fatal(err)
		}
	}
	caughtUp(l, l.Members[0])

	slow := influxfault.Always(influxfault.Fault{Kind: influxfault.SlowRequest, Time: 2 * time.Second})
	for _, m := range l.Members {
		m.Influx.SetFaults(slow)
	}
	l.Wait(span(12*time.Second, time.Minute))
	for _, m := range l.Members {
		if happened := m.Influx.Stats().Happened(influxfault.SlowRequest); happened < 3 {
			l.Errorf("%d requests of %s were slow", happened, m)
		}
		m.Influx.SetFaults(nil)
	}
	l.Event("InfluxDB was slow")

	for _, link := range links {
		link.Poison(l, "bandwidth", true, faultlab.Attributes{"rate": 64})
	}
	before := l.Twice()
	l.Wait(span(12*time.Second, time.Minute))
	for _, link := range links {
		link.Heal(l)
	}
	l.Event("InfluxDB was far away: 64 KB/s; %d lines came twice meanwhile", l.Twice()-before)
	for _, m := range l.Members {
		if !m.Running() {
			l.Errorf("%s has ended", m)
		}
	}
}

// retention is InfluxDB's retention in scenarios where it rejects points.
const retention = 2 * time.Hour

// mixed returns record batches, a part of which is older than the retention.
func mixed(l *faultlab.Lab) {
	l.Helper()
	for range 10 {
		var records []*kgo.Record
		for range 1 + l.Random.IntN(100) {
			age := time.Duration(l.Random.Int64N(int64(time.Minute)))
			if l.Random.IntN(3) == 0 {
				age += 24 * time.Hour
			}
			records = append(records, l.Tweet("Tea Time", time.Now().Add(-age)))
		}
		l.Send(records...)
	}
}

func refusals(l *faultlab.Lab) {
	m := startMembers(l, 1)[0]
	for _, kind := range []influxfault.Kind{influxfault.Unavailable, influxfault.TooMany} {
		mixed(l)
		const asked = 3 * time.Second
		gaps := gapsUnder(l, m, influxfault.Fault{Kind: kind, Time: asked}, 4)
		for _, gap := range gaps {
			if gap < asked || gap > asked*12/10 {
				l.Errorf("%v with Retry-After: %s: the next request came after %s", kind, asked, gap)
			}
		}
		gaps = append(gaps, gapsUnder(l, m, influxfault.Fault{Kind: kind}, 8)...)
		for _, gap := range gaps[4:] {
			if gap < 50*time.Millisecond || gap > 2*time.Second { // 100 ms to 1 s, each varied by half
				l.Errorf("%v without Retry-After: the next request came after %s", kind, gap)
			}
		}
		l.Event("%v: requests came after %v", kind, gaps)
		caughtUp(l, m)
	}

	m.Influx.SetFaults(influxfault.Above(500))
	mixed(l)
	stream.Await(l, "requests are halved", func() bool { return m.Influx.Stats().Happened(influxfault.TooLarge) > 20 })
	m.Influx.SetFaults(nil)
	l.Event("requests were too large")
	caughtUp(l, m)

	m.Influx.SetFaults(func(influxfault.Request) influxfault.Fault { // including requests without points
		return influxfault.Fault{Kind: influxfault.Unauthorized}
	})
	mixed(l)
	stream.Await(l, "a request is unauthorized", func() bool { return m.Influx.Stats().Happened(influxfault.Unauthorized) > 0 })
	l.Wait(time.Second)
	stored := m.Stored()
	for range 20 {
		l.Wait(time.Second)
		if _, err := m.Get(l.Context(), "/ready"); err == nil {
			l.Error("the process says that it is ready although its token is rejected")
			break
		}
	}
	if now := m.Stored(); now != stored {
		l.Errorf("%d requests were stored without authorization", now-stored)
	}
	m.Influx.SetFaults(nil)
	l.Event("the token was rejected %d times", m.Influx.Stats().Happened(influxfault.Unauthorized))
	testenv.Eventually(l, time.Minute, "the process is ready again", func() error {
		_, err := m.Get(l.Context(), "/ready")
		return err
	})
	mixed(l)
	caughtUp(l, m)
}

// gapsUnder returns the times between the attempts of requests that all have a fault. A
// request is identified by the size of its body.
func gapsUnder(l *faultlab.Lab, m *faultlab.Member, fault influxfault.Fault, count int) []time.Duration {
	l.Helper()
	var (
		mu   sync.Mutex
		last = map[int64]time.Time{}
		gaps []time.Duration
	)
	m.Influx.SetFaults(func(r influxfault.Request) influxfault.Fault {
		if r.Number < 0 {
			return influxfault.Fault{}
		}
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if before, again := last[r.Bytes]; again {
			gaps = append(gaps, now.Sub(before))
		}
		last[r.Bytes] = now
		return fault
	})
	defer m.Influx.SetFaults(nil)
	stream.Await(l, "requests are rejected", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(gaps) >= count
	})
	mu.Lock()
	defer mu.Unlock()
	return gaps[:count]
}
