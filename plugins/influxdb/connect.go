package influxdb

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// reach tests address, token and bucket by a write without points, which needs the same
// permission as writing points and no other. With create_bucket, create is true if a
// missing bucket is to be created; otherwise a missing one is accepted.
func (o *output) reach(ctx context.Context, create bool) error {
	a, d, err := o.detect(ctx)
	if err != nil {
		return err
	}
	if o.conf.createBucket && bucketMissing(d) {
		if !create {
			return nil
		}
		if err := o.createBucket(ctx, o.speaksV1(a)); err != nil {
			return fmt.Errorf("creating the %s: %w", o.conf.target(o.conf.bucket), err)
		}
		if _, d, err = o.probe(ctx); err != nil {
			return err
		}
	}
	switch {
	case d.verdict == verdictStored:
	case o.conf.bucketOf != nil && (bucketMissing(d) || bucketAsked(d)):
		// Address and token are right. The messages determine the buckets.
	case d.verdict == verdictRejected && fixOf(d, o.conf) == "":
		// 1.8 and 2.x accept a request without points. A server that rejects it is
		// reachable nevertheless, and accepts token and bucket.
	default:
		return fmt.Errorf("testing a write to %s: %s", o.conf.target(o.conf.bucket), explain(d, o.conf))
	}
	if o.conf.replay > 0 {
		return o.checkRetention(ctx, o.speaksV1(a))
	}
	return nil
}

// detect is probe. With version: auto it also detects which API the server has.
func (o *output) detect(ctx context.Context) (answer, decision, error) {
	a, d, err := o.probe(ctx)
	if err != nil || o.conf.version != versionAuto || o.client.v1.Load() || !unknownPath(d) {
		return a, d, err
	}
	// InfluxDB before 1.8 has /write only.
	o.client.v1.Store(true)
	older, olderD, err := o.probe(ctx)
	if err == nil && (olderD.verdict == verdictStored || older.header.Get("X-Influxdb-Version") != "" && !unknownPath(olderD)) {
		return older, olderD, nil
	}
	o.client.v1.Store(false)
	return a, d, err
}

func (o *output) probe(ctx context.Context) (answer, decision, error) {
	bucket := o.conf.bucket
	if o.conf.bucketOf != nil {
		bucket = o.notes.bucket() // that of the last failure, if there is one
	}
	a, _ := o.client.post(ctx, bucket, nil)
	if a.err != nil && ctx.Err() != nil {
		return a, decision{}, ctx.Err()
	}
	return a, judge(a, time.Now()), nil
}

// speaksV1 reports whether a server has databases and InfluxQL instead of buckets.
func (o *output) speaksV1(a answer) bool {
	return o.client.v1.Load() || strings.HasPrefix(strings.TrimPrefix(a.header.Get("X-Influxdb-Version"), "v"), "1.")
}

// bucketMissing reports whether the bucket, or in 1.x the database or its retention
// policy, does not exist. The organisation may be missing instead.
func bucketMissing(d decision) bool {
	return d.status == http.StatusNotFound &&
		(strings.Contains(d.text, "bucket") || strings.Contains(d.text, "database not found") || strings.Contains(d.text, "no dbrp mapping found")) ||
		strings.Contains(d.text, "retention policy not found")
}

// bucketAsked reports whether a server requires the name of the bucket.
func bucketAsked(d decision) bool {
	fault, ok := requestFaultOf(d.text)
	return ok && fault.unnamed
}

// bucketRefused reports whether InfluxDB 3 rejects the database.
func bucketRefused(d decision) bool {
	return d.verdict == verdictMisconfigured && (d.status == http.StatusBadRequest || d.status == http.StatusUnprocessableEntity) && strings.Contains(withoutOrigin(d.text), " database")
}

// unknownPath reports whether a server does not know the requested path.
func unknownPath(d decision) bool {
	return (d.status == http.StatusNotFound || d.status == http.StatusMethodNotAllowed) && !bucketMissing(d) && !strings.Contains(d.text, "organization")
}
