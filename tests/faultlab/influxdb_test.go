package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// quickTimeout makes a request without a response be retried soon.
const quickTimeout = "output.switch.cases.1.output.influxdb.timeout=2s"

// influxFaults are the faults of InfluxDB and of the connection to it.
var influxFaults = []faultlab.Scenario{
	{
		Name: "F07", Does: "InfluxDB is killed again and again; then a page comes instead of its answers", Everyday: true,
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Options:  faultlab.Options{OwnInflux: true, Set: []string{quickTimeout}},
		Run:      killInflux,
	},
	{
		Name: "F09", Does: "three requests in ten are applied and not answered, reset, or answered 500", Everyday: true,
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Options:  faultlab.Options{Set: []string{quickTimeout}},
		Run:      applyAndFail,
	},
	{
		Name: "F26", Does: "the output refuses three folds in ten, which are redelivered",
		Versions: []string{testenv.InfluxV1},
		Options:  faultlab.Options{Set: refusing},
		Run:      refuse,
	},
}

func killInflux(l *faultlab.Lab) {
	for range 2 {
		l.StartDirect()
	}
	l.Members[0].AwaitCounted(10_000)
	for range long(3, 10) {
		l.Wait(l.Between(span(2*time.Second, 4*time.Second), span(4*time.Second, 6*time.Second)))
		l.WithoutInflux(func() { l.Wait(l.Between(100*time.Millisecond, 2*time.Second)) })
	}

	// A response other than 204 does not mean stored, whatever it says.
	misled := l.Start()
	misled.Influx.SetFaults(influxfault.Seeded(l.Seed, 0.5, influxfault.Fault{Kind: influxfault.Page}))
	stream.Await(l, "pages come", func() bool { return misled.Influx.Stats().Happened(influxfault.Page) >= 5 })
	misled.Influx.SetFaults(nil)
	l.Event("%s got pages instead of answers", misled)
}

func applyAndFail(l *faultlab.Lab) {
	faults := []influxfault.Fault{{Kind: influxfault.ApplyHang}, {Kind: influxfault.ResetAfter}, {Kind: influxfault.ApplyError}}
	for i, m := range startMembers(l, 2) {
		m.Influx.SetFaults(influxfault.Seeded(l.Seed+uint64(i), 0.3, faults...))
	}
	l.Wait(span(16*time.Second, time.Minute))
	l.Drain()
	for _, fault := range faults {
		happened := 0
		for _, m := range l.Members {
			happened += m.Influx.Stats().Happened(fault.Kind)
		}
		l.Logf("%d times %v", happened, fault.Kind)
		if happened == 0 {
			l.Errorf("%v has not happened", fault.Kind)
		}
	}
	mustRepeat(l)
	for _, m := range l.Members {
		m.Influx.SetFaults(nil)
	}
}
