package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// brokerFaults are the faults of the brokers.
var brokerFaults = []faultlab.Scenario{
	{
		Name: "F11", Does: "the broker, which coordinates the group too, is killed, paused and started again",
		Versions: []string{testenv.InfluxV1},
		Options: faultlab.Options{
			OwnBroker: true, Rate: 4000, Recovery: time.Minute, Set: []string{"input.kafka_batches.metadata_max_age=5s"},
		},
		Run: brokerInTrouble,
	},
}

func brokerInTrouble(l *faultlab.Lab) {
	members := startMembers(l, 2)
	l.Wait(2 * time.Second)
	must := func(err error) {
		l.Helper()
		if err != nil {
			l.Fatal(err)
		}
	}
	troubles := []struct {
		name  string
		does  func() error
		lasts time.Duration
		ends  func() error
	}{
		{"the broker is killed", l.Broker.Kill, l.Between(time.Second, 4*time.Second), func() error { return l.Broker.Restart(l.Context()) }},
		{"the broker is paused", l.Broker.Pause, span(12*time.Second, 20*time.Second), l.Broker.Resume},
		{"the broker ends in good order", l.Broker.Stop, l.Between(0, 2*time.Second), func() error { return l.Broker.Restart(l.Context()) }},
		{"the broker is killed once more", l.Broker.Kill, l.Between(0, time.Second), func() error { return l.Broker.Restart(l.Context()) }},
	}
	for _, trouble := range troubles[:long(3, 4)] {
		sent := l.Producers.Sent()
		l.Samples.While(func() {
			must(trouble.does())
			l.Event("%s", trouble.name)
			l.Wait(trouble.lasts)
			must(trouble.ends())
			l.Event("the broker is back")
			// The samples' own connections notice it late.
			testenv.Eventually(l, time.Minute, "the group is back", func() error {
				_, err := l.Broker.Lag(l.Context(), l.Reader.Group, l.Stream.Topic)
				return err
			})
			l.Reader.AwaitMembers(l, 2)
		})
		for _, m := range members {
			if !m.Running() {
				l.Errorf("%s has ended", m)
			}
		}
		stream.Await(l, "more is written", func() bool { return l.Producers.Sent() > sent+10_000 })
		caughtUp(l, members[0])
	}
}
