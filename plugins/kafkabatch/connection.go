package kafkabatch

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

// connectionFields have the names and meanings that they have in the stock
// Kafka components, so that a connection can be moved from one to the other.
func connectionFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldSeedBrokers).
			Description("Addresses of brokers to find the others by. An element with commas is several addresses.").
			Example([]string{"localhost:9092"}).
			Example([]string{"a.example.com:9092", "b.example.com:9092"}).
			LintRule(`root = if this.type() == "string" && this.re_match("` + noPort + `") { [ "` + wrongPort + `" ] }`), // of each element
		service.NewStringField(fieldClientID).
			Description("What this client calls itself in the logs, metrics and quotas of the brokers.").
			Default("brandpulse-connect").
			Advanced(),
		service.NewTLSToggledField(fieldTLS),
		service.NewObjectListField(fieldSASL, append([]*service.ConfigField{
			service.NewStringAnnotatedEnumField(fieldMechanism, map[string]string{
				mechanismNone:   "No authentication.",
				mechanismPlain:  "User and password as they are: only with TLS.",
				mechanismSCRAM2: "RFC 5802.",
				mechanismSCRAM5: "RFC 5802.",
			}).Description("How this client says who it is.").
				LintRule(lintrule.Enum(fieldMechanism, mechanisms...)),
			service.NewStringField(fieldUsername).Description("The user.").Default(""),
		}, secret.Fields(fieldPassword, "The password of the user.")...)...).
			Description("Ways to authenticate: the first that the broker supports is taken.").
			Example([]any{map[string]any{fieldMechanism: mechanismSCRAM5, fieldUsername: "brandpulse", fieldPassword + "_env": "KAFKA_PASSWORD"}}).
			// It is called for the list and for each of its objects.
			LintRule(`root = match {
  this.type() == "object" && ` + secret.Twice(fieldPassword) + ` => [ "` + secret.WrongTwice(fieldPassword) + `" ],
  this.type() == "object" && ["` + strings.Join(mechanisms[1:], `", "`) + `"].contains(this.mechanism.or("")) && (this.username.or("") == "" || (this.password_env.or("") == "" && !` + secret.IsSet(fieldPassword) + `)) => [ "` + wrongLogin + `" ],
}`).
			Optional().
			Advanced(),
		durationField(fieldMetadataMaxAge).
			Description("How often leaders and new partitions are asked for when nothing goes wrong. Changes that show in an answer are followed at once.").
			Default("1m").
			Advanced(),
		durationField(fieldRequestTimeoutOverhead).
			Description("How long a request may take, beyond what it asks the broker to wait.").
			Default("10s").
			Advanced(),
		durationField(fieldConnIdleTimeout).
			Description("After how long without a request a connection is closed, roughly.").
			Default("20s").
			Advanced(),
		netutil.DialerConfigSpec(),
	}
}

// connection is how brokers are reached.
type connection struct {
	seeds           []string
	clientID        string
	dial            func(ctx context.Context, network, host string) (net.Conn, error)
	mechanisms      []sasl.Mechanism
	user            string // of the first of them, or empty
	metadataMaxAge  time.Duration
	timeoutOverhead time.Duration
	idleTimeout     time.Duration
}

const wrongLogin = "sasl: PLAIN and SCRAM need username, and password, password_env or password_file: one of them is missing or empty"

// noPort is what a broker's address ends in whose port is above 65535. The client would
// try it for ever.
const noPort = `:(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4}|[1-9][0-9]{5,}) *(,|$)`

var isNoPort = regexp.MustCompile(noPort)

const wrongPort = "seed_brokers has a port above 65535: it must be like localhost:9092"

const wrongBrokers = "seed_brokers must name at least one broker"

func connectionFrom(parsed *service.ParsedConfig) (c connection, err error) {
	listed, err := parsed.FieldStringList(fieldSeedBrokers)
	if err != nil {
		return c, err
	}
	if c.seeds = split(listed); len(c.seeds) == 0 {
		return c, errors.New(wrongBrokers)
	}
	if slices.ContainsFunc(c.seeds, isNoPort.MatchString) {
		return c, errors.New(wrongPort)
	}
	if c.clientID, err = parsed.FieldString(fieldClientID); err != nil {
		return c, err
	}
	if c.dial, err = dialFrom(parsed); err != nil {
		return c, err
	}
	if c.mechanisms, err = mechanismsFrom(parsed); err != nil {
		return c, err
	}
	c.user = userFrom(parsed)
	for _, d := range []struct {
		field string
		value *time.Duration
	}{
		{fieldMetadataMaxAge, &c.metadataMaxAge},
		{fieldRequestTimeoutOverhead, &c.timeoutOverhead},
		{fieldConnIdleTimeout, &c.idleTimeout},
	} {
		if *d.value, err = durationFrom(parsed, d.field); err != nil {
			return c, err
		}
	}
	return c, nil
}

