package faultlab

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// doors is the number of listeners for pipelines of a broker, each with a proxy in
// front of it. A listener belongs to one laboratory at a time.
const doors = 8

// Broker is a real Kafka. Producers and the oracle use its own address. A pipeline uses
// a proxy, whose address the broker advertises on that listener: otherwise clients
// would bypass the proxy after their first request.
type Broker struct {
	*testenv.RealKafka
	// Servers are all servers of a cluster, of which RealKafka is the first; nil if
	// there is only one.
	Servers []*kafkad.Server

	mu   sync.Mutex
	free []door
}

// door is a listener of the broker, and the port of the proxy in front of it.
type door struct {
	listens, proxied string
}

// StartBroker starts a Kafka that ends with the test. Properties are added to the
// broker's own.
func StartBroker(t testing.TB, properties map[string]string) *Broker {
	t.Helper()
	ports, err := process.FreePorts(2 + 2*doors)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	listeners := "PLAINTEXT://" + at(0) + ",CONTROLLER://" + at(1)
	advertised := "PLAINTEXT://" + at(0)
	protocols := "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	b := &Broker{}
	for i := range doors {
		d := door{listens: at(2 + 2*i), proxied: at(3 + 2*i)}
		name := fmt.Sprintf("PROXIED%d", i)
		listeners += "," + name + "://" + d.listens
		advertised += "," + name + "://" + d.proxied
		protocols += "," + name + ":PLAINTEXT"
		b.free = append(b.free, d)
	}
	all := map[string]string{
		"listeners":                      listeners,
		"advertised.listeners":           advertised,
		"listener.security.protocol.map": protocols,
		"controller.quorum.voters":       "1@" + at(1),
	}
	maps.Copy(all, properties)
	b.RealKafka = testenv.OwnKafka(t, kafkad.Options{Port: ports[0], Properties: all})
	return b
}

// link returns a listener of the broker, until the test ends.
func (b *Broker) link(t testing.TB) *Link {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.free) == 0 {
		t.Fatalf("more than %d laboratories at once use the broker", doors)
	}
	d := b.free[0]
	b.free = b.free[1:]
	t.Cleanup(func() { // after the link is closed
		b.mu.Lock()
		defer b.mu.Unlock()
		b.free = append(b.free, d)
	})
	return NewLink(t, "kafka", d.proxied, d.listens)
}
