package influxdb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
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
	wrongURL       = "url must not hold a user, a password or a query: they would be logged; set token, for InfluxDB 1.8 to user:password"
	wrongTLS       = "tls is enabled, but url begins with http://: set it to https://"
	wrongMapping   = "measurement, fields and timestamp make points of messages together: set all, or none for messages that are points already"
	wrongTags      = "tags needs measurement, fields and timestamp"
	wrongReject    = "rejected takes the refused points, so on_reject: nack would never happen: remove one of them"
	wrongRetention = "retention is that of a bucket that is created: set create_bucket: true, or remove it"
)

// config is what the YAML says, checked.
type config struct {
	url    *url.URL
	token  string
	org    string
	bucket string

	measurement *service.InterpolatedString // nil: points come as they are
	tags        *bloblang.Executor
	fields      *bloblang.Executor
	timestamp   *bloblang.Executor

	rejected bool // an output for refused points is there
	onReject string

	createBucket bool
	retention    time.Duration // 0: for ever

	gzip             bool
	timeout          time.Duration
	tls              *tls.Config // nil: the defaults
	flushPeriod      time.Duration
	maxPoints        int
	maxBodyBytes     int
	requestsInFlight int
	maxInFlight      int
	backoffInitial   time.Duration
	backoffMax       time.Duration
}

func configFrom(parsed *service.ParsedConfig) (config, error) {
	var c config
	errs := []error{
		read(&c.url, parsed.FieldURL, fieldURL),
		read(&c.token, parsed.FieldString, fieldToken),
		read(&c.org, parsed.FieldString, fieldOrg),
		read(&c.bucket, parsed.FieldString, fieldBucket),
		read(&c.onReject, parsed.FieldString, fieldOnReject),
		read(&c.createBucket, parsed.FieldBool, fieldCreateBucket),
		read(&c.retention, parsed.FieldDuration, fieldRetention),
		read(&c.gzip, parsed.FieldBool, fieldGzip),
		read(&c.timeout, parsed.FieldDuration, fieldTimeout),
		read(&c.flushPeriod, parsed.FieldDuration, fieldFlushPeriod),
		read(&c.maxPoints, parsed.FieldInt, fieldMaxPoints),
		read(&c.maxBodyBytes, parsed.FieldInt, fieldMaxBodyBytes),
		read(&c.requestsInFlight, parsed.FieldInt, fieldRequestsInFlight),
		read(&c.maxInFlight, parsed.FieldInt, fieldMaxInFlight),
		read(&c.backoffInitial, parsed.FieldDuration, fieldBackoff, fieldInitialInterval),
		read(&c.backoffMax, parsed.FieldDuration, fieldBackoff, fieldMaxInterval),
	}
	if parsed.Contains(fieldMeasurement) {
		errs = append(errs, read(&c.measurement, parsed.FieldInterpolatedString, fieldMeasurement))
	}
	for field, target := range map[string]**bloblang.Executor{fieldTags: &c.tags, fieldFields: &c.fields, fieldTimestamp: &c.timestamp} {
		if parsed.Contains(field) {
			errs = append(errs, read(target, parsed.FieldBloblang, field))
		}
	}
	settings, enabled, err := parsed.FieldTLSToggled(fieldTLS)
	if enabled {
		c.tls = settings
	}
	c.rejected = parsed.Contains(fieldRejected)
	if err := errors.Join(append(errs, err)...); err != nil {
		return config{}, err
	}
	return c, c.check()
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
		{c.bucket == "", "bucket must not be empty"},
		{strings.ContainsAny(c.token, "\r\n"), "token must be one line: does the file that it comes from end in a newline?"},
		{(c.measurement == nil) != (c.fields == nil) || (c.measurement == nil) != (c.timestamp == nil), wrongMapping},
		{c.measurement == nil && c.tags != nil, wrongTags},
		{c.onReject != onRejectBlock && c.onReject != onRejectNack, fmt.Sprintf("on_reject is %q: it must be block or nack", c.onReject)},
		{c.rejected && c.onReject == onRejectNack, wrongReject},
		{c.retention != 0 && !c.createBucket, wrongRetention},
		{c.retention != 0 && c.retention < minRetention, "retention must be 0s, for ever, or at least 1h"},
		{c.timeout <= 0, "timeout must be above 0"},
		{c.flushPeriod <= 0 || c.flushPeriod > maxFlushPeriod, "flush_period must be above 0 and at most 5s"},
		{c.maxPoints < 1, "max_points_per_request must be at least 1"},
		{c.maxBodyBytes < minBodyBytes, "max_body_bytes must be at least 1024"},
		{c.requestsInFlight < 1, "requests_in_flight must be at least 1"},
		{c.maxInFlight < 1, "max_in_flight must be at least 1"},
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

// target names what is written to, for errors and logs.
func (c config) target() string {
	return fmt.Sprintf("bucket %q at %s", c.bucket, c.url.Redacted())
}