// split takes lists apart whose elements may be lists with commas themselves.
func split(listed []string) []string {
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

// bounds are the shortest and the longest that a duration may be: those of the
// client or, where Kafka has 32 bits of milliseconds, below 25 days.
type bounds struct{ least, most time.Duration }

const longest = 24 * 24 * time.Hour

var durations = map[string]bounds{
	fieldMetadataMaxAge:         {10 * time.Millisecond, time.Hour},
	fieldRequestTimeoutOverhead: {100 * time.Millisecond, 15 * time.Minute},
	fieldConnIdleTimeout:        {100 * time.Millisecond, 15 * time.Minute},
	fieldSessionTimeout:         {100 * time.Millisecond, longest},
	fieldRebalanceTimeout:       {100 * time.Millisecond, longest},
	fieldHeartbeatInterval:      {time.Millisecond, longest},
	fieldCommitPeriod:           {time.Millisecond, longest},
	fieldFetchMaxWait:           {time.Millisecond, longest},
}

func durationField(field string) *service.ConfigField {
	b := durations[field]
	return service.NewDurationField(field).LintRule(lintrule.Duration(field, b.least, b.most))
}

func durationFrom(parsed *service.ParsedConfig, field string) (time.Duration, error) {
	d, err := parsed.FieldDuration(field)
	if err != nil {
		return 0, err
	}
	b := durations[field]
	return d, lintrule.CheckDuration(field, d, b.least, b.most)
}

func dialFrom(parsed *service.ParsedConfig) (func(ctx context.Context, network, host string) (net.Conn, error), error) {
	tlsConf, enabled, err := parsed.FieldTLSToggled(fieldTLS)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if parsed.Contains(fieldTCP) {
		conf, err := netutil.DialerConfigFromParsed(parsed.Namespace(fieldTCP))
		if err != nil {
			return nil, err
		}
		if err := netutil.DecorateDialer(dialer, conf); err != nil {
			return nil, fmt.Errorf("applying the settings of %s: %w", fieldTCP, err)
		}
	}
	if !enabled {
		return dialer.DialContext, nil
	}
	return (&tls.Dialer{NetDialer: dialer, Config: tlsConf}).DialContext, nil
}

func mechanismsFrom(parsed *service.ParsedConfig) ([]sasl.Mechanism, error) {
	if !parsed.Contains(fieldSASL) {
		return nil, nil
	}
	listed, err := parsed.FieldObjectList(fieldSASL)
	if err != nil {
		return nil, err
	}
	var found []sasl.Mechanism
	for _, one := range listed {
		name, err := one.FieldString(fieldMechanism)
		if err != nil {
			return nil, err
		}
		user, err := one.FieldString(fieldUsername)
		if err != nil {
			return nil, err
		}
		password, err := secret.From(one, fieldPassword)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fieldSASL, err)
		}
		switch name {
		case mechanismNone:
		case mechanismPlain:
			found = append(found, plain.Auth{User: user, Pass: password}.AsMechanism())
		case mechanismSCRAM2:
			found = append(found, scram.Auth{User: user, Pass: password}.AsSha256Mechanism())
		case mechanismSCRAM5:
			found = append(found, scram.Auth{User: user, Pass: password}.AsSha512Mechanism())
		default:
			return nil, fmt.Errorf("%s: %w", fieldSASL, lintrule.CheckEnum(fieldMechanism, name, mechanisms...))
		}
		if name != mechanismNone && (user == "" || password == "") {
			return nil, fmt.Errorf("%s: %s needs %s and %s, and one of them is empty", fieldSASL, name, fieldUsername, fieldPassword)
		}
	}
	return found, nil
}

func (c *connection) options(log *service.Logger) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(c.seeds...),
		kgo.ClientID(c.clientID),
		kgo.SoftwareNameAndVersion("brandpulse-connect", version),
		kgo.Dialer(c.dial),
		kgo.SASL(c.mechanisms...),
		kgo.MetadataMaxAge(c.metadataMaxAge),
		kgo.MetadataMinAge(min(c.metadataMaxAge, time.Second)),
		kgo.RequestTimeoutOverhead(c.timeoutOverhead),
		kgo.ConnIdleTimeout(c.idleTimeout),
		kgo.WithLogger(clientLog{log}),
		kgo.DisableClientMetrics(),
	}
}

// clientLog takes what franz-go logs down a level: it reports as an error much
// that it repairs by itself, and what it does not comes back as an error here.
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
