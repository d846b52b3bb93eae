package faultlab

import (
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Member is a process of the consumer group, over all its runs.
type Member struct {
	*testenv.Program
	watched
	// Influx is this process's own connection to InfluxDB; nil after StartDirect.
	Influx *influxfault.Proxy

	lab *Lab
}

// Start starts another process of the group, which uses InfluxDB through its own faulty
// proxy.
func (l *Lab) Start() *Member {
	l.Helper()
	m := &Member{Influx: l.proxy()}
	l.start(m, m.Influx.URL)
	return m
}

// proxy returns another proxy in front of InfluxDB, for one process.
func (l *Lab) proxy() *influxfault.Proxy {
	l.Helper()
	proxy, err := l.first.Beside(nil)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			l.Errorf("the proxy before InfluxDB: %v", err)
		}
	})
	return proxy
}

// StartDirect starts another process of the group without a proxy, for scenarios that
// kill InfluxDB: a proxy would report that as its own failure.
func (l *Lab) StartDirect() *Member {
	l.Helper()
	m := &Member{}
	l.start(m, l.Bucket.URL)
	return m
}

func (l *Lab) start(m *Member, url string) {
	l.Helper()
	m.lab, m.Name = l, string(rune('a'+len(l.Members)))
	reader := *l.Reader
	bucket := *l.Bucket
	bucket.URL = url
	reader.Bucket = &bucket
	m.Program = reader.Start(l)
	m.pid.Store(int64(m.PID()))
	l.Members = append(l.Members, m)
	l.usage.add(&m.watched)
	l.Event("%s starts", m)
}

// Restart starts the process again after its end.
func (m *Member) Restart() {
	m.lab.Helper()
	m.Program.Restart(m.lab)
	m.pid.Store(int64(m.PID()))
	m.lab.Event("%s starts again", m)
}

// Kill ends the process as a crash would.
func (m *Member) Kill() {
	m.lab.Helper()
	m.pid.Store(0)
	m.Program.Kill(m.lab)
	m.lab.Event("%s is killed", m)
}

// Stop ends the process with SIGTERM, and returns its exit code.
func (m *Member) Stop() int {
	m.lab.Helper()
	m.pid.Store(0)
	code := m.Program.Stop(m.lab)
	m.lab.Event("%s has ended with exit code %d", m, code)
	return code
}

// Pause freezes the process.
func (m *Member) Pause() {
	m.lab.Helper()
	m.Program.Pause(m.lab)
	m.lab.Event("%s is paused", m)
}

// Resume lets a paused process go on.
func (m *Member) Resume() {
	m.lab.Helper()
	m.Program.Resume(m.lab)
	m.lab.Event("%s goes on", m)
}

// AwaitCounted waits until this run of the process has counted this many tweets.
func (m *Member) AwaitCounted(tweets int64) {
	m.lab.Helper()
	stream.AwaitCounted(m.lab, m.Program, tweets)
	m.lab.Event("%s has counted %d tweets", m, tweets)
}

// Hold holds all its requests, until one was held for longer than offsets take to be
// committed.
func (m *Member) Hold(kind influxfault.Kind) {
	m.lab.Helper()
	held := stream.HoldRequests(m.lab, m.Influx, kind)
	m.lab.Event("%s: %d requests are held (%v)", m, held.Held, kind)
}

// Release releases the held requests, and lets all later ones pass.
func (m *Member) Release() {
	m.lab.Helper()
	stream.Release(m.Influx)
	m.lab.Event("%s: what was held is let go", m)
}

// Stored returns how many of its requests InfluxDB has stored.
func (m *Member) Stored() int { return m.Influx.Stats().Stored }

// Metric adds up a metric of this run of the process.
func (m *Member) Metric(name string) float64 {
	m.lab.Helper()
	metrics, err := m.Metrics(m.lab.Context())
	if err != nil {
		m.lab.Fatal(fmt.Errorf("%s: %w", m, err))
	}
	return metrics.Sum(name)
}
