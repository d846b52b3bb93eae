// Package conn is how the Kafka components reach brokers: the fields of a connection,
// the options of a client, and what to do about errors of a connection.
package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/redpanda-data/benthos/v4/public/utils/netutil"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

const (
	fieldSeedBrokers            = "seed_brokers"
	fieldClientID               = "client_id"
	fieldTLS                    = "tls"
	fieldSASL                   = "sasl"
	fieldMechanism              = "mechanism"
	fieldUsername               = "username"
	fieldPassword               = "password"
	fieldMetadataMaxAge         = "metadata_max_age"
	fieldRequestTimeoutOverhead = "request_timeout_overhead"
	fieldConnIdleTimeout        = "conn_idle_timeout"
	fieldTCP                    = "tcp"
)

const (
	mechanismNone   = "none"
	mechanismPlain  = "PLAIN"
	mechanismSCRAM2 = "SCRAM-SHA-256"
	mechanismSCRAM5 = "SCRAM-SHA-512"
)

var mechanisms = []string{mechanismNone, mechanismPlain, mechanismSCRAM2, mechanismSCRAM5}

// Fields have the names and meanings that they have in the stock Kafka components, so
// that a connection can be moved from one to the other.
func Fields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldSeedBrokers).
			Description("Addresses of brokers, from which the others are found. An element with commas is several addresses.").
			Example([]string{"localhost:9092"}).
			Example([]string{"a.example.com:9092", "b.example.com:9092"}).
			LintRule(`root = if this.type() == "string" && this.re_match("` + noPort + `") { [ "` + wrongPort + `" ] }`), // of each element
		service.NewStringField(fieldClientID).
			Description("Name of this client in the logs, metrics and quotas of the brokers.").
			Default("brandpulse-connect").
			Advanced(),
		service.NewTLSToggledField(fieldTLS),
		service.NewObjectListField(fieldSASL, append([]*service.ConfigField{
			service.NewStringAnnotatedEnumField(fieldMechanism, map[string]string{
				mechanismNone:   "No authentication.",
				mechanismPlain:  "User and password in plain text: only with TLS.",
				mechanismSCRAM2: "RFC 5802.",
				mechanismSCRAM5: "RFC 5802.",
			}).Description("How this client authenticates.").
				LintRule(lintrule.Enum(fieldMechanism, mechanisms...)),
			service.NewStringField(fieldUsername).Description("The user.").Default(""),
		}, secret.Fields(fieldPassword, "The password of the user.")...)...).
			Description("Ways to authenticate. The first one that the broker supports is used.").
			Example([]any{map[string]any{fieldMechanism: mechanismSCRAM5, fieldUsername: "brandpulse", fieldPassword + "_env": "KAFKA_PASSWORD"}}).
			// It is called for the list and for each of its objects.
			LintRule(`root = match {
  this.type() == "object" && ` + secret.Twice(fieldPassword) + ` => [ "` + secret.WrongTwice(fieldPassword) + `" ],
  this.type() == "object" && ["` + strings.Join(mechanisms[1:], `", "`) + `"].contains(this.mechanism.or("")) && (this.username.or("") == "" || (this.password_env.or("") == "" && !` + secret.IsSet(fieldPassword) + `)) => [ "` + wrongLogin + `" ],
}`).
			Optional().
			Advanced(),
		durations.Field(fieldMetadataMaxAge).
			Description("How often leaders and new partitions are requested when nothing goes wrong. Changes that a response reveals are followed at once.").
			Default("1m").
			Advanced(),
		durations.Field(fieldRequestTimeoutOverhead).
			Description("How long a request may take, beyond what it asks the broker to wait.").
			Default("10s").
			Advanced(),
		durations.Field(fieldConnIdleTimeout).
			Description("After how long without a request a connection is closed, roughly.").
			Default("20s").
			Advanced(),
		netutil.DialerConfigSpec(),
	}
}

// Config is how brokers are reached.
type Config struct {
	Seeds           []string
	MetadataMaxAge  time.Duration
	TimeoutOverhead time.Duration // of a request, beyond what it asks the broker to wait
	TLS             *tls.Config   // nil: plain text

	clientID    string
	dial        func(ctx context.Context, network, host string) (net.Conn, error)
	mechanisms  []sasl.Mechanism
	user        string // of the first of them, or empty
	idleTimeout time.Duration
}

const wrongLogin = "sasl: PLAIN and SCRAM need username, and password, password_env or password_file: one of them is missing or empty"

// noPort matches an address with a port above 65535. The client would retry it
// indefinitely.
const noPort = `:(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4}|[1-9][0-9]{5,}) *(,|$)`

var isNoPort = regexp.MustCompile(noPort)

const wrongPort = "seed_brokers has a port above 65535: it must be like localhost:9092"

// WrongBrokers is what lint and the constructor say where no broker is named.
const WrongBrokers = "seed_brokers must name at least one broker"

