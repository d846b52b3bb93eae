package influxdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// reach tries address, token and bucket by writing no points, which needs the
// very permission that writing needs and no other. create is whether a missing
// bucket is created, if that is asked for; without it, one counts as there.
func (o *output) reach(ctx context.Context, create bool) error {
	a, d, err := o.probe(ctx)
	if err != nil || d.verdict == done {
		return err
	}
	if o.conf.createBucket && bucketMissing(d) {
		if !create {
			return nil
		}
		if err := o.createBucket(ctx, a.header.Get("X-Influxdb-Version")); err != nil {
			return fmt.Errorf("creating the %s: %w", o.conf.target(), err)
		}
		if _, d, err = o.probe(ctx); err != nil || d.verdict == done {
			return err
		}
	}
	if d.verdict == refused && mending(d, o.conf) == "" {
		// Both 1.8 and 2.x take a request without points. What does not is
		// there all the same, and has not complained about token and bucket.
		return nil
	}
	return fmt.Errorf("trying to write to %s: %s", o.conf.target(), explain(d, o.conf))
}

func (o *output) probe(ctx context.Context) (answer, decision, error) {
	a, _ := o.client.post(ctx, nil)
	if a.err != nil && ctx.Err() != nil {
		return a, decision{}, ctx.Err()
	}
	return a, judge(a, time.Now()), nil
}

// bucketMissing is whether the bucket, or in 1.8 the database or its retention
// policy, is not there. The organisation may be missing instead.
func bucketMissing(d decision) bool {
	return d.status == http.StatusNotFound && (strings.Contains(d.reason, "bucket") || strings.Contains(d.reason, "database not found")) ||
		strings.Contains(d.reason, "retention policy not found")
}

// createBucket creates the bucket of the configuration. One that is there stays
// as it is.
func (o *output) createBucket(ctx context.Context, version string) error {
	if strings.HasPrefix(strings.TrimPrefix(version, "v"), "1.") {
		return o.createDatabase(ctx)
	}
	var found struct {
		Orgs []struct{ ID, Name string }
	}
	a := o.client.ask(ctx, http.MethodGet, "/api/v2/orgs", url.Values{"org": {o.conf.org}}, nil)
	if err := read2xx(a, &found); err != nil {
		return fmt.Errorf("looking for the organisation %q: %w", o.conf.org, err)
	}
	// An id instead of a name, or a token that may not read organisations.
	id := o.conf.org
	if len(found.Orgs) == 1 {
		id = found.Orgs[0].ID
	}
	type rule struct {
		Type         string `json:"type"`
		EverySeconds int64  `json:"everySeconds"`
	}
	bucket := struct {
		OrgID          string `json:"orgID"`
		Name           string `json:"name"`
		RetentionRules []rule `json:"retentionRules"`
	}{OrgID: id, Name: o.conf.bucket, RetentionRules: []rule{}}
	if o.conf.retention > 0 {
		bucket.RetentionRules = append(bucket.RetentionRules, rule{"expire", int64(o.conf.retention / time.Second)})
	}
	body, err := json.Marshal(bucket)
	if err != nil {
		return err
	}
	a = o.client.ask(ctx, http.MethodPost, "/api/v2/buckets", nil, body)
	if a.status == http.StatusUnprocessableEntity && strings.Contains(reasonOf(a), "already exists") {
		return nil // another one was faster
	}
	return read2xx(a, nil)
}

// createDatabase is createBucket for 1.8, where a bucket is a database, or a
// database and one of its retention policies.
func (o *output) createDatabase(ctx context.Context) error {
	database, policy, named := strings.Cut(o.conf.bucket, "/")
	duration := "INF"
	if o.conf.retention > 0 {
		duration = fmt.Sprintf("%ds", int64(o.conf.retention/time.Second))
	}
	statements := []string{fmt.Sprintf("CREATE DATABASE %s WITH DURATION %s REPLICATION 1 NAME autogen", quoted(database), duration)}
	if named {
		statements = []string{
			"CREATE DATABASE " + quoted(database),
			fmt.Sprintf("CREATE RETENTION POLICY %s ON %s DURATION %s REPLICATION 1", quoted(policy), quoted(database), duration),
		}
	}
	for _, statement := range statements {
		var result struct {
			Results []struct{ Error string }
		}
		a := o.client.ask(ctx, http.MethodPost, "/query", url.Values{"q": {statement}}, nil)
		if err := read2xx(a, &result); err != nil {
			return err
		}
		for _, r := range result.Results {
			// One that is there with another duration stays as it is.
			if r.Error != "" && !strings.Contains(r.Error, "conflicts with an existing policy") && !strings.Contains(r.Error, "already exists") {
				return errors.New(clean(r.Error))
			}
		}
	}
	return nil
}

// quoted makes an identifier of InfluxQL.
func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}

// read2xx reads a JSON answer of the management API into v, unless v is nil.
func read2xx(a answer, v any) error {
	switch {
	case a.err != nil:
		return a.err
	case a.status/100 != 2 && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden):
		return fmt.Errorf("status %d: %s (the token may not do this: create it by hand, or give the token more permissions)", a.status, reasonOf(a))
	case a.status/100 != 2:
		return fmt.Errorf("status %d: %s", a.status, reasonOf(a))
	case v == nil:
		return nil
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}
