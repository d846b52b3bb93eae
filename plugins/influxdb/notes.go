package influxdb

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Fields of log lines, in addition to those of Benthos.
const (
	logComponent = "component"
	logBucket    = "bucket"
	logStatus    = "status"
	logVerdict   = "verdict"
	logReason    = "reason"
	logTopic     = "topic"
	logPartition = "partition"
	logOffset    = "offset"
)

// notePeriod is the minimum time between two log lines about a failure.
const notePeriod = 10 * time.Second

// notes writes the log lines about requests: few, since there are metrics, and each with
// advice. They never contain the token, and of request bodies at most the beginning of a
// point that has no position in Kafka.
type notes struct {
	log  *service.Logger
	conf config

	mu     sync.Mutex
	since  time.Time // when the failures began; zero: no failures
	last   time.Time // when a failure was last logged
	logged bool      // the current failures were logged
	single time.Time // when the current period for isolated points began
	named  int       // how many isolated points were logged in it

	complaint *complaint // nil: none
}

// complaint is a response that requires somebody to fix a setting.
type complaint struct {
	decision decision
	about    about
	at       time.Time
	// passed is true if connecting has succeeded since. again is true if writes failed
	// the same way even after that: the connection test cannot detect this fault.
	passed, again bool
}

// complain logs that points wait until somebody fixes a setting.
func (n *notes) complain(d decision, about about) {
	n.failure(d, about, 0)
	n.mu.Lock()
	defer n.mu.Unlock()
	again := n.complaint != nil && (n.complaint.passed || n.complaint.again)
	n.complaint = &complaint{decision: d, about: about, at: time.Now(), again: again}
}

// bucket returns the bucket of the last complaint, or "".
func (n *notes) bucket() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.complaint == nil {
		return ""
	}
	return n.complaint.about.bucket
}

// standing is called when connecting has succeeded. It returns an error while there is a
// complaint that the connection test cannot detect, until the back-off is over and
// points are sent.
func (n *notes) standing() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.complaint
	if c == nil {
		return nil
	}
	if c.again && time.Since(c.at) < n.conf.backoffMax {
		return fmt.Errorf("posting %s to %s, %s: %s", pointsOf(c.about.points), n.conf.target(c.about.bucket), c.about.records, explain(c.decision, n.conf))
	}
	c.passed = true
	return nil
}

// failure logs that a request will be retried, after wait or once a setting is fixed.
func (n *notes) failure(d decision, about about, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if n.since.IsZero() {
		n.since = now
	}
	if !n.last.IsZero() && now.Sub(n.last) < notePeriod {
		return
	}
	n.last, n.logged = now, true
	text := fmt.Sprintf("Posting %s to %s, %s: %s. No data is lost", pointsOf(about.points), n.conf.target(about.bucket), about.records, explain(d, n.conf))
	log := n.log.With(logBucket, short(about.bucket), logStatus, d.status, logVerdict, d.verdict)
	if d.verdict == verdictMisconfigured {
		log.Error(text + "; the stream waits")
	} else {
		log.Warnf("%s; retrying in %s", text, wait.Round(10*time.Millisecond))
	}
}

// maxNamed is how many newly isolated points are logged per period.
const maxNamed = 10

// alone logs that a point is isolated: when that begins, and later one point per period
// for all of them.
func (n *notes) alone(d decision, about about, begins bool, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); now.Sub(n.single) >= notePeriod {
		n.single, n.named = now, 0
	}
	if n.named >= maxNamed || !begins && n.named > 0 {
		return
	}
	n.named++
	n.log.With(logBucket, short(about.bucket), logStatus, d.status, logVerdict, d.verdict).
		Warnf("A point for %s fails while others are accepted, and is retried by itself, %s: %s. No data is lost; retrying in %s. influxdb_points_alone counts such points",
			n.conf.target(about.bucket), about.records, explain(d, n.conf), wait.Round(10*time.Millisecond))
}

func pointsOf(n int) string {
	if n == 1 {
		return "1 point"
	}
	return fmt.Sprintf("%d points", n)
}

// well records that requests succeed, and logs the end of a failure.
func (n *notes) well() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.complaint = nil
	if n.since.IsZero() {
		return
	}
	if n.logged {
		n.log.Infof("InfluxDB accepts points again, after %s", time.Since(n.since).Round(10*time.Millisecond))
	}
	// The period continues: one request that always fails among many that succeed must
	// not fill the log.
	n.since, n.logged = time.Time{}, false
}

// explain returns what is wrong and how to fix it.
func explain(d decision, conf config) string {
	what := d.reason
	if d.status != 0 {
		what = fmt.Sprintf("status %d: %s", d.status, d.reason)
	}
	if fix := fixOf(d, conf); fix != "" {
		return what + " (" + fix + ")"
	}
	return what
}

// fixOf returns how to fix the cause of a failure, or "" if that is not known.
func fixOf(d decision, conf config) string {
	has := func(words string) bool {
		return strings.Contains(d.text, words) || d.status == 0 && strings.Contains(d.reason, words)
	}
	switch {
	case d.status == 0 && (has("proxyconnect") || has("socks connect")):
		return "the proxy is unreachable, not InfluxDB: start it, or correct proxy_url or the environment variables HTTP_PROXY and HTTPS_PROXY"
	case d.status == 0 && (has("connection refused") || has("no such host")):
		return "no server is listening there: start InfluxDB, or correct url"
	case d.status == 0 && has("HTTP response to HTTPS"):
		return "the server uses plain HTTP: change url to http://"
	case d.status == 0 && has("remote error") && has("certificate"):
		return "the server requires a client certificate that it trusts: set tls.client_certs"
	case d.status == 0 && has("certificate"):
		return "the certificate is not trusted: set tls.enabled and tls.root_cas_file"
	case d.status == http.StatusBadRequest && has("HTTP request to an HTTPS server"):
		return "the server uses HTTPS: change url to https://"
	case d.status == http.StatusBadRequest && has("orgID"):
		return "set org"
	case d.status == http.StatusUnauthorized:
		return "token is missing or wrong: for InfluxDB 2 it is an API token, for 1.8 user:password"
	case d.status == http.StatusForbidden && !d.influxdb && d.text != "":
		return "this is not a response of InfluxDB: a gateway in between may block these points"
	case d.status == http.StatusForbidden:
		if conf.bucketOf != nil {
			return "give the token permission to write to that bucket"
		}
		return fmt.Sprintf("give the token permission to write to bucket %q", conf.bucket)
	case has("organization"):
		return fmt.Sprintf("org must be the name or id of an existing organisation, and is %q", conf.org)
	case has("no dbrp mapping found"):
		return "map the database to a bucket (influx v1 dbrp create), or write to the bucket with token and org"
	case has("bucket") && d.status == http.StatusNotFound, has("database not found"), has("retention policy not found"):
		if conf.createBucket {
			return "the output creates it when it connects: restart it, or create the bucket by hand"
		}
		return "create it, or set create_bucket: true; for InfluxDB 1.8, bucket is database or database/retention-policy"
	case d.verdict == verdictMisconfigured && (d.status/100 == 2 || d.status/100 == 3 || d.status == http.StatusNotFound || d.status == http.StatusMethodNotAllowed || d.status == http.StatusExpectationFailed):
		return "this is not a response of InfluxDB: check url, and whether a proxy is in between"
	}
	return ""
}
