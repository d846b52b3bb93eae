package faultlab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is a connection to a server that all TCP connections of a laboratory use.
type Link struct {
	Address string // HOST:PORT to connect to
	proxy   *toxiproxy.Proxy
	poisons int
}

// NewLink listens on an address and forwards to the server at upstream, until the test
// ends. The name is for messages.
func NewLink(t testing.TB, name, listen, upstream string) *Link {
	t.Helper()
	// A toxic does not use the logger of its server, and logs each packet.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &Link{Address: listen, proxy: toxiproxy.NewProxy(server, name, listen, upstream)}
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("starting the proxy before %s: %v", name, err)
	}
	t.Cleanup(l.proxy.Stop)
	return l
}

// Attributes are those of a toxic, as toxiproxy names them.
type Attributes map[string]any

// Poison applies a toxic of toxiproxy to everything from the server or to it: latency
// {latency, jitter: ms}, bandwidth {rate: KB/s}, timeout and reset_peer {timeout: ms},
// limit_data {bytes}, slicer {average_size, size_variation, delay: µs}, slow_close
// {delay: ms}. Several add up.
func (l *Link) Poison(t testing.TB, toxic string, toServer bool, attributes Attributes) {
	t.Helper()
	direction := "downstream"
	if toServer {
		direction = "upstream"
	}
	l.poisons++
	text, err := json.Marshal(map[string]any{
		"name": fmt.Sprintf("%s-%d", toxic, l.poisons), "type": toxic, "stream": direction, "attributes": attributes,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
		t.Fatalf("adding the toxic %s: %v", text, err)
	}
}

// Heal removes all toxics.
func (l *Link) Heal(t testing.TB) {
	t.Helper()
	l.proxy.Toxics.ResetToxics(t.Context())
}

// Cut closes all connections and refuses new ones, until Mend.
func (l *Link) Cut() { l.proxy.Stop() }

// Mend accepts connections again.
func (l *Link) Mend(t testing.TB) {
	t.Helper()
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("starting the proxy again: %v", err)
	}
}
