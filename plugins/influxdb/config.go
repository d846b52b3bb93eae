package influxdb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/net/http/httpguts"
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

// maxFlushPeriod is the longest that flush_period can be: what a dashboard
// shows live must not be older.
const maxFlushPeriod = 5 * time.Second

// minRetention is the shortest that InfluxDB takes, 1.8 and 2.x alike.
const minRetention = time.Hour

// What lint and the constructor say of settings that do not go together.
const (
	wrongURL           = "url must not hold a user, a password or a query: they would be logged; set token, or username and password"
	wrongUser          = "token and username both say who writes: set one of them"
	wrongPassword      = "password needs username"
	wrongVersion       = "username is of the v1 API: remove version: v2, or set token instead"
	wrongOrg           = "org is of the v2 API, and version: v1 or username choose v1: remove org"
	wrongCreate        = "create_bucket needs one name: a bucket that each message names is not created"
	wrongReplay        = "replay_window needs one name: a bucket that each message names is not looked at"
	wrongReplayed      = "retention is shorter than replay_window: points that come again would be refused"
	wrongAuthorization = "headers must not set Authorization: set token, or username and password"
	wrongBodyHeader    = "headers must not set what the output sets: Content-Type, Content-Encoding, Content-Length, Transfer-Encoding, Expect"
	wrongTLS           = "tls is enabled, but url begins with http://: set it to https://"
	wrongMapping       = "measurement, fields and timestamp make points of messages together: set all, or none for messages that are points already"
	wrongTags          = "tags needs measurement, fields and timestamp"
	wrongReject        = "rejected takes the refused points, so on_reject: nack would never happen: remove one of them"
	wrongRetention     = "retention is that of a bucket that is created: set create_bucket: true, or remove it"
)

