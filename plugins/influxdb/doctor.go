package influxdb

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/doctor/netcheck"
)

// Written are fields that a pipeline writes to a measurement, with the names that
// InfluxQL has for their types: integer, float, string, boolean, unsigned.
type Written struct {
	Measurement string
	Fields      map[string]string
}

// Surroundings are what the checks of an output need from the rest of its pipeline.
type Surroundings struct {
	Group   string // of the checks
	Written []Written
	// Replayed returns how old the points of a replay may be, such as the retention of
	// the topic, and what that follows from; false if they may be older than that.
	Replayed func() (age time.Duration, from string, known bool)
	// ReplayedNeeds are the checks after which Replayed knows.
	ReplayedNeeds []*doctor.Check
}

// Checks returns the checks of the command `doctor` for an output, from its own
// configuration as YAML. They write nothing: a write without points needs the same
// permissions as one with points.
func Checks(yaml string, s Surroundings) ([]*doctor.Check, error) {
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		return nil, err
	}
	conf, err := configFrom(parsed)
	if err != nil {
		return nil, err
	}
	conf.timeout = min(conf.timeout, 4*time.Second)
	resources := service.MockResources()
	e := &examination{output: newOutput(conf, nil, resources.Logger(), resources.Metrics()), Surroundings: s}
	var checks []*doctor.Check
	add := func(id doctor.ID, run func(ctx context.Context) doctor.Finding, needs ...*doctor.Check) *doctor.Check {
		check := &doctor.Check{ID: id, Group: s.Group, Run: run, Needs: needs}
		checks = append(checks, check)
		return check
	}
	var need []*doctor.Check
	if conf.proxy == nil && proxyOf(conf) == nil { // a proxy resolves the name
		names := add(doctor.InfluxNames, e.names)
		need = append(need, add(doctor.InfluxReach, e.reachable, names))
		if conf.url.Scheme == "https" {
			need = append(need, add(doctor.InfluxTLS, e.tls, need...))
		}
	}
	health := add(doctor.InfluxHealth, e.health, need...)
	add(doctor.InfluxVersion, e.version, health)
	add(doctor.InfluxClock, e.clock, health)
	login := add(doctor.InfluxLogin, e.login, health)
	org := add(doctor.InfluxOrg, e.organisation, login)
	bucket := add(doctor.InfluxBucket, e.bucket, org)
	write := add(doctor.InfluxWrite, e.write, bucket)
	add(doctor.InfluxTypes, e.types, write)
	add(doctor.InfluxCardinality, e.cardinality, write)
	add(doctor.InfluxRetention, e.keeps, append([]*doctor.Check{write}, s.ReplayedNeeds...)...)
	return checks, nil
}

// proxyOf returns the proxy of the environment for this address.
func proxyOf(conf config) *url.URL {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: conf.url})
	if err != nil {
		return nil
	}
	return proxy
}

// examination has what the checks learn from each other.
type examination struct {
	*output
	Surroundings

	asked    time.Time // when the clock was read, in the middle of its request
	took     time.Duration
	pinged   answer
	answer   answer // of the write without points
	decision decision
}

