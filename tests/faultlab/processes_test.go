package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// processFaults are what happens to our own processes.
var processFaults = []faultlab.Scenario{
	{
		Name: "F01", Does: "no fault, three processes", Everyday: true,
		Versions: []string{testenv.InfluxV2, testenv.InfluxV1},
		Run:      noFault,
	},
}

func noFault(l *faultlab.Lab) {
	for range 3 {
		l.Start()
	}
	l.Reader.AwaitMembers(l, 3)
	l.Wait(15 * time.Second)
}
