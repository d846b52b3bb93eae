package kafkad

import "strings"

// Listener is an additional listener of a broker.
type Listener struct {
	Name     string // in capitals
	Protocol string // for example PLAINTEXT or SASL_PLAINTEXT
	// Advertise is the address that the broker tells clients to use, HOST:PORT; its own
	// if empty.
	Advertise string
	// AdvertisedBy is the only server of a cluster that advertises it, as its node.id; 0:
	// all do.
	AdvertisedBy int
}

// listen adds listeners to the properties of a broker.
func (s *Server) listen(properties map[string]string, listeners []Listener) {
	protocols := []string{"PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"}
	for _, l := range listeners {
		address, advertised := s.Listeners[l.Name], l.Advertise
		if advertised == "" {
			advertised = address
		}
		properties["listeners"] += "," + l.Name + "://" + address
		properties["advertised.listeners"] += "," + l.Name + "://" + advertised
		protocols = append(protocols, l.Name+":"+l.Protocol)
	}
	properties["listener.security.protocol.map"] = strings.Join(protocols, ",")
}
