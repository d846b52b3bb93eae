package influxdb

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// reach tries address, token and bucket by writing no points, which needs the
// very permission that writing needs and no other. create is whether a missing
// bucket is created, if that is asked for; without it, one counts as there.
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
		// Address and token are right. Which buckets are there, messages will show.
	case d.verdict == verdictRejected && mending(d, o.conf) == "":
		// Both 1.8 and 2.x take a request without points. What does not is
		// there all the same, and has not complained about token and bucket.
	default:
		return fmt.Errorf("trying to write to %s: %s", o.conf.target(o.conf.bucket), explain(d, o.conf))
	}
	if o.conf.replay > 0 {
		return o.checkRetention(ctx, o.speaksV1(a))
	}
	return nil
}

// detect is probe, and finds out with version: auto which API the server knows.
func (o *output) detect(ctx context.Context) (answer, decision, error) {
	a, d, err := o.probe(ctx)
	if err != nil || o.conf.version != versionAuto || o.client.v1.Load() || !unknownPath(d) {
		return a, d, err
	}
	// InfluxDB before 1.8 knows /write alone.
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
		bucket = o.notes.bucket() // what has failed last, if anything has
	}
	a, _ := o.client.post(ctx, bucket, nil)
	if a.err != nil && ctx.Err() != nil {
		return a, decision{}, ctx.Err()
	}
	return a, judge(a, time.Now()), nil
}

// speaksV1 is whether a server has databases and InfluxQL instead of buckets.
func (o *output) speaksV1(a answer) bool {
	return o.client.v1.Load() || strings.HasPrefix(strings.TrimPrefix(a.header.Get("X-Influxdb-Version"), "v"), "1.")
}

// bucketMissing is whether the bucket, or in 1.8 the database or its retention
// policy, is not there. The organisation may be missing instead.
func bucketMissing(d decision) bool {
	return d.status == http.StatusNotFound &&
		(strings.Contains(d.text, "bucket") || strings.Contains(d.text, "database not found") || strings.Contains(d.text, "no dbrp mapping found")) ||
		strings.Contains(d.text, "retention policy not found")
}

// bucketAsked is whether a server misses the name of the bucket.
func bucketAsked(d decision) bool {
	fault, ok := requestFaultOf(d.text)
	return ok && fault.unnamed
}

// bucketRefused is whether InfluxDB 3 has something against the database.
func bucketRefused(d decision) bool {
	return d.verdict == verdictMisconfigured && (d.status == http.StatusBadRequest || d.status == http.StatusUnprocessableEntity) && strings.Contains(withoutOrigin(d.text), " database")
}

// unknownPath is whether a server does not know what it was asked for.
func unknownPath(d decision) bool {
	return (d.status == http.StatusNotFound || d.status == http.StatusMethodNotAllowed) && !bucketMissing(d) && !strings.Contains(d.text, "organization")
}
