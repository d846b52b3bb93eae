package conn

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Who names this client as the access rules of the brokers do.
func (c *Config) Who() string {
	if c.user == "" {
		return "this client"
	}
	return fmt.Sprintf("the user %q", c.user)
}

// AdvertisedHint describes what to do about a broker that cannot be reached.
func (c *Config) AdvertisedHint() string {
	return fmt.Sprintf("Kafka answers at %s (%s), but a partition is read at the address that the broker leading it advertises. If that broker is running: set its advertised.listeners to an address that this machine can reach, or use a listener in %s that advertises one",
		strings.Join(c.Seeds, ", "), fieldSeedBrokers, fieldSeedBrokers)
}

// Explained adds what to do about an error of a connection or a topic.
func (c *Config) Explained(err error) error {
	var unresolved *net.DNSError
	var dialed *net.OpError
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("%w: allow %s the operation Read on the topic", err, c.Who())
	case errors.As(err, &unresolved), errors.As(err, &dialed) && dialed.Op == "dial":
		return fmt.Errorf("%w: this is the address that the broker advertises, see its advertised.listeners", err)
	}
	return err
}
