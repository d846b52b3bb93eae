package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// diskFaults are full disks.
var diskFaults = []faultlab.Scenario{
	{
		Name: "F23", Does: "the disk of InfluxDB is full, then freed",
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Options:  faultlab.Options{OwnInflux: true, SmallDisk: true, Rate: 4000, Set: []string{quickTimeout}, Recovery: time.Minute},
		Run:      fillInflux,
	},
	{
		Name: "F23", Does: "the disk of the broker is full, then freed",
		Versions: []string{testenv.InfluxV1},
		Options:  faultlab.Options{OwnBroker: true, SmallDisk: true, Rate: 4000, Recovery: time.Minute},
		Run:      fillBroker,
	},
}

// fillInflux removes the free space that InfluxDB needs for its writes. Once there is
// space again, it must be restarted, and twice before it is written to:
//   - its log rejects everything after the failed write;
//   - the start truncates the log where the failed write has torn it, and continues after the truncated part (package tsm1 of both versions: WAL.Open seeks the end, then CacheLoader.Load truncates). Points that are written there are acknowledged, can be read, and are dropped at the next start.
func fillInflux(l *faultlab.Lab) {
	m := l.StartDirect()
	m.AwaitCounted(10_000)
	for round := range long(1, 2) {
		retries := m.Metric("influxdb_retries")
		l.Samples.While(func() {
			l.Disk.Fill(l)
			l.Event("the disk is full")
			l.Wait(span(8*time.Second, 30*time.Second))
			before := l.Reader.Lag(l)
			l.Wait(time.Second)
			l.Event("the lag was %d, and is %d; %.0f requests were sent again", before, l.Reader.Lag(l), m.Metric("influxdb_retries")-retries)
			if m.Metric("influxdb_retries") == retries {
				l.Error("InfluxDB has taken all that it was sent")
			}
			l.Disk.Free(l)
			m.Pause()
			if round == 0 {
				if err := l.Server.Kill(); err != nil {
					l.Fatal(err)
				}
			}
			for range 2 {
				if err := l.Server.Restart(l.Context()); err != nil {
					l.Fatal(err)
				}
			}
			l.Event("InfluxDB has read its log again, twice")
			m.Resume()
		})
		caughtUp(l, m)
	}
}

// fillBroker removes the free space that the broker needs. It then ends, since its only
// disk has failed.
func fillBroker(l *faultlab.Lab) {
	members := startMembers(l, 2)
	members[0].AwaitCounted(10_000)
	l.Samples.While(func() {
		l.Disk.Fill(l)
		sent := l.Producers.Sent()
		l.Event("the disk is full")
		l.Wait(span(8*time.Second, 30*time.Second))
		l.Event("%d records were taken since", l.Producers.Sent()-sent)
		l.Disk.Free(l)
		if err := l.Broker.Restart(l.Context()); err != nil {
			l.Fatal(err)
		}
		l.Event("the broker is back")
		l.Reader.AwaitMembers(l, 2)
	})
	for _, m := range members {
		if !m.Running() {
			l.Errorf("%s has ended", m)
		}
	}
	caughtUp(l, members[0])
}
