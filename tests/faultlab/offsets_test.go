package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// offsetFaults are the faults of the group's committed offsets.
var offsetFaults = []faultlab.Scenario{
	{
		Name: "F16", Does: "offsets are set to the inside of record batches", Everyday: true,
		Versions: []string{testenv.InfluxV1},
		Run:      insideBatches,
	},
}

func insideBatches(l *faultlab.Lab) {
	members := startMembers(l, 2)
	l.Wait(3 * time.Second)
	for range long(3, 10) {
		l.Wait(l.Between(time.Second, 3*time.Second))
		for _, m := range members {
			m.Kill()
		}
		inside := l.InsideBatches()
		if len(inside) < int(l.Partitions)/2 {
			l.Errorf("%d partitions have a batch of several records that is committed", len(inside))
		}
		l.Reader.SetOffsets(l, "the inside of a record batch", inside)
		l.Event("offsets are set: %v", inside)
		l.Repeats(func() {
			for _, m := range members {
				m.Restart()
			}
		})
	}
}