// From reads the fields and checks them.
func From(parsed *service.ParsedConfig) (c Config, err error) {
	listed, err := parsed.FieldStringList(fieldSeedBrokers)
	if err != nil {
		return c, err
	}
	if c.Seeds = Split(listed); len(c.Seeds) == 0 {
		return c, errors.New(WrongBrokers)
	}
	if slices.ContainsFunc(c.Seeds, isNoPort.MatchString) {
		return c, errors.New(wrongPort)
	}
	if c.clientID, err = parsed.FieldString(fieldClientID); err != nil {
		return c, err
	}
	if err := c.dialFrom(parsed); err != nil {
		return c, err
	}
	if err := c.loginFrom(parsed); err != nil {
		return c, err
	}
	for _, d := range []struct {
		field string
		value *time.Duration
	}{
		{fieldMetadataMaxAge, &c.MetadataMaxAge},
		{fieldRequestTimeoutOverhead, &c.TimeoutOverhead},
		{fieldConnIdleTimeout, &c.idleTimeout},
	} {
		if *d.value, err = durations.From(parsed, d.field); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Split returns the elements of a list, each once. An element with commas is several.
func Split(listed []string) []string {
	var all []string
	for _, element := range listed {
		for one := range strings.SplitSeq(element, ",") {
			if one = strings.TrimSpace(one); one != "" && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

// Durations are fields of durations, each with the shortest and the longest that it
// may be: the bounds of the client or, where Kafka has 32 bits of milliseconds, below 25
// days.
type Durations map[string]struct{ Least, Most time.Duration }

// Longest is for fields where Kafka has 32 bits of milliseconds.
const Longest = 24 * 24 * time.Hour

// Field returns the spec of a field.
func (d Durations) Field(name string) *service.ConfigField {
	b := d[name]
	return service.NewDurationField(name).LintRule(lintrule.Duration(name, b.Least, b.Most))
}

// From reads a field and checks it.
func (d Durations) From(parsed *service.ParsedConfig, name string) (time.Duration, error) {
	value, err := parsed.FieldDuration(name)
	if err != nil {
		return 0, err
	}
	return value, lintrule.CheckDuration(name, value, d[name].Least, d[name].Most)
}

var durations = Durations{
	fieldMetadataMaxAge:         {10 * time.Millisecond, time.Hour},
	fieldRequestTimeoutOverhead: {100 * time.Millisecond, 15 * time.Minute},
	fieldConnIdleTimeout:        {100 * time.Millisecond, 15 * time.Minute},
}

func (c *Config) dialFrom(parsed *service.ParsedConfig) error {
	tlsConf, enabled, err := parsed.FieldTLSToggled(fieldTLS)
	if err != nil {
		return err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if parsed.Contains(fieldTCP) {
		conf, err := netutil.DialerConfigFromParsed(parsed.Namespace(fieldTCP))
		if err != nil {
			return err
		}
		if err := netutil.DecorateDialer(dialer, conf); err != nil {
			return fmt.Errorf("applying the settings of %s: %w", fieldTCP, err)
		}
	}
	c.dial = dialer.DialContext
	if enabled {
		c.TLS = tlsConf
		c.dial = (&tls.Dialer{NetDialer: dialer, Config: tlsConf}).DialContext
	}
	return nil
}

// HasLogin reports whether this client authenticates with SASL.
func (c *Config) HasLogin() bool { return len(c.mechanisms) > 0 }

// loginFrom reads how to authenticate.
func (c *Config) loginFrom(parsed *service.ParsedConfig) error {
	if !parsed.Contains(fieldSASL) {
		return nil
	}
	listed, err := parsed.FieldObjectList(fieldSASL)
	if err != nil {
		return err
	}
	for i, one := range listed {
		name, err := one.FieldString(fieldMechanism)
		if err != nil {
			return err
		}
		user, err := one.FieldString(fieldUsername)
		if err != nil {
			return err
		}
		if i == 0 {
			c.user = user
		}
		password, err := secret.From(one, fieldPassword)
		if err != nil {
			return fmt.Errorf("%s: %w", fieldSASL, err)
		}
		switch name {
		case mechanismNone:
		case mechanismPlain:
			c.mechanisms = append(c.mechanisms, plain.Auth{User: user, Pass: password}.AsMechanism())
		case mechanismSCRAM2:
			c.mechanisms = append(c.mechanisms, scram.Auth{User: user, Pass: password}.AsSha256Mechanism())
		case mechanismSCRAM5:
			c.mechanisms = append(c.mechanisms, scram.Auth{User: user, Pass: password}.AsSha512Mechanism())
		default:
			return fmt.Errorf("%s: %w", fieldSASL, lintrule.CheckEnum(fieldMechanism, name, mechanisms...))
		}
		if name != mechanismNone && (user == "" || password == "") {
			return fmt.Errorf("%s: %s needs %s and %s, and one of them is empty", fieldSASL, name, fieldUsername, fieldPassword)
		}
	}
	return nil
}

// Options are those of a client, which tells the brokers that it is this version of
// the program.
func (c *Config) Options(version string, log *service.Logger) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(c.Seeds...),
		kgo.ClientID(c.clientID),
		kgo.SoftwareNameAndVersion("brandpulse-connect", version),
		kgo.Dialer(c.dial),
		kgo.SASL(c.mechanisms...),
		kgo.MetadataMaxAge(c.MetadataMaxAge),
		kgo.MetadataMinAge(min(c.MetadataMaxAge, time.Second)),
		kgo.RequestTimeoutOverhead(c.TimeoutOverhead),
		kgo.ConnIdleTimeout(c.idleTimeout),
		kgo.WithLogger(clientLog{log}),
		kgo.DisableClientMetrics(),
	}
}

// clientLog lowers the level of what franz-go logs: it reports as an error much that
// it repairs by itself, and returns the rest as errors.
type clientLog struct{ to *service.Logger }

func (clientLog) Level() kgo.LogLevel { return kgo.LogLevelInfo }

func (l clientLog) Log(level kgo.LogLevel, text string, pairs ...any) {
	to := l.to.With(pairs...)
	switch level {
	case kgo.LogLevelError, kgo.LogLevelWarn:
		to.Debug(text)
	default:
		to.Trace(text)
	}
}
