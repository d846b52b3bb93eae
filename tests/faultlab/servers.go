package faultlab

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Servers are what laboratories share.
type Servers struct {
	broker *Broker
	influx map[string]*influxd.Server
}

// StartServers starts a Kafka and both versions of InfluxDB, which end with the
// test.
func StartServers(t testing.TB) *Servers {
	t.Helper()
	testenv.Binary(t)
	s := &Servers{broker: StartBroker(t, nil), influx: map[string]*influxd.Server{}}
	for _, version := range influxd.Versions {
		s.influx[version] = testenv.OwnInflux(t, influxd.Options{Version: version})
	}
	return s
}

// WithoutInflux kills InfluxDB, which must be of this laboratory alone, and
// starts it again after do. Processes behind a proxy are refused meanwhile; those
// without one meet the crash itself.
func (l *Lab) WithoutInflux(do func()) {
	l.Helper()
	if !l.OwnInflux {
		l.Fatal("the InfluxDB to kill is shared")
	}
	l.Samples.While(func() {
		// A proxy would take a server that is away for a failure of its own.
		for _, m := range l.Members {
			if m.Influx == nil {
				continue
			}
			if err := m.Influx.Leave(); err != nil {
				l.Fatal(err)
			}
			stream.Await(l, "the proxy is empty", func() bool { return m.Influx.Stats().Under == 0 })
		}
		if err := l.Server.Kill(); err != nil {
			l.Fatal(err)
		}
		l.Event("InfluxDB is killed")
		do()
		if err := l.Server.Restart(l.Context()); err != nil {
			l.Fatal(err)
		}
		for _, m := range l.Members {
			if m.Influx == nil {
				continue
			}
			if err := m.Influx.Return(); err != nil {
				l.Fatal(err)
			}
		}
	})
	l.Event("InfluxDB has read its log again; the lag is %d", l.Reader.Lag(l))
}

// AddPartitions lets the topic have so many, and the producers write to all.
func (l *Lab) AddPartitions(total int32) {
	l.Helper()
	client := l.Broker.Client(l)
	defer client.Close()
	answers, err := kadm.NewClient(client).UpdatePartitions(l.Context(), int(total), l.Stream.Topic)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		l.Fatalf("adding partitions: %v", err)
	}
	l.Event("the topic has %d partitions", total)
	l.Wait(4 * time.Second) // clients of the producers look after 2 s
	l.Producers.Spread(total)
}
