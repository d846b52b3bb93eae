package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// processFaults are the faults of our own processes.
var processFaults = []faultlab.Scenario{
	{
		Name: "F01", Does: "no fault, three processes", Everyday: true,
		Versions: []string{testenv.InfluxV2, testenv.InfluxV1},
		Options:  faultlab.Options{Tweets: long(200_000, 2_000_000), Rate: float64(long(10_000, 40_000))},
		Run:      noFault,
	},
	{
		Name: "F03", Does: "one process of three is killed again and again", Everyday: true,
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Run:      killOne,
	},
	{
		Name: "F05", Does: "a process is paused, loses its partitions and goes on with what it had read", Everyday: true,
		Versions: []string{testenv.InfluxV1},
		// So that more waits while one request is held.
		Options: faultlab.Options{Set: []string{"output.switch.cases.1.output.influxdb.requests_in_flight=1"}},
		Run:     zombie,
	},
	{
		Name: "F06", Does: "a request of a process that lost its partitions comes last of all", Everyday: true,
		Versions: []string{testenv.InfluxV2, testenv.InfluxV1},
		Run:      lateRequest,
	},
	{
		Name: "F14", Does: "processes come and go, and the topic gets more partitions", Everyday: true,
		Versions: []string{testenv.InfluxV1},
		Options:  faultlab.Options{Set: []string{"input.kafka_batches.metadata_max_age=2s"}},
		Run:      comeAndGo,
	},
}

func noFault(l *faultlab.Lab) {
	began := time.Now()
	for range 3 {
		l.Start()
	}
	l.Reader.AwaitMembers(l, 3)
	l.Wait(15 * time.Second)
	l.Drain()
	l.Logf("%.0f records a second from the first process to the last record", float64(l.Producers.Sent())/time.Since(began).Seconds())
	// Some, while three starting processes share the partitions.
	l.Logf("%d lines were written again without a fault", l.Twice())
}

func killOne(l *faultlab.Lab) {
	members := startMembers(l, 3)
	for end := time.Now().Add(span(20*time.Second, time.Minute)); time.Now().Before(end); {
		l.Wait(l.Between(span(2*time.Second, 3*time.Second), span(4*time.Second, 8*time.Second)))
		victim := members[l.Random.IntN(len(members))]
		victim.Kill()
		// Sometimes longer than the session: others get its partitions.
		l.Wait(l.Between(faultlab.Session/10, 2*faultlab.Session))
		victim.Restart()
	}
	mustRepeat(l)
}

// zombie pauses a process that has read more than it has written. The points that it
// writes when it continues have already been written by the new owner of its
// partitions.
func zombie(l *faultlab.Lab) {
	paused, other := pauseOwner(l, influxfault.HoldAnswer)
	paused.Release()
	caughtUp(l, other)
	stored := paused.Stored()
	l.Repeats(func() {
		paused.Resume()
		stream.Await(l, "the process that lost its partitions writes", func() bool { return paused.Stored() > stored })
	})
	l.Reader.AwaitMembers(l, 2)
	l.Wait(10 * time.Second)
}

// lateRequest holds a request until everything else is written. A point whose value may
// grow would get an older value.
func lateRequest(l *faultlab.Lab) {
	paused, other := pauseOwner(l, influxfault.HoldRequest)
	paused.Influx.SetFaults(nil)
	caughtUp(l, other)
	l.Wait(span(10*time.Second, time.Minute))
	l.Drain()
	held := paused.Influx.Stats().Held
	if held == 0 {
		l.Error("no request was held")
	}
	l.Repeats(paused.Release)
	stream.Await(l, "the late requests are applied", func() bool { return paused.Influx.Stats().Held == 0 })
	l.Event("%d late requests were applied after all was acknowledged", held)
	l.AwaitSample() // before the process can repair what they have done
	paused.Resume()
	l.Reader.AwaitMembers(l, 2)
	l.Wait(2 * time.Second)
}

// pauseOwner pauses a process with requests in flight, and starts another one that gets
// all its partitions.
func pauseOwner(l *faultlab.Lab, kind influxfault.Kind) (paused, other *faultlab.Member) {
	paused = l.Start()
	paused.AwaitCounted(10_000)
	paused.Hold(kind)
	paused.Pause()
	other = l.Start()
	l.Reader.AwaitMembers(l, 1)
	return paused, other
}

// caughtUp waits until a process reads the newest records.
func caughtUp(l *faultlab.Lab, m *faultlab.Member) {
	m.AwaitCounted(1)
	usual := int64(2 * l.Rate) // commits happen once a second
	stream.Await(l, "the lag falls", func() bool { return l.Reader.Lag(l) < usual })
	l.Event("%s has caught up", m)
}

func comeAndGo(l *faultlab.Lab) {
	running := startMembers(l, 2)
	begun := time.Now()
	length := span(20*time.Second, time.Minute)
	more := false
	for time.Since(begun) < length {
		l.Wait(l.Between(span(time.Second, 3*time.Second), span(3*time.Second, 5*time.Second)))
		if !more && time.Since(begun) > length/4 {
			l.AddPartitions(2 * l.Partitions)
			more = true
		}
		switch {
		case len(running) == 1 || len(running) < 4 && l.Random.IntN(2) == 0:
			running = append(running, l.Start())
		default:
			i := l.Random.IntN(len(running))
			if code := running[i].Stop(); code != 0 {
				l.Errorf("%s has ended with exit code %d", running[i], code)
			}
			running = append(running[:i], running[i+1:]...)
		}
	}
	l.Drain()
	for partition := range 2 * l.Partitions {
		if len(l.Coverage().Of(partition)) == 0 {
			l.Errorf("nothing is stored of partition %d", partition)
		}
	}
}
