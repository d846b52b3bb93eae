package faultlab

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Servers are shared by laboratories.
type Servers struct {
	broker *Broker
	influx map[string]*influxd.Server
}

// StartServers starts a Kafka and both versions of InfluxDB, which end with the test.
func StartServers(t testing.TB) *Servers {
	t.Helper()
	testenv.Binary(t)
	s := &Servers{broker: StartBroker(t, nil), influx: map[string]*influxd.Server{}}
	for _, version := range influxd.Versions {
		s.influx[version] = testenv.OwnInflux(t, influxd.Options{Version: version})
	}
	return s
}

// WithoutInflux runs do while InfluxDB is unreachable. One that belongs to this
// laboratory only is killed before and restarted afterwards. Connections of processes
// behind a proxy are refused meanwhile; those without one see the crash itself.
func (l *Lab) WithoutInflux(do func()) {
	l.Helper()
	l.Samples.While(func() {
		// A proxy would report a server that is down as its own failure.
		l.eachProxy(func(proxy *influxfault.Proxy) error {
			err := proxy.Leave()
			stream.Await(l, "the proxy is empty", func() bool { return proxy.Stats().Under == 0 })
			return err
		})
		if l.OwnInflux {
			if err := l.Server.Kill(); err != nil {
				l.Fatal(err)
			}
		}
		l.Event("nobody reaches InfluxDB")
		do()
		if l.OwnInflux {
			if err := l.Server.Restart(l.Context()); err != nil {
				l.Fatal(err)
			}
		}
		l.eachProxy((*influxfault.Proxy).Return)
	})
	l.Event("InfluxDB is back; the lag is %d", l.Reader.Lag(l))
}

func (l *Lab) eachProxy(do func(*influxfault.Proxy) error) {
	l.Helper()
	for _, m := range l.Members {
		if m.Influx == nil {
			continue
		}
		if err := do(m.Influx); err != nil {
			l.Fatalf("%s: %v", m, err)
		}
	}
}

// AddPartitions increases the number of the topic's partitions, and makes the producers
// write to all.
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
	l.Wait(4 * time.Second) // the producers' clients notice after 2 s
	l.Producers.Spread(total)
}
