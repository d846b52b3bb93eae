package influxdb

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// patience is the number of failures of a request before its points are suspected
// instead of the server.
const patience = 3

// suspicious reports whether the points of a failed request are at fault rather than the
// server as a whole: the bucket has accepted other points since, or accepts one of these
// by itself. Its error is that of the context.
//
// Without evidence, the server is at fault. That costs one more request per failure, and
// no request is split while the server accepts nothing.
func (d *delivery) suspicious(set []int, answered decision, failures int, watch *watch) (bool, error) {
	switch {
	case answered.aboutSettings(), answered.aboutLoad():
		return false, nil
	case answered.verdict == verdictRetry && !d.isolating && failures <= patience:
		return false, nil
	case answered.verdict == verdictMisconfigured:
		// A fault that the connection test does not detect may be one of these points.
		empty, err := d.once(d.r.ctx, d.r.bucket, nil, 0)
		if err != nil || empty.verdict != verdictStored && (empty.verdict != verdictRejected || fixOf(empty, d.conf) != "") {
			return false, err
		}
	}
	if watch.others() || d.isolating && len(set) == 1 {
		return true, nil
	}
	if len(set) == 1 {
		if answered.verdict != verdictMisconfigured {
			return false, nil
		}
		// The output disconnects if no other points are accepted: wait for those in
		// flight.
		err := sleep(d.r.ctx, newPause(d.conf).next(decision{}))
		return watch.others(), err
	}
	if answered.status == http.StatusServiceUnavailable {
		return false, nil // no additional request to an overloaded server
	}
	one := set[rand.IntN(len(set))]
	single, err := d.once(d.r.ctx, d.r.bucket, d.body([]int{one}), 1)
	return err == nil && (single.verdict == verdictStored || single.verdict == verdictRejected && single.explained()), err
}

// aboutSettings reports whether InfluxDB itself rejects token, bucket or organisation.
// That is never a reason to reject a point, even if the server accepts others.
func (d decision) aboutSettings() bool {
	return d.status == http.StatusUnauthorized || d.influxdb && (d.status == http.StatusForbidden || d.status == http.StatusNotFound)
}

// aboutLoad reports whether a request may succeed after a wait: it has not reached a
// server, or the server asks to wait.
func (d decision) aboutLoad() bool {
	switch d.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case 0:
		return !d.dialled
	}
	return d.after > 0
}

// passing are InfluxDB's errors with 500 about a temporary state, possibly of one shard
// only.
var passing = []string{
	"timeout", "timed out", "is closed", "closing", "cache-max-memory-size", "no space left", "shard is disabled",
	"too many open files", "cannot allocate memory", "snapshot in progress", "context canceled", "deadline exceeded",
}

// isRefusal reports whether an answer, if it is repeated for one line while others are
// accepted, means that the line will never be accepted: the server has responded, and not
// with a temporary error.
func (d decision) isRefusal() bool {
	if d.status == 0 || d.aboutSettings() || d.aboutLoad() {
		return false
	}
	switch d.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	text := strings.ToLower(d.text) // gateways write "Timeout"
	return !slices.ContainsFunc(passing, func(words string) bool { return strings.Contains(text, words) })
}

// explained reports whether InfluxDB rejects the points, and not a proxy: by the form of
// the answer, by its text or, for a line that is too large, by the status.
func (d decision) explained() bool {
	return d.verdict == verdictSplit || d.influxdb || d.class != "" || classOf(d, d.text) != classOther
}
