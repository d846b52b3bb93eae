package influxdb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/net/http/httpguts"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

// Values of on_unsupported.
const (
	onUnsupportedReject  = "reject"
	onUnsupportedReplace = "replace"
)

// Values of on_reject.
const (
	onRejectBlock = "block"
	onRejectNack  = "nack"
)

// maxFlushPeriod is the maximum of flush_period: a live dashboard must not lag further
// behind.
const maxFlushPeriod = 5 * time.Second

// minRetention is the shortest retention of InfluxDB, 1.8 and 2.x.
const minRetention = time.Hour

// forEver is the meaning of a retention of 0s.
const forEver = "for ever"

// shortest is the minimum of time limits.
const shortest = time.Millisecond

// apiPath is the end of an address that was copied from a request, instead of the address
// of the server.
const apiPath = `/(write|query|api/v[23](/[a-z_]+)?)/*$`

var isAPIPath = regexp.MustCompile(apiPath)

// Errors of lint and of the constructor.
const (
	wrongURL           = "url must not contain a user, a password or a query, which would be logged: set token, or username and password"
	wrongAddress       = "url must be like http://localhost:8086"
	wrongProxy         = "proxy_url must be like http://proxy.example.com:3128"
	wrongPath          = "url must be the address of the server alone, such as http://localhost:8086: the path of the API, such as /api/v2/write, is added to it"
	wrongBackoff       = "backoff.initial_interval is longer than backoff.max_interval: it must be at most as long"
	wrongUser          = "token and username are alternative credentials: set one of them"
	wrongPassword      = "password needs username"
	wrongVersion       = "username is for the v1 API: remove version: v2, or set token instead"
	wrongOrg           = "org is for the v2 API, but version: v1 or username select v1: remove org"
	wrongCreate        = "create_bucket needs a fixed bucket: buckets that messages name are not created"
	wrongReplay        = "replay_window needs a fixed bucket: buckets that messages name are not checked"
	wrongReplayed      = "retention is shorter than replay_window: replayed points would be rejected"
	wrongAuthorization = "headers must not set Authorization: set token, or username and password"
	wrongBodyHeader    = "headers must not set those that the output sets: Content-Type, Content-Encoding, Content-Length, Transfer-Encoding, Expect"
	wrongTLS           = "tls is enabled, but url begins with http://: set it to https://"
	wrongMapping       = "measurement, fields and timestamp turn messages into points together: set all of them, or none for messages that are points already"
	wrongTags          = "tags needs measurement, fields and timestamp"
	wrongReject        = "rejected receives the rejected points, so on_reject: nack would have no effect: remove one of them"
	wrongRetention     = "retention applies to a bucket that is created: set create_bucket: true, or remove it"
)

// config is the checked configuration.
type config struct {
	url      *url.URL
	version  string
	token    string
	username string
	password string
	org      string
	bucket   string    // empty: each message names it
	bucketOf *template // nil: all use bucket

	measurement *template // nil: messages are points already
	tags        *bloblang.Executor
	tagsTraced  *bloblang.Executor // see traceEnvironment; nil: none
	tagsOther   *bloblang.Executor // see otherOf; nil: none
	fields      *bloblang.Executor
	timestamp   *bloblang.Executor

	rejected bool // there is an output for rejected points
	onReject string
	// letterBytes bounds a message to that output, metadata included.
	letterBytes int

	onUnsupported string
	unsigned      bool // .uint64() makes an unsigned field

	createBucket bool
	retention    time.Duration // 0: for ever
	replay       time.Duration // maximum age of replayed points; 0: not checked

	gzip             bool
	timeout          time.Duration
	tls              *tls.Config // nil: the defaults
	proxy            *url.URL    // nil: that of the environment
	headers          map[string]string
	flushPeriod      time.Duration
	maxPoints        int
	maxBodyBytes     int
	requestsInFlight int
	maxInFlight      int
	order            string
	backoffInitial   time.Duration
	backoffMax       time.Duration
}

