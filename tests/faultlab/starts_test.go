package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// startFaults are faults when processes end and start.
var startFaults = []faultlab.Scenario{
	{
		Name: "F04", Does: "all processes are killed at once, again and again",
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Run:      killAll,
	},
	{
		Name: "F22", Does: "a process of another fingerprint starts after a crash",
		Versions: []string{testenv.InfluxV1},
		Run:      otherFingerprint,
	},
	{
		Name: "F24", Does: "processes are stopped under load, and while InfluxDB is down",
		Versions: []string{testenv.InfluxV1},
		Run:      askToEnd,
	},
}

func killAll(l *faultlab.Lab) {
	members := startMembers(l, 3)
	for range 5 {
		l.Wait(l.Between(time.Second, 2*time.Second))
		// What one of them has read is not stored when it is killed, however often it
		// could have been committed.
		unlucky := members[l.Random.IntN(len(members))]
		unlucky.Influx.SetFaults(influxfault.Always(influxfault.Fault{Kind: influxfault.Hang}))
		l.Wait(stream.Hold + l.Between(0, time.Second))
		for _, m := range members {
			m.Kill()
		}
		unlucky.Influx.SetFaults(nil)
		l.Wait(l.Between(0, 2*faultlab.Session))
		for _, m := range members {
			m.Restart()
		}
	}
	mustRepeat(l)
}

// otherFingerprint starts a process with another fingerprint after a crash. Tweets that
// the previous one has stored beyond its commit would be counted twice, so it must not
// start. Then each way out that its message names is tried.
func otherFingerprint(l *faultlab.Lab) {
	former := l.Start()
	other := crashAndReplace(l, former, "input.kafka_batches.fingerprint=other")
	other.Stop()

	l.Event("the first way out: the former one ends in good order, with nothing left to read")
	former.Restart()
	l.Drain()
	if code := former.Stop(); code != 0 {
		l.Fatalf("the former process ends with exit code %d", code)
	}
	l.SendBatches(20)
	other.Restart()
	l.Reader.Drained(l, l.Recovery)

	l.Event("the second way out: nothing is left of what was written")
	third := crashAndReplace(l, other, "input.kafka_batches.fingerprint=third")
	if code := third.Stop(); code != 0 {
		l.Errorf("a process that waits ends with exit code %d", code)
	}
	l.Samples.Apart(func() {
		l.Reader.SetOffsets(l, "the beginning", beginning(l))
		l.DeletePoints(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	})
	l.Repeats(third.Restart)
	l.Reader.Drained(l, l.Recovery)
}

// crashAndReplace kills a process with stored but uncommitted batches, and starts one
// with another fingerprint, which must write nothing and say why.
func crashAndReplace(l *faultlab.Lab, former *faultlab.Member, fingerprint string) *faultlab.Member {
	former.AwaitCounted(1)
	former.Influx.SetFaults(influxfault.Always(influxfault.Fault{Kind: influxfault.HoldAnswer}))
	l.SendBatches(20)
	former.Hold(influxfault.HoldAnswer)
	former.Kill()
	former.Release()
	other := l.StartWith(fingerprint)
	other.AwaitLog("with work of another configuration unfinished", "Choose: (1)", "(2)", "(3)")
	l.Wait(5 * time.Second)
	if counted, requests := other.Metric("sentiment_window_tweets"), other.Influx.Stats().Requests; counted > 0 || requests > 0 {
		l.Errorf("%s has counted %.0f tweets and made %d requests", other, counted, requests)
	}
	if _, err := other.Get(l.Context(), "/ready"); err == nil {
		l.Errorf("%s says that it is ready", other)
	}
	return other
}

// askToEnd stops processes. They must not take longer than allowed, whether in-flight
// work can be finished or not.
func askToEnd(l *faultlab.Lab) {
	const given = 3 * time.Second // SHUTDOWN_TIMEOUT of the laboratory
	stop := func(m *faultlab.Member) int {
		began := time.Now()
		code := m.Stop()
		took := time.Since(began)
		l.Logf("%s has taken %.1f s", m, took.Seconds())
		if took > given+2*time.Second {
			l.Errorf("%s has taken %s to end", m, took)
		}
		return code
	}
	members := startMembers(l, 2)
	for i := range 4 {
		l.Wait(l.Between(time.Second, 3*time.Second))
		m := members[i%2]
		if code := stop(m); code != 0 {
			l.Errorf("%s has ended with exit code %d", m, code)
		}
		m.Restart()
	}
	l.Reader.AwaitMembers(l, 2)
	for range 2 {
		l.Wait(l.Between(time.Second, 3*time.Second))
		for _, m := range members {
			if err := m.Influx.Leave(); err != nil {
				l.Fatal(err)
			}
		}
		l.Event("InfluxDB is down")
		l.Wait(l.Between(time.Second, 3*time.Second))
		for _, m := range members {
			if code := stop(m); code < 0 {
				l.Errorf("%s was killed", m)
			}
			if err := m.Influx.Return(); err != nil {
				l.Fatal(err)
			}
		}
		for _, m := range members {
			m.Restart()
		}
		caughtUp(l, members[0])
	}
	l.Reader.AwaitMembers(l, 2)
	for _, m := range members {
		m.AwaitCounted(1)
	}
}

// beginning returns the start of each partition.
func beginning(l *faultlab.Lab) map[int32]int64 {
	offsets := map[int32]int64{}
	for partition := range l.Partitions {
		offsets[partition] = 0
	}
	return offsets
}
