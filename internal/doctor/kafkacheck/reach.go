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
// answer this request before a login. From then on, only those that answer are asked.
func (k *checker) tls(ctx context.Context) doctor.Finding {
	answers := make([]greeting, len(k.reached))
	var wait sync.WaitGroup
	for i, address := range k.reached {
		wait.Go(func() { answers[i] = k.greet(ctx, address) })
	}
	wait.Wait()
	var seen, answering, silent []string
	var soon doctor.Finding
	for i, a := range answers {
		switch {
		case a.wrong.Status != "":
			return a.wrong
		case a.silent:
			silent = append(silent, k.reached[i])
			continue
		}
		if soon.Status == "" {
			soon = a.soon
		}
		seen, answering = append(seen, a.seen), append(answering, k.reached[i])
	}
	const hangs = "Look at the log of the broker and restart it if it hangs. Otherwise something between it and this machine accepts connections in its place."
	switch all := len(k.reached); {
	case len(answering) == 0:
		return doctor.Failed(hangs, "no answer, although the connection is accepted: %s", strings.Join(silent, ", "))
	case len(silent) > 0:
		k.reached = answering
		return doctor.Warning(hangs, "%d of %d addresses that accept connections do not answer: %s", len(silent), all, strings.Join(silent, ", "))
	case soon.Status != "":
		return soon
	case k.Config.TLS == nil:
		return doctor.OK("Kafka answers in plain text, as configured, at %s", strings.Join(seen, ", "))
	}
	return doctor.OK("%s", strings.Join(seen, "; "))
}

// greeting is how an address answers.
type greeting struct {
	wrong  doctor.Finding // what does not fit the configuration
	silent bool           // it accepts the connection, and that is all
	soon   doctor.Finding // that its certificate expires
	seen   string
}

// greetLimit is less than the time limit of a check, so that its result is the reason.
const greetLimit = 3 * time.Second

func (k *checker) greet(ctx context.Context, address string) (g greeting) {
	ctx, cancel := context.WithTimeout(ctx, greetLimit)
	defer cancel()
	g.seen = address
	if k.Config.TLS != nil {
		certificate, err := netcheck.Handshake(ctx, address, k.Config.TLS)
		switch {
		case timedOut(err):
			g.silent = true
			return g
		case err != nil:
			g.wrong = doctor.Failed(netcheck.TLSHint(err, "tls"), "%s: %v", address, err)
			return g
		}
		g.soon, g.seen = netcheck.Expiring(address, certificate), netcheck.Describe(address, certificate)
	}
	err := isKafka(ctx, address, k.Config.TLS)
	switch {
	case err == nil:
	case k.Config.TLS == nil && expectsTLS(ctx, address):
		g.wrong = doctor.Failed("Set tls.enabled: true, or use a port with a plain text listener.", "the listener at %s expects TLS, and the pipeline does not use it", address)
	case timedOut(err):
		g.silent = true
	case k.Config.TLS == nil:
		g.wrong = doctor.Failed("Check the host and the port in seed_brokers.", "what answers at %s is not Kafka: %v", address, err)
	case isAlert(err):
		g.wrong = doctor.Failed("Set a certificate that the broker trusts in tls.client_certs.", "%s rejects this client's certificate: %v", address, err)
	default:
		g.wrong = doctor.Failed("Check the port in seed_brokers.", "what answers at %s is not Kafka: %v", address, err)
	}
	return g
}

func timedOut(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

// expectsTLS reports whether an address that does not answer Kafka's plain text expects
// TLS.
func expectsTLS(ctx context.Context, address string) bool {
	_, err := netcheck.Handshake(ctx, address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing is sent over it
	return err == nil || isAlert(err)
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
	case errors.Is(err, kerr.IllegalSaslState):
		return doctor.Failed("Remove sasl from the pipeline, or use the port of a listener with SASL.", "this listener expects no login: %v", err)
	case errors.As(err, &closed) || errors.Is(err, io.EOF):
		return doctor.Failed("Check that this listener uses SASL (security.protocol SASL_PLAINTEXT or SASL_SSL), and the mechanism.", "the broker closes the connection during the login: %v", err)
	}
	return doctor.Failed("The log of the broker has the reason.", "the first request to Kafka: %v", err)
}

// advertised checks that the brokers answer at the addresses that they advertise, at which
// partitions are read and written.
func (k *checker) advertised(ctx context.Context) doctor.Finding {
	d, err := k.describe(ctx, k.topics())
	if err != nil {
		return doctor.Failed("The log of the broker has the reason.", "%v", k.Config.Explained(err))
	}
	k.metadata = d
	ids := slices.Sorted(maps.Keys(d.Brokers))
	errs := make([]error, len(ids))
	var wait sync.WaitGroup
	for i, id := range ids {
		wait.Go(func() {
			limited, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
			defer cancel()
			errs[i] = isKafka(limited, d.Brokers[id], k.Config.TLS)
		})
	}
	wait.Wait()
	var addresses, unreached []string
	configured := true // the same addresses are in seed_brokers
	for i, id := range ids {
		addresses = append(addresses, d.Brokers[id])
		if errs[i] != nil {
			unreached = append(unreached, fmt.Sprintf("broker %d advertises %s: %s", id, d.Brokers[id], reason(errs[i])))
			configured = configured && slices.Contains(k.Config.Seeds, d.Brokers[id])
		}
	}
	switch {
	case len(unreached) == 0:
		return doctor.OK("the brokers answer this machine at the addresses that they advertise: %s", strings.Join(addresses, ", "))
	case configured:
		return doctor.Failed("Start the broker, or restart it if it hangs. Within seconds Kafka notices that a broker is down, and others lead its partitions, if they have copies.", "%s", strings.Join(unreached, "; "))
	}
	return doctor.Failed("Start the broker if it is down, and restart it if it hangs. "+k.Config.AdvertisedHint()+".", "%s", strings.Join(unreached, "; "))
}

// describe asks the brokers at the configured addresses that have answered, in turn. The
// client would also ask one of those that they name, which may not answer.
func (k *checker) describe(ctx context.Context, topics []string) (d conn.Described, err error) {
	for _, broker := range k.client.SeedBrokers() {
		limited, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
		d, err = conn.Describe(limited, broker, topics)
		cancel()
		if err == nil {
			return d, nil
		}
	}
	return d, err
}

// reason leaves out the address, which is named beside it.
func reason(err error) string {
	var dial *net.OpError
	var host x509.HostnameError
	switch {
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return "no answer"
	case errors.As(err, &host):
		return err.Error()
	case errors.As(err, &dial):
		return dial.Err.Error()
	}
	return err.Error()
}