func configFrom(parsed *service.ParsedConfig) (config, error) {
	var c config
	errs := []error{
		read(&c.url, urlField(parsed), fieldURL),
		read(&c.version, parsed.FieldString, fieldVersion),
		readSecret(&c.token, parsed, fieldToken),
		read(&c.username, parsed.FieldString, fieldUsername),
		readSecret(&c.password, parsed, fieldPassword),
		read(&c.org, parsed.FieldString, fieldOrg),
		read(&c.bucketOf, templateField(parsed), fieldBucket),
		read(&c.onUnsupported, parsed.FieldString, fieldOnUnsupported),
		read(&c.unsigned, parsed.FieldBool, fieldUnsigned),
		read(&c.onReject, parsed.FieldString, fieldOnReject),
		read(&c.letterBytes, parsed.FieldInt, fieldRejectedMaxBytes),
		read(&c.createBucket, parsed.FieldBool, fieldCreateBucket),
		read(&c.retention, parsed.FieldDuration, fieldRetention),
		read(&c.replay, parsed.FieldDuration, fieldReplayWindow),
		read(&c.headers, parsed.FieldStringMap, fieldHeaders),
		read(&c.gzip, parsed.FieldBool, fieldGzip),
		read(&c.timeout, parsed.FieldDuration, fieldTimeout),
		read(&c.flushPeriod, parsed.FieldDuration, fieldFlushPeriod),
		read(&c.maxPoints, parsed.FieldInt, fieldMaxPoints),
		read(&c.maxBodyBytes, parsed.FieldInt, fieldMaxBodyBytes),
		read(&c.requestsInFlight, parsed.FieldInt, fieldRequestsInFlight),
		read(&c.maxInFlight, parsed.FieldInt, fieldMaxInFlight),
		read(&c.order, parsed.FieldString, fieldOrder),
		read(&c.backoffInitial, parsed.FieldDuration, fieldBackoff, fieldInitialInterval),
		read(&c.backoffMax, parsed.FieldDuration, fieldBackoff, fieldMaxInterval),
	}
	if parsed.Contains(fieldMeasurement) {
		errs = append(errs, read(&c.measurement, templateField(parsed), fieldMeasurement))
	}
	for field, target := range map[string]**bloblang.Executor{fieldTags: &c.tags, fieldFields: &c.fields, fieldTimestamp: &c.timestamp} {
		if parsed.Contains(field) {
			errs = append(errs, read(target, parsed.FieldBloblang, field))
		}
	}
	if c.tags != nil {
		text, err := parsed.FieldString(fieldTags)
		errs = append(errs, err)
		// That environment lacks functions that a build has added.
		c.tagsTraced, _ = traceEnvironment().Parse(text)
		c.tagsOther = otherOf(text)
	}
	if parsed.Contains(fieldProxyURL) {
		errs = append(errs, read(&c.proxy, urlField(parsed), fieldProxyURL))
	}
	settings, enabled, err := parsed.FieldTLSToggled(fieldTLS)
	if enabled {
		c.tls = settings
	}
	c.rejected = parsed.Contains(fieldRejected)
	if err := errors.Join(append(errs, err)...); err != nil {
		return config{}, err
	}
	if bucket, static := c.bucketOf.whole.Static(); static {
		c.bucket, c.bucketOf = bucket, nil
	}
	return c, c.check()
}

// urlField reads addresses.
func urlField(parsed *service.ParsedConfig) func(path ...string) (*url.URL, error) {
	return func(path ...string) (*url.URL, error) { return secret.URL(parsed, path...) }
}

// templateField reads fields as templates.
func templateField(parsed *service.ParsedConfig) func(path ...string) (*template, error) {
	return func(path ...string) (*template, error) {
		whole, err := parsed.FieldInterpolatedString(path...)
		if err != nil {
			return nil, err
		}
		text, err := parsed.FieldString(path...)
		return newTemplate(path[len(path)-1], whole, text), err
	}
}

func readSecret(target *string, parsed *service.ParsedConfig, field string) (err error) {
	*target, err = secret.From(parsed, field)
	return err
}

// read reads a field's value into target.
func read[T any](target *T, field func(path ...string) (T, error), path ...string) (err error) {
	*target, err = field(path...)
	return err
}

