package faultlab_test

import (
	"slices"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// soak runs faults of all kinds in random order.
var soak = []faultlab.Scenario{
	{
		Name: "F25", Does: "faults of all kinds at random times, several at once", Everyday: true, Seeds: 3,
		Versions: []string{testenv.InfluxV1},
		Options:  faultlab.Options{OwnInflux: testenv.Full(), Set: []string{quickTimeout}, Recovery: time.Minute},
		Run:      func(l *faultlab.Lab) { anything(l, span(20*time.Second, 10*time.Minute)) },
	},
}

func anything(l *faultlab.Lab, length time.Duration) {
	n := &nemesis{Lab: l, busy: map[any]bool{}}
	startMembers(l, 3)
	for end := time.Now().Add(length); time.Now().Before(end); {
		n.strike()
		for pause := time.Now().Add(l.Between(300*time.Millisecond, 1500*time.Millisecond)); time.Now().Before(pause); {
			l.Wait(50 * time.Millisecond)
			n.endDue(time.Now())
		}
	}
	n.endAll()
	mustRepeat(l)
}

// nemesis begins faults and ends them later.
type nemesis struct {
	*faultlab.Lab
	ends []end
	busy map[any]bool // members, and the link to the brokers: one fault each at a time
}

// end ends a fault.
type end struct {
	of   any
	when time.Time
	do   func()
}

// strike begins a fault that is possible now.
func (n *nemesis) strike() {
	switch n.Random.IntN(16) {
	case 0:
		n.withoutInflux()
	case 1:
		n.setOffsets()
	case 2, 3, 4:
		n.trouble()
	case 5:
		if len(n.Members) < 4 {
			n.Start()
		}
	default:
		n.harm()
	}
}

// until schedules the end of a fault.
func (n *nemesis) until(of any, after time.Duration, do func()) {
	n.busy[of] = true
	n.ends = append(n.ends, end{of, time.Now().Add(after), do})
}

// endDue ends the faults that are due.
func (n *nemesis) endDue(now time.Time) {
	n.ends = slices.DeleteFunc(n.ends, func(e end) bool {
		due := !e.when.After(now)
		if due {
			e.do()
			n.busy[e.of] = false
		}
		return due
	})
}

func (n *nemesis) endAll() { n.endDue(time.Now().Add(time.Hour)) }

// harm applies a fault to one process.
func (n *nemesis) harm() {
	m := n.Members[n.Random.IntN(len(n.Members))]
	if n.busy[m] {
		return
	}
	switch n.Random.IntN(6) {
	case 0:
		m.Influx.SetFaults(influxfault.Always(influxfault.Fault{Kind: influxfault.HoldAnswer}))
		n.Wait(n.Between(100*time.Millisecond, time.Second))
		m.Stop() // with batches that it cannot write
		m.Release()
		n.until(m, n.Between(100*time.Millisecond, 2*faultlab.Session), m.Restart)
	case 1:
		m.Kill()
		n.until(m, n.Between(100*time.Millisecond, 2*faultlab.Session), m.Restart)
	case 2:
		m.Stop()
		n.until(m, n.Between(100*time.Millisecond, 2*faultlab.Session), m.Restart)
	case 3:
		m.Pause()
		n.until(m, n.Between(faultlab.Session/4, 3*faultlab.Session), m.Resume)
	case 4:
		kind := []influxfault.Kind{influxfault.HoldRequest, influxfault.HoldAnswer}[n.Random.IntN(2)]
		m.Influx.SetFaults(influxfault.Always(influxfault.Fault{Kind: kind}))
		n.Event("%s: requests are held from now on (%v)", m, kind)
		n.until(m, n.Between(time.Second, 4*time.Second), m.Release)
	default:
		m.Influx.SetFaults(influxfault.Seeded(n.Random.Uint64(), 0.4, everyAnswer...))
		n.Event("%s: requests fail in many ways", m)
		n.until(m, n.Between(time.Second, 4*time.Second), func() { m.Influx.SetFaults(nil) })
	}
}

// everyAnswer leaves out the response that makes a point a dead letter, 413 to a single
// one.
var everyAnswer = []influxfault.Fault{
	{Kind: influxfault.ApplyHang},
	{Kind: influxfault.ApplyError},
	{Kind: influxfault.Hang},
	{Kind: influxfault.ResetBefore},
	{Kind: influxfault.ResetAfter},
	{Kind: influxfault.Unavailable},
	{Kind: influxfault.Unavailable, Time: time.Second},
	{Kind: influxfault.Unauthorized},
	{Kind: influxfault.HalfAnswer},
	{Kind: influxfault.HalfError},
	{Kind: influxfault.SlowRequest, Time: time.Second},
	{Kind: influxfault.SlowAnswer, Time: time.Second},
	{Kind: influxfault.Page},
}

// trouble applies a fault to the connections to the brokers, for all processes.
func (n *nemesis) trouble() {
	if n.busy[n.Kafka] {
		return
	}
	lasts := n.Between(500*time.Millisecond, 3*time.Second)
	heal := func() {
		n.Kafka.Heal(n)
		n.Event("the connections to Kafka are well")
	}
	toServer := n.Random.IntN(2) == 0
	switch n.Random.IntN(5) {
	case 0:
		n.Kafka.Cut()
		n.Event("connections to Kafka are cut and refused")
		n.until(n.Kafka, lasts, func() {
			n.Kafka.Mend(n)
			n.Event("Kafka takes connections again")
		})
		return
	case 1:
		n.Kafka.Poison(n, "latency", toServer, faultlab.Attributes{"latency": 100 + n.Random.IntN(900), "jitter": 100})
		n.Event("connections to Kafka are late")
	case 2:
		n.Kafka.Poison(n, "bandwidth", toServer, faultlab.Attributes{"rate": 20 + n.Random.IntN(200)})
		n.Event("connections to Kafka are slow")
	case 3:
		n.Kafka.Poison(n, "limit_data", toServer, faultlab.Attributes{"bytes": 1000 + n.Random.IntN(100_000)})
		n.Event("connections to Kafka break after some bytes")
	default:
		n.Kafka.Poison(n, "timeout", toServer, faultlab.Attributes{"timeout": 0})
		n.Event("what goes over connections to Kafka is lost")
	}
	n.until(n.Kafka, lasts, heal)
}

// withoutInflux first ends all other faults.
func (n *nemesis) withoutInflux() {
	n.endAll()
	n.WithoutInflux(func() { n.Wait(n.Between(100*time.Millisecond, 2*time.Second)) })
}

// setOffsets kills all processes, and restarts them at the start or inside batches.
func (n *nemesis) setOffsets() {
	n.endAll()
	for _, m := range n.Members {
		m.Kill()
	}
	offsets, where := n.InsideBatches(), "the inside of a record batch"
	if n.Random.IntN(2) == 0 {
		where = "the start"
		for partition := range offsets {
			offsets[partition] = 0
		}
	}
	n.Reader.SetOffsets(n, where, offsets)
	n.Event("offsets are set to %s", where)
	for _, m := range n.Members {
		m.Restart()
	}
}
