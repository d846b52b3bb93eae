package influxdb

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Fields of a log line, beside those of Benthos.
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

// notePeriod is how often at most a trouble is logged again.
const notePeriod = 10 * time.Second

// notes writes the log lines about requests: few, since metrics count, and each
// with what can be done. The token is never in them, and of bodies no more than
// the beginning of a point that has no other name.
type notes struct {
	log  *service.Logger
	conf config

	mu     sync.Mutex
	since  time.Time // when the trouble began; zero: all is well
	last   time.Time // when a trouble was last logged
	logged bool      // this one was
	single time.Time // when the period of the points that wait alone began
	named  int       // how many of them were logged in it

	complaint *complaint // nil: none
}

// complaint is an answer that needs somebody to mend a setting.
type complaint struct {
	decision decision
	about    about
	at       time.Time
	// passed is whether connecting has succeeded since, and again whether points
	// have met with the same all the same: what is wrong, connecting does not see.
	passed, again bool
}

// complain notes that points wait for somebody to mend a setting.
func (n *notes) complain(d decision, about about) {
	n.trouble(d, about, 0)
	n.mu.Lock()
	defer n.mu.Unlock()
	again := n.complaint != nil && (n.complaint.passed || n.complaint.again)
	n.complaint = &complaint{decision: d, about: about, at: time.Now(), again: again}
}

// bucket is the one that the last complaint is about: empty if there is none.
func (n *notes) bucket() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.complaint == nil {
		return ""
	}
	return n.complaint.about.bucket
}

// standing is called when connecting has succeeded. It is an error while there is
// a complaint that connecting does not see, until it is time to try with points.
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

// trouble notes that a request will be tried again, after wait or when a setting
// has been mended.
func (n *notes) trouble(d decision, about about, wait time.Duration) {
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
	text := fmt.Sprintf("Posting %s to %s, %s: %s; nothing is dropped", pointsOf(about.points), n.conf.target(about.bucket), about.records, explain(d, n.conf))
	log := n.log.With(logBucket, short(about.bucket), logStatus, d.status, logVerdict, d.verdict)
	if d.verdict == verdictMisconfigured {
		log.Error(text + ", the stream waits")
	} else {
		log.Warnf("%s, trying again in %s", text, wait.Round(10*time.Millisecond))
	}
}

// maxNamed is how many points that begin to wait alone are named in a period.
const maxNamed = 10

// alone notes that a point waits, and nothing with it: when it begins, and later
// one for all.
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
		Warnf("A point for %s waits alone, while its bucket accepts others, %s: %s; nothing is dropped, trying again in %s. influxdb_points_alone says how many such points there are",
			n.conf.target(about.bucket), about.records, explain(d, n.conf), wait.Round(10*time.Millisecond))
}

func pointsOf(n int) string {
	if n == 1 {
		return "1 point"
	}
	return fmt.Sprintf("%d points", n)
}

// well notes that the trouble is over.
func (n *notes) well() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.complaint = nil
	if n.since.IsZero() {
		return
	}
	if n.logged {
		n.log.Infof("InfluxDB takes points again, after %s", time.Since(n.since).Round(10*time.Millisecond))
	}
	// The period goes on: one request that never passes among many that do must
	// not fill the log.
	n.since, n.logged = time.Time{}, false
}

// explain says what is wrong and how to mend it.
func explain(d decision, conf config) string {
	what := d.reason
	if d.status != 0 {
		what = fmt.Sprintf("status %d: %s", d.status, d.reason)
	}
	if fix := mending(d, conf); fix != "" {
		return what + " (" + fix + ")"
	}
	return what
}

func mending(d decision, conf config) string {
	has := func(words string) bool {
		return strings.Contains(d.text, words) || d.status == 0 && strings.Contains(d.reason, words)
	}
	switch {
	case d.status == 0 && (has("proxyconnect") || has("socks connect")):
		return "the proxy is at fault, not InfluxDB: start it, or correct proxy_url, or HTTP_PROXY and HTTPS_PROXY of the environment"
	case d.status == 0 && (has("connection refused") || has("no such host")):
		return "no server is there: start InfluxDB, or correct url"
	case d.status == 0 && has("HTTP response to HTTPS"):
		return "the server speaks plain HTTP: let url begin with http://"
	case d.status == 0 && has("remote error") && has("certificate"):
		return "the server asks for a certificate of the client, or does not trust it: set tls.client_certs"
	case d.status == 0 && has("certificate"):
		return "the certificate is not trusted: set tls.enabled and tls.root_cas_file"
	case d.status == http.StatusBadRequest && has("HTTP request to an HTTPS server"):
		return "the server speaks HTTPS: let url begin with https://"
	case d.status == http.StatusBadRequest && has("orgID"):
		return "set org"
	case d.status == http.StatusUnauthorized:
		return "token is missing or wrong: for InfluxDB 2 it is an API token, for 1.8 user:password"
	case d.status == http.StatusForbidden && !d.influxdb && d.text != "":
		return "InfluxDB does not answer so: is there a gateway in between that has something against these points?"
	case d.status == http.StatusForbidden:
		if conf.bucketOf != nil {
			return "the token must be allowed to write to that bucket"
		}
		return fmt.Sprintf("the token must be allowed to write to bucket %q", conf.bucket)
	case has("organization"):
		return fmt.Sprintf("org must be the name or the id of an organisation that is there, this is %q", conf.org)
	case has("no dbrp mapping found"):
		return "map the database to a bucket (influx v1 dbrp create), or write to the bucket with token and org"
	case has("bucket") && d.status == http.StatusNotFound, has("database not found"), has("retention policy not found"):
		if conf.createBucket {
			return "it is created when the output connects: restart it, or create it by hand"
		}
		return "create it, or set create_bucket: true; for InfluxDB 1.8 bucket is database or database/retention-policy"
	case d.verdict == verdictMisconfigured && (d.status/100 == 2 || d.status/100 == 3 || d.status == http.StatusNotFound || d.status == http.StatusMethodNotAllowed || d.status == http.StatusExpectationFailed):
		return "what answers there is not InfluxDB: is url its address, and is there a proxy in between?"
	}
	return ""
}
