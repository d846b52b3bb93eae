package kafkacheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/doctor/netcheck"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

func (k *checker) names(ctx context.Context) doctor.Finding {
	return netcheck.Names(ctx, k.Config.Seeds, "seed_brokers")
}

func (k *checker) reach(ctx context.Context) doctor.Finding {
	reached, errs := netcheck.Dial(ctx, k.Config.Seeds)
	k.reached = reached
	const do = "Check that Kafka is running there, the address in seed_brokers, and firewalls."
	switch {
	case len(reached) == 0:
		return doctor.Failed(do, "no broker accepts connections: %v", errors.Join(errs...))
	case len(errs) > 0:
		return doctor.Warning(do, "%d of %d addresses accept connections: %v", len(reached), len(k.Config.Seeds), errors.Join(errs...))
	}
	return doctor.OK("%s accepts connections", strings.Join(reached, ", "))
}

// tls checks that what answers is Kafka, with or without TLS as configured. The brokers
// answer this request before a login.
func (k *checker) tls(ctx context.Context) doctor.Finding {
	var seen []string
	var soon doctor.Finding
	for _, address := range k.reached {
		if k.Config.TLS == nil {
			if err := isKafka(ctx, address, nil); err != nil {
				return k.notPlain(ctx, address, err)
			}
			seen = append(seen, address)
			continue
		}
		certificate, err := netcheck.Handshake(ctx, address, k.Config.TLS)
		if err != nil {
			return doctor.Failed(netcheck.TLSHint(err, "tls"), "%s: %v", address, err)
		}
		if err := isKafka(ctx, address, k.Config.TLS); err != nil {
			if isAlert(err) {
				return doctor.Failed("Set a certificate that the broker trusts in tls.client_certs.", "%s rejects this client's certificate: %v", address, err)
			}
			return doctor.Failed("Check the port in seed_brokers.", "what answers at %s is not Kafka: %v", address, err)
		}
		if soon.Status == "" {
			soon = netcheck.Expiring(address, certificate)
		}
		seen = append(seen, netcheck.Describe(address, certificate))
	}
	switch {
	case k.Config.TLS == nil:
		return doctor.OK("Kafka answers in plain text, as configured, at %s", strings.Join(seen, ", "))
	case soon.Status != "": // a failure of another broker would come first
		return soon
	}
	return doctor.OK("%s", strings.Join(seen, "; "))
}

// notPlain tells a broker that expects TLS from another program.
func (k *checker) notPlain(ctx context.Context, address string, err error) doctor.Finding {
	if _, tlsErr := netcheck.Handshake(ctx, address, &tls.Config{InsecureSkipVerify: true}); tlsErr == nil || isAlert(tlsErr) { //nolint:gosec // nothing is sent over it
		return doctor.Failed("Set tls.enabled: true, or use a port with a plain text listener.", "the listener at %s expects TLS, and the pipeline does not use it", address)
	}
	return doctor.Failed("Check the host and the port in seed_brokers.", "what answers at %s is not Kafka: %v", address, err)
}

func isAlert(err error) bool {
	var alert tls.AlertError
	return errors.As(err, &alert) || strings.Contains(err.Error(), "remote error: tls")
}

// apiVersions is a request for the supported versions of the protocol, version 0 and
// correlation id 1, without a client id.
var apiVersions = []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff}

// isKafka asks for the protocol's versions.
func isKafka(ctx context.Context, address string, secure *tls.Config) error {
	c, err := netcheck.Connect(ctx, address, secure)
	if err != nil {
		return err
	}
	defer c.Close()
	limit := time.Now().Add(2 * time.Second)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(limit) {
		limit = deadline.Add(-50 * time.Millisecond)
	}
	_ = c.SetDeadline(limit) // it fails only on a closed connection, as the next call would
	if _, err := c.Write(apiVersions); err != nil {
		return err
	}
	var answer [8]byte // length and correlation id
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("it closes the connection")
		}
		return err
	}
	if [4]byte(answer[4:]) != [4]byte{0, 0, 0, 1} || answer[0] != 0 {
		return fmt.Errorf("it answers %q", answer[:])
	}
	return nil
}