// address returns HOST:PORT.
func (e *examination) address() string {
	u := e.conf.url
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (e *examination) names(ctx context.Context) doctor.Finding {
	return netcheck.Names(ctx, []string{e.address()}, "url")
}

func (e *examination) reachable(ctx context.Context) doctor.Finding {
	if reached, errs := netcheck.Dial(ctx, []string{e.address()}); len(reached) == 0 {
		return doctor.Failed("Check that InfluxDB is running there, the address in url, and firewalls.", "%s accepts no connections: %v", e.address(), errs[0])
	}
	return doctor.OK("%s accepts connections", e.address())
}

func (e *examination) tls(ctx context.Context) doctor.Finding {
	certificate, err := netcheck.Handshake(ctx, e.address(), e.conf.secure())
	if err != nil {
		return doctor.Failed(netcheck.TLSHint(err, "tls"), "%v", err)
	}
	if soon := netcheck.Expiring(e.address(), certificate); soon.Status != "" {
		return soon
	}
	return doctor.OK("%s", netcheck.Describe(e.address(), certificate))
}

// health asks for /ping, which needs no token, and /health, where InfluxDB says whether
// its storage works.
func (e *examination) health(ctx context.Context) doctor.Finding {
	before := time.Now()
	e.pinged = e.client.ask(ctx, http.MethodGet, "/ping", nil, nil)
	e.took = time.Since(before)
	e.asked = before.Add(e.took / 2)
	switch {
	case e.pinged.err != nil:
		return doctor.Failed("Check that InfluxDB is running there, and its log.", "%s: %s", e.conf.url.Redacted(), reasonOf(e.pinged))
	case e.pinged.header.Get("X-Influxdb-Version") == "" && e.pinged.status/100 != 2:
		return doctor.Failed("Check host, port and path in url: another server answers there, or a proxy in front of InfluxDB rejects the request.", "status %d from %s: %s", e.pinged.status, e.conf.url.Redacted(), reasonOf(e.pinged))
	}
	health := e.client.ask(ctx, http.MethodGet, "/health", nil, nil)
	if health.err == nil && health.status == http.StatusServiceUnavailable {
		return doctor.Failed("The log of InfluxDB has the reason.", "InfluxDB reports that it is not healthy: %s", reasonOf(health))
	}
	return doctor.OK("it answers in %s", e.took.Round(time.Millisecond))
}

func (e *examination) version(context.Context) doctor.Finding {
	version := strings.TrimPrefix(e.pinged.header.Get("X-Influxdb-Version"), "v")
	if version == "" {
		return doctor.Skipped("the server does not say: InfluxDB Cloud and some proxies do not")
	}
	parts := strings.SplitN(version, ".", 3)
	major, err := strconv.Atoi(parts[0])
	minor := 0
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	switch {
	case err != nil:
		return doctor.Skipped("the server's version is %q", version)
	case major == 1 && minor < 8 || major < 1:
		return doctor.Warning("Update InfluxDB to 1.8.10 or 2.7.", "version %s; 1.8 is the oldest tested one", version)
	case major > 2:
		return doctor.Warning("Compare the counts after the first run: brandpulse-connect audit.", "version %s is supported according to its documentation, and not tested", version)
	}
	return doctor.OK("version %s", version)
}

// clockSlack is how much clocks may differ.
const clockSlack = 5 * time.Second

func (e *examination) clock(context.Context) doctor.Finding {
	date, err := http.ParseTime(e.pinged.header.Get("Date"))
	if err != nil {
		return doctor.Skipped("the response has no date")
	}
	// The date has whole seconds.
	ahead := date.Add(500 * time.Millisecond).Sub(e.asked)
	if ahead.Abs() > clockSlack+e.took/2 {
		word := "ahead of"
		if ahead < 0 {
			word = "behind"
		}
		return doctor.Warning("Set both clocks, for example with chrony: retention is counted from InfluxDB's, and queries with now() miss points.",
			"InfluxDB's clock is %s %s this machine's", ahead.Abs().Round(time.Second), word)
	}
	return doctor.OK("InfluxDB's clock is right to within %s", clockSlack)
}

// login sends the write without points, whose response the next checks interpret too:
// InfluxDB looks at the token first, then at the organisation, the bucket and the
// permission.
func (e *examination) login(ctx context.Context) doctor.Finding {
	a, d, err := e.detect(ctx)
	if err != nil {
		return doctor.Failed("Check the address in url, and the log of InfluxDB.", "testing a write: %v", err)
	}
	e.answer, e.decision = a, d
	credentials := "the token"
	switch {
	case e.conf.username != "":
		credentials = fmt.Sprintf("the user %q", e.conf.username)
	case e.conf.token == "":
		credentials = "a client without a token"
	}
	switch {
	case a.err != nil:
		return doctor.Failed("Check the address in url, and the log of InfluxDB.", "testing a write to %s: %s", e.conf.target(e.conf.bucket), explain(d, e.conf))
	case d.status == http.StatusUnauthorized && e.conf.token == "" && e.conf.username == "":
		return doctor.Failed("Set token, token_env or token_file of the output (the shipped pipelines read INFLUXDB_TOKEN); in 1.x username and password.", "InfluxDB asks for a token, and the output has none: %s", d.reason)
	case d.status == http.StatusUnauthorized:
		return doctor.Failed("Check the token, or create another one.", "InfluxDB rejects %s: %s", credentials, d.reason)
	}
	return doctor.OK("InfluxDB accepts %s", credentials)
}

func (e *examination) organisation(context.Context) doctor.Finding {
	d := e.decision
	switch {
	case e.speaksV1(e.answer):
		return doctor.OK("InfluxDB 1.x has no organisations")
	case d.status == http.StatusNotFound && strings.Contains(d.text, "organization"), d.status == http.StatusBadRequest && strings.Contains(d.text, "org"):
		return doctor.Failed("Correct org: it is the name or the id of an organisation that the token belongs to.", "the organisation %q: %s", e.conf.org, d.reason)
	}
	return doctor.OK("the organisation %q exists", e.conf.org)
}

func (e *examination) bucket(context.Context) doctor.Finding {
	d := e.decision
	switch {
	case e.conf.bucketOf != nil:
		return doctor.Skipped("each message names its bucket")
	case bucketMissing(d) && e.conf.createBucket:
		return doctor.OK("%s does not exist yet, and the output creates it", e.conf.target(e.conf.bucket))
	case bucketMissing(d):
		return doctor.Failed("Correct bucket (in 1.x DATABASE or DATABASE/POLICY), create it, or set create_bucket: true. A token that may not see a bucket gets the same response.", "%s: %s", e.conf.target(e.conf.bucket), d.reason)
	}
	return doctor.OK("%s exists", e.conf.target(e.conf.bucket))
}

func (e *examination) write(context.Context) doctor.Finding {
	d := e.decision
	switch {
	case d.verdict == verdictStored:
		return doctor.OK("InfluxDB accepts a write without points, which needs the same permissions as one with points")
	case bucketMissing(d) && e.conf.createBucket:
		return doctor.Skipped("the bucket does not exist yet")
	case d.status == http.StatusForbidden:
		return doctor.Failed("Give the token the permission to write to this bucket.", "the token may not write to %s: %s", e.conf.target(e.conf.bucket), d.reason)
	case d.verdict == verdictRejected && fixOf(d, e.conf) == "":
		return doctor.Skipped("the server rejects a write without points (%s), so the permission is not known", d.reason)
	}
	return doctor.Failed("The log of InfluxDB or of the proxy in front of it has the reason.", "testing a write to %s: %s", e.conf.target(e.conf.bucket), explain(d, e.conf))
}
