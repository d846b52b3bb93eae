package influxdb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verdict is the outcome of a request for its points.
type verdict uint8

const (
	// verdictStored: all of them are stored.
	verdictStored verdict = iota
	// verdictSplit: the request has too many bytes.
	verdictSplit
	// verdictRejected: InfluxDB will never accept at least one of the points.
	verdictRejected
	// verdictRetry: the same request may succeed later. Its points may or may not be
	// stored already, which makes no difference: writing them again changes nothing.
	verdictRetry
	// verdictMisconfigured: the same request succeeds once somebody has fixed a setting.
	verdictMisconfigured

	verdicts = 5
)

func (v verdict) String() string { return verdictNames()[v] }

func verdictNames() []string {
	return []string{"stored", "split", "rejected", "retry", "misconfigured"}
}

// answer is the response to a request: status, headers and the beginning of the body, or
// the error of the transport.
type answer struct {
	status int
	header http.Header
	body   []byte // decompressed
	err    error
	hide   func(string) string // masks secrets; nil: there are none
}

// decision is an interpreted answer.
type decision struct {
	verdict verdict
	status  int           // 0 without an answer
	reason  string        // InfluxDB's error text, or a description; may be shown
	after   time.Duration // how long the server asks to wait

	class    string // for the metric, where it does not follow from the reason
	text     string // InfluxDB's unchanged error text; may contain secrets
	body     []byte
	influxdb bool // the answer has a form that only InfluxDB's have
	dialled  bool // there was a connection
	unclear  bool // these points are at fault, for an unknown reason
	hide     func(string) string
}

// maxRetryAfter bounds the wait that a server can request, so that a wrong header does
// not stop the stream for a day.
const maxRetryAfter = time.Minute

// judge decides what an answer means. It is pure.
//
// Only 204 means that the points are stored: InfluxDB sends no other success, so 200, 202
// or 207 come from a proxy that may have stored nothing.
func judge(a answer, now time.Time) decision {
	d := decision{
		status: a.status, reason: reasonOf(a), after: retryAfter(a.header, now),
		text: textOf(a), body: a.body, influxdb: fromInfluxDB(a), dialled: !neverSent(a.err), hide: a.hide,
	}
	switch {
	case a.err != nil:
		d.verdict = judgeError(a.err)
	case a.status == http.StatusNoContent:
		return decision{verdict: verdictStored, status: a.status}
	case a.status == http.StatusRequestEntityTooLarge:
		d.verdict = verdictSplit
	case a.status == http.StatusBadRequest, a.status == http.StatusUnprocessableEntity:
		// 1.8 answers 400 for malformed lines, conflicts of field types and
		// points beyond retention, and has stored the rest; 2.x answers 400
		// for malformed lines and stores nothing, 422 for the others.
		d.verdict = judgeRefusal(d.text)
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly, a.status == http.StatusTooManyRequests:
		d.verdict = verdictRetry
	case a.status >= 500 && strings.Contains(d.text, "retention policy not found"):
		d.verdict = verdictMisconfigured // 1.8 reports a wrong name in the configuration as a server error
	case a.status >= 500 && refusedWith500(d.text):
		d.verdict = judgeRefusal(d.text)
	case a.status >= 500, a.status < 200:
		d.verdict = verdictRetry
	default:
		// 401, 403 and 404 are wrong settings, to be fixed while the points wait; so are
		// all other 2xx, 3xx and 4xx.
		d.verdict = verdictMisconfigured
	}
	return d
}

// requestFaults are errors that InfluxDB sends with the status of a rejected point when
// no point is at fault. Only the beginning is compared, since the rest may quote a point.
var requestFaults = []requestFault{
	// The body arrived damaged.
	{beginning: "gzip: ", verdict: verdictRetry},
	{beginning: "unexpected EOF", verdict: verdictRetry},
	{beginning: "unable to read data: ", verdict: verdictRetry},
	{beginning: "error decoding gzip stream", verdict: verdictRetry},
	// Wrong settings.
	{beginning: "database is required", verdict: verdictMisconfigured, unnamed: true},
	{beginning: "missing db", verdict: verdictMisconfigured, unnamed: true},
	{beginning: "missing bucket value", verdict: verdictMisconfigured, unnamed: true},
	{beginning: "no org/bucket destination provided", verdict: verdictMisconfigured},
	{beginning: "Please provide either orgID or org", verdict: verdictMisconfigured},
	{beginning: "Authorization header was malformed", verdict: verdictMisconfigured},
	// InfluxDB 3 rejects the database.
	{beginning: "cannot write to soft-deleted database", verdict: verdictMisconfigured},
	{beginning: "Adding a new database would exceed", verdict: verdictMisconfigured},
	{beginning: "invalid character in database", verdict: verdictMisconfigured},
}

type requestFault struct {
	beginning string
	verdict   verdict
	unnamed   bool // the name of the bucket is missing
}

func requestFaultOf(text string) (fault requestFault, ok bool) {
	text = withoutOrigin(text)
	for _, fault := range requestFaults {
		if strings.HasPrefix(text, fault.beginning) {
			return fault, true
		}
	}
	return requestFault{}, false
}

// shardDeleted is the error of points in a shard that is being deleted: it will be gone
// soon, and recreated for them.
var shardDeleted = regexp.MustCompile(`^partial write: shard \d+ is pending deletion`)

// judgeRefusal decides whether a rejection is the fault of a point, of a setting, or
// temporary.
func judgeRefusal(text string) verdict {
	if fault, ok := requestFaultOf(text); ok {
		return fault.verdict
	}
	if shardDeleted.MatchString(withoutOrigin(text)) {
		return verdictRetry
	}
	return verdictRejected
}

// refusedWith500 reports whether a 500 is the rejection of a point. InfluxDB 2.0 sends 500
// for all of them, and 2.1 to 2.6 for all but a partial write (http/write_handler.go): a
// new field with two types in one request.
func refusedWith500(text string) bool {
	text = withoutOrigin(text)
	for _, beginning := range []string{
		"partial write: ", "field type conflict", "points beyond retention policy",
		"max-series-per-database limit exceeded", "max-values-per-tag limit exceeded", "unable to parse '",
	} {
		if strings.HasPrefix(text, beginning) {
			return true
		}
	}
	return false
}

// origins are prefixes of InfluxDB's errors, in this order.
var origins = []string{
	"unexpected error writing points to database: ", // 2.0 to 2.6
	"failure writing points to database: ",          // 2.1 and later
	"write failed: ",                                // 1.x before 1.8
	"engine: ",
	"write buffer error: ", // 3
	"catalog update error: ",
}

// withoutOrigin returns an error text without those prefixes.
func withoutOrigin(text string) string {
	for _, origin := range origins {
		text = strings.TrimPrefix(text, origin)
	}
	return text
}

// neverSent reports whether a request has failed before there was a connection.
func neverSent(err error) bool {
	var dial *net.OpError
	return err != nil && (judgeError(err) == verdictMisconfigured || errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"))
}

func judgeError(err error) verdict {
	var (
		unknown *tls.CertificateVerificationError
		x       x509.UnknownAuthorityError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &x), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return verdictMisconfigured
	default:
		return verdictRetry
	}
}

// retryAfter returns the value of the header Retry-After, seconds or a date (RFC 9110,
// 10.2.3). An invalid value counts as 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		d = time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		d = maxRetryAfter
	} else if date, err := http.ParseTime(value); err == nil {
		d = date.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