// silent drops what the client logs: its errors arrive as findings.
type silent struct{}

func (silent) Level() kgo.LogLevel              { return kgo.LogLevelNone }
func (silent) Log(kgo.LogLevel, string, ...any) {}

// newClient returns a client of the seeds that were reached, which gives up within the
// time limit of a check.
func (k *checker) newClient(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(slices.Concat(k.Config.Options("doctor", nil), []kgo.Opt{
		kgo.WithLogger(silent{}), kgo.RequestRetries(2), kgo.RetryTimeout(3 * time.Second), kgo.SeedBrokers(k.reached...),
	}, options)...)
}

func (k *checker) login(ctx context.Context) doctor.Finding {
	client, err := k.newClient(kgo.MetadataMinAge(50 * time.Millisecond))
	if err != nil {
		return doctor.Failed("Correct the settings of the connection.", "setting up a client: %v", err)
	}
	k.client, k.admin = client, kadm.NewClient(client)
	if err := client.Ping(ctx); err != nil {
		return k.loginFailed(err)
	}
	if !k.Config.HasLogin() {
		return doctor.OK("the brokers accept this client without a login")
	}
	return doctor.OK("the brokers accept the login of %s", k.Config.Who())
}

func (k *checker) loginFailed(err error) doctor.Finding {
	var closed *kgo.ErrFirstReadEOF
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return doctor.Failed("Check username, password and mechanism in sasl, and that the user exists (kafka-configs --describe --entity-type users).",
			"the brokers reject the login of %s: %v", k.Config.Who(), err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism), strings.Contains(err.Error(), "does not support any of our SASL mechanisms"), strings.Contains(err.Error(), "SASL mechanism"):
		return doctor.Failed("Set sasl.mechanism to one that the broker supports (its sasl.enabled.mechanisms).", "the brokers do not support the mechanism: %v", err)
	case !k.Config.HasLogin() && (errors.As(err, &closed) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "connection reset") || errors.Is(err, kerr.IllegalSaslState)):
		return doctor.Failed("Set sasl to the user that this pipeline logs in as.", "the broker answers and then closes the connection: its listener requires a login, and the pipeline has none")
	case errors.As(err, &closed) || errors.Is(err, io.EOF):
		return doctor.Failed("Check that this listener uses SASL (security.protocol SASL_PLAINTEXT or SASL_SSL), and the mechanism.", "the broker closes the connection during the login: %v", err)
	}
	return doctor.Failed("The log of the broker has the reason.", "the first request to Kafka: %v", err)
}

// advertised checks that this machine reaches the brokers at the addresses that they
// advertise, at which partitions are read and written.
func (k *checker) advertised(ctx context.Context) doctor.Finding {
	d, err := conn.Describe(ctx, k.client, k.topics())
	if err != nil {
		return doctor.Failed("The log of the broker has the reason.", "%v", k.Config.Explained(err))
	}
	k.metadata = d
	var mu sync.Mutex
	var unreached []string
	var wait sync.WaitGroup
	for id, address := range d.Brokers {
		wait.Go(func() {
			limited, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
			defer cancel()
			c, err := netcheck.Connect(limited, address, k.Config.TLS)
			if err == nil {
				c.Close()
				return
			}
			mu.Lock()
			defer mu.Unlock()
			unreached = append(unreached, fmt.Sprintf("broker %d advertises %s: %s", id, address, reason(err)))
		})
	}
	wait.Wait()
	if len(unreached) > 0 {
		slices.Sort(unreached)
		return doctor.Failed(k.Config.AdvertisedHint()+".", "%s", strings.Join(unreached, "; "))
	}
	var addresses []string
	for _, id := range slices.Sorted(maps.Keys(d.Brokers)) {
		addresses = append(addresses, d.Brokers[id])
	}
	return doctor.OK("this machine reaches the brokers at the addresses that they advertise: %s", strings.Join(addresses, ", "))
}

// reason leaves out the address, which is named beside it.
func reason(err error) string {
	var dial *net.OpError
	var host x509.HostnameError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.As(err, &host):
		return err.Error()
	case errors.As(err, &dial):
		return dial.Err.Error()
	}
	return err.Error()
}
