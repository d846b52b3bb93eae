package influxdb

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// patience is how many failures of a request are the server's, before its points
// are suspected.
const patience = 3

// suspicious reports whether the points of a request are at fault, and not the
// server as a whole: it has failed, and the bucket has accepted other points since,
// or accepts one of these by itself. Its error is that of the context.
//
// Where nothing tells, it is the server. That costs one request more for each that
// fails, and none is cut in pieces while the server takes nothing.
func (d *delivery) suspicious(set []int, answered decision, failures int, watch *watch) (bool, error) {
	switch {
	case answered.aboutSettings(), answered.aboutLoad():
		return false, nil
	case answered.verdict == verdictRetry && !d.isolating && failures <= patience:
		return false, nil
	case answered.verdict == verdictMisconfigured:
		// What connecting does not see may be about these points.
		empty, err := d.once(d.r.ctx, d.r.bucket, nil, 0)
		if err != nil || empty.verdict != verdictStored && (empty.verdict != verdictRejected || mending(empty, d.conf) != "") {
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
		// The output disconnects if no other points are accepted: give those that
		// are in flight the time to be.
		err := sleep(d.r.ctx, newPause(d.conf).next(decision{}))
		return watch.others(), err
	}
	if answered.status == http.StatusServiceUnavailable {
		return false, nil // not one request more for a server that has too many
	}
	one := set[rand.IntN(len(set))]
	alone, err := d.once(d.r.ctx, d.r.bucket, d.body([]int{one}), 1)
	return err == nil && (alone.verdict == verdictStored || alone.verdict == verdictRejected && alone.explained()), err
}

// aboutSettings reports whether InfluxDB itself says that token, bucket or
// organisation are wrong. That is no reason to drop a point, whatever else the
// server accepts. A wrong token is not told in other words.
func (d decision) aboutSettings() bool {
	return d.status == http.StatusUnauthorized || d.influxdb && (d.status == http.StatusForbidden || d.status == http.StatusNotFound)
}

// aboutLoad reports whether a request may pass by waiting alone: it has not
// reached a server, or one that wants to be left alone for a while.
func (d decision) aboutLoad() bool {
	switch d.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case 0:
		return !d.dialled
	}
	return d.after > 0
}

// passing is what InfluxDB says with 500 of a state of its own, which may be that
// of one shard alone.
var passing = []string{
	"timeout", "timed out", "is closed", "closing", "cache-max-memory-size", "no space left", "shard is disabled",
	"too many open files", "cannot allocate memory", "snapshot in progress", "context canceled", "deadline exceeded",
}

// isRefusal reports whether an answer, if it is repeated for one line while others
// are accepted, says that the line will never be: the server has answered, and not
// that it is in trouble.
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

// explained reports whether it is InfluxDB that refuses, and not something in
// between: by the form of its answer, by its words, or, for a line that is too
// large, by the status.
func (d decision) explained() bool {
	return d.verdict == verdictSplit || d.influxdb || d.class != "" || classOf(d, d.text) != classOther
}