// check repeats the checks of lint, which may have been skipped, and adds those that
// lint cannot do.
func (c config) check() error {
	if err := c.checkValues(); err != nil {
		return err
	}
	for _, check := range []struct {
		wrong bool
		text  string
	}{
		{c.url.Scheme != "http" && c.url.Scheme != "https" || c.url.Host == "", wrongAddress},
		{c.url.User != nil || c.url.RawQuery != "", wrongURL},
		{isAPIPath.MatchString(c.url.Path), wrongPath},
		{c.tls != nil && c.url.Scheme == "http", wrongTLS},
		{c.username != "" && c.token != "", wrongUser},
		{c.username == "" && c.password != "", wrongPassword},
		{c.username != "" && c.version == versionV2, wrongVersion},
		{c.org != "" && (c.version == versionV1 || c.username != ""), wrongOrg},
		{c.bucketOf != nil && c.createBucket, wrongCreate},
		{c.bucketOf != nil && c.replay != 0, wrongReplay},
		{strings.ContainsAny(c.token, "\r\n"), "token must be one line: it contains a line break"},
		{(c.measurement == nil) != (c.fields == nil) || (c.measurement == nil) != (c.timestamp == nil), wrongMapping},
		{c.measurement == nil && c.tags != nil, wrongTags},
		{c.rejected && c.onReject == onRejectNack, wrongReject},
		{c.retention != 0 && !c.createBucket, wrongRetention},
		{c.retention != 0 && c.retention < c.replay, wrongReplayed},
		{wrongHeader(c.headers) != "", wrongHeader(c.headers)},
		{c.proxy != nil && (c.proxy.Scheme != "http" && c.proxy.Scheme != "https" && c.proxy.Scheme != "socks5" || c.proxy.Host == ""), wrongProxy},
		{c.backoffMax < c.backoffInitial, wrongBackoff},
	} {
		if check.wrong {
			return errors.New(check.text)
		}
	}
	return nil
}

// checkValues checks each value by itself.
func (c config) checkValues() error {
	errs := []error{
		lintrule.CheckEnum(fieldVersion, c.version, versionAuto, versionV1, versionV2),
		lintrule.CheckEnum(fieldOnUnsupported, c.onUnsupported, onUnsupportedReject, onUnsupportedReplace),
		lintrule.CheckEnum(fieldOnReject, c.onReject, onRejectBlock, onRejectNack),
		lintrule.CheckEnum(fieldOrder, c.order, orderNone, orderSeries),
		lintrule.CheckZeroOrDuration(fieldRetention, forEver, c.retention, minRetention, 0),
		lintrule.CheckDuration(fieldReplayWindow, c.replay, 0, 0),
		lintrule.CheckDuration(fieldTimeout, c.timeout, shortest, 0),
		lintrule.CheckDuration(fieldFlushPeriod, c.flushPeriod, shortest, maxFlushPeriod),
		lintrule.CheckDuration(fieldInitialInterval, c.backoffInitial, shortest, 0),
		lintrule.CheckDuration(fieldMaxInterval, c.backoffMax, shortest, 0),
		lintrule.CheckInt(fieldRejectedMaxBytes, int64(c.letterBytes), letter.MinBytes, 0),
		lintrule.CheckInt(fieldMaxPoints, int64(c.maxPoints), 1, 0),
		lintrule.CheckInt(fieldMaxBodyBytes, int64(c.maxBodyBytes), minBodyBytes, 0),
		lintrule.CheckInt(fieldRequestsInFlight, int64(c.requestsInFlight), 1, 0),
		lintrule.CheckInt(fieldMaxInFlight, int64(c.maxInFlight), 1, 0),
	}
	if c.bucketOf == nil {
		errs = append(errs, lintrule.CheckNotEmpty(fieldBucket, c.bucket))
	}
	if c.measurement != nil {
		if name, static := c.measurement.whole.Static(); static {
			errs = append(errs, lintrule.CheckNotEmpty(fieldMeasurement, name))
		}
	}
	return errors.Join(errs...)
}

// minBodyBytes is the smallest limit of a body: with less, few lines would fit.
const minBodyBytes = 1024

// wrongHeader returns what is wrong with the headers, or "".
func wrongHeader(headers map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization":
			return wrongAuthorization
		case "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Expect":
			return wrongBodyHeader
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(headers[name]) {
			return fmt.Sprintf("headers: %q has a name or value that HTTP does not allow", name)
		}
	}
	return ""
}

// target returns the destination of a write, for errors and logs. bucket is empty if each
// message names its own.
func (c config) target(bucket string) string {
	if bucket == "" {
		return c.url.Redacted()
	}
	return fmt.Sprintf("bucket %q at %s", short(bucket), c.url.Redacted())
}