// config is what the YAML says, checked.
type config struct {
	url      *url.URL
	version  string
	token    string
	username string
	password string
	org      string
	bucket   string    // empty: each message says it
	bucketOf *template // nil: bucket, for all

	measurement *template // nil: points come as they are
	tags        *bloblang.Executor
	tagsTraced  *bloblang.Executor // see traceEnvironment; nil: none
	fields      *bloblang.Executor
	timestamp   *bloblang.Executor

	rejected bool // an output for refused points is there
	onReject string
	// letterBytes bounds a message to that output, metadata included.
	letterBytes int

	onUnsupported string
	unsigned      bool // .uint64() makes an unsigned field

	createBucket bool
	retention    time.Duration // 0: for ever
	replay       time.Duration // how old points may be that come again; 0: not checked

	gzip             bool
	timeout          time.Duration
	tls              *tls.Config // nil: the defaults
	proxy            *url.URL    // nil: as the environment says
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
		read(&c.url, parsed.FieldURL, fieldURL),
		read(&c.version, parsed.FieldString, fieldVersion),
		read(&c.token, parsed.FieldString, fieldToken),
		read(&c.username, parsed.FieldString, fieldUsername),
		read(&c.password, parsed.FieldString, fieldPassword),
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
		// Functions that a build has for itself alone are not in that environment.
		c.tagsTraced, _ = traceEnvironment().Parse(text)
	}
	if parsed.Contains(fieldProxyURL) {
		errs = append(errs, read(&c.proxy, parsed.FieldURL, fieldProxyURL))
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

// read is a field's value into target.
func read[T any](target *T, field func(path ...string) (T, error), path ...string) (err error) {
	*target, err = field(path...)
	return err
}

// check finds what lint finds, and what it cannot: lint may be skipped.
func (c config) check() error {
	for _, check := range []struct {
		wrong bool
		text  string
	}{
		{c.url.Scheme != "http" && c.url.Scheme != "https" || c.url.Host == "", "url must be like http://localhost:8086"},
		{c.url.User != nil || c.url.RawQuery != "", wrongURL},
		{strings.HasSuffix(strings.TrimRight(c.url.Path, "/"), "/write"), "url must be the address of the server: /api/v2/write is added to it"},
		{c.tls != nil && c.url.Scheme == "http", wrongTLS},
		{c.version != versionAuto && c.version != versionV1 && c.version != versionV2, fmt.Sprintf("version is %q: it must be auto, v1 or v2", c.version)},
		{c.username != "" && c.token != "", wrongUser},
		{c.username == "" && c.password != "", wrongPassword},
		{c.username != "" && c.version == versionV2, wrongVersion},
		{c.org != "" && (c.version == versionV1 || c.username != ""), wrongOrg},
		{c.bucket == "" && c.bucketOf == nil, "bucket must not be empty"},
		{c.bucketOf != nil && c.createBucket, wrongCreate},
		{c.bucketOf != nil && c.replay != 0, wrongReplay},
		{strings.ContainsAny(c.token, "\r\n"), "token must be one line: does the file that it comes from end in a newline?"},
		{(c.measurement == nil) != (c.fields == nil) || (c.measurement == nil) != (c.timestamp == nil), wrongMapping},
		{c.measurement == nil && c.tags != nil, wrongTags},
		{c.onUnsupported != onUnsupportedReject && c.onUnsupported != onUnsupportedReplace, fmt.Sprintf("on_unsupported is %q: it must be reject or replace", c.onUnsupported)},
		{c.onReject != onRejectBlock && c.onReject != onRejectNack, fmt.Sprintf("on_reject is %q: it must be block or nack", c.onReject)},
		{c.rejected && c.onReject == onRejectNack, wrongReject},
		{c.letterBytes < minLetterBytes, wrongLetterBytes},
		{c.retention != 0 && !c.createBucket, wrongRetention},
		{c.retention != 0 && c.retention < minRetention, "retention must be 0s, for ever, or at least 1h"},
		{c.replay < 0, "replay_window must not be negative"},
		{c.retention != 0 && c.retention < c.replay, wrongReplayed},
		{wrongHeader(c.headers) != "", wrongHeader(c.headers)},
		{c.proxy != nil && (c.proxy.Scheme != "http" && c.proxy.Scheme != "https" && c.proxy.Scheme != "socks5" || c.proxy.Host == ""), "proxy_url must be like http://proxy.example.com:3128"},
		{c.timeout <= 0, "timeout must be above 0"},
		{c.flushPeriod <= 0 || c.flushPeriod > maxFlushPeriod, "flush_period must be above 0 and at most 5s"},
		{c.maxPoints < 1, "max_points_per_request must be at least 1"},
		{c.maxBodyBytes < minBodyBytes, "max_body_bytes must be at least 1024"},
		{c.requestsInFlight < 1, "requests_in_flight must be at least 1"},
		{c.maxInFlight < 1, "max_in_flight must be at least 1"},
		{c.order != orderNone && c.order != orderSeries, fmt.Sprintf("order is %q: it must be none or series", c.order)},
		{c.backoffInitial <= 0 || c.backoffMax < c.backoffInitial, "backoff.initial_interval must be above 0 and at most backoff.max_interval"},
	} {
		if check.wrong {
			return errors.New(check.text)
		}
	}
	return nil
}

// minBodyBytes is the smallest limit of a body: below, hardly a line would fit.
const minBodyBytes = 1024

// wrongHeader says what is wrong with the headers: empty if nothing is.
func wrongHeader(headers map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization":
			return wrongAuthorization
		case "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Expect":
			return wrongBodyHeader
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(headers[name]) {
			return fmt.Sprintf("headers: %q is no header that HTTP can carry", name)
		}
	}
	return ""
}

// target names what is written to, for errors and logs. An empty bucket is one
// that each message says.
func (c config) target(bucket string) string {
	if bucket == "" {
		return c.url.Redacted()
	}
	return fmt.Sprintf("bucket %q at %s", short(bucket), c.url.Redacted())
}
