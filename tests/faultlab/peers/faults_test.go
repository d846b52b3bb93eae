package peers_test

import (
	"math/rand/v2"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
)

// fault is a fault of a pipeline while tweets arrive.
type fault struct {
	name, does string
	last       func() time.Duration // how long tweets arrive
	do         func(r *run)
}

var faults = []fault{
	{"F01", "no fault", func() time.Duration { return *calm }, (*run).calm},
	{"F03", "killed every 3 to 8 s", func() time.Duration { return *kills }, (*run).kill},
	{"F08", "InfluxDB away, then slow", func() time.Duration { return *outage * 17 / 12 }, (*run).away},
}

func (r *run) calm() { time.Sleep(*calm) }

// kill kills the process every 3 to 8 s, and restarts it at once. The time begins when
// it commits again: until then it waits for its group to give up the killed one.
func (r *run) kill() {
	random := rand.New(rand.NewPCG(*seed, 3))
	for end := time.Now().Add(*kills); ; r.killed++ {
		for before := r.committed(); r.committed() <= before && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(3*time.Second + time.Duration(random.Int64N(int64(5*time.Second))))
		if time.Now().After(end) {
			return
		}
		r.program.Kill(r.t)
		r.event("killed")
		r.program.Restart(r.t)
	}
}

// away makes InfluxDB refuse connections, then respond 2 s late, then accept 64 KB/s.
func (r *run) away() {
	time.Sleep(*outage / 12) // so that some requests are in flight
	r.influx.Cut()
	r.event("refused")
	time.Sleep(*outage)
	r.influx.Mend(r.t)
	r.influx.Poison(r.t, "latency", true, faultlab.Attributes{"latency": 2000})
	r.event("slow")
	time.Sleep(*outage / 6)
	r.influx.Heal(r.t)
	r.influx.Poison(r.t, "bandwidth", true, faultlab.Attributes{"rate": 64})
	r.event("narrow")
	time.Sleep(*outage / 6)
	r.influx.Heal(r.t)
	r.event("well again")
}
