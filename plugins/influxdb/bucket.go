package influxdb

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// createBucket creates the configured bucket. An existing one is not changed. v1 is true
// if it is a database.
func (o *output) createBucket(ctx context.Context, v1 bool) error {
	if v1 {
		return o.createDatabase(ctx)
	}
	id, err := o.orgID(ctx)
	if err != nil {
		return fmt.Errorf("looking up the organisation %q: %w", o.conf.org, err)
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
	a := o.client.ask(ctx, http.MethodPost, "/api/v2/buckets", nil, body)
	if a.status == http.StatusUnprocessableEntity && strings.Contains(reasonOf(a), "already exists") {
		return nil // somebody else has just created it
	}
	return read2xx(a, nil)
}

// orgID returns the id of the organisation. The setting is its name or id: the write
// API accepts both as org, the others know an id as orgID only.
func (o *output) orgID(ctx context.Context) (string, error) {
	var found struct {
		Orgs []struct{ ID, Name string }
	}
	a := o.client.ask(ctx, http.MethodGet, "/api/v2/orgs", url.Values{"org": {o.conf.org}}, nil)
	err := read2xx(a, &found)
	switch {
	case err == nil && len(found.Orgs) == 1:
		return found.Orgs[0].ID, nil
	case a.err == nil && isID(o.conf.org): // not a name, or the token may not read organisations
		return o.conf.org, nil
	case err == nil:
		err = errors.New("the token may not read organisations: set org to the id, or give the token more permissions")
	}
	return "", err
}

// isID reports whether s has the form of InfluxDB's ids.
func isID(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 16
}

// createDatabase is createBucket for 1.x, where a bucket is a database, or a database and
// one of its retention policies.
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
		// An existing one with another duration is not changed.
		_, err := o.influxQL(ctx, statement)
		if err != nil && !strings.Contains(err.Error(), "conflicts with an existing policy") && !strings.Contains(err.Error(), "already exists") {
			return err
		}
	}
	return nil
}

// checkRetention returns an error if the bucket's retention is shorter than
// replay_window: a replay would have points rejected that were stored before.
func (o *output) checkRetention(ctx context.Context, v1 bool) error {
	keeps, err := o.retention(ctx, v1)
	switch {
	case err != nil:
		return fmt.Errorf("reading the retention of %s, to compare it with replay_window: %w", o.conf.target(o.conf.bucket), err)
	case keeps > 0 && keeps < o.conf.replay:
		return fmt.Errorf("%s keeps points for %s, and replay_window is %s: older replayed points would be rejected. Lengthen its retention, or lower replay_window",
			o.conf.target(o.conf.bucket), keeps, o.conf.replay)
	}
	return nil
}

// retention returns how long the bucket keeps points; 0 means forever.
func (o *output) retention(ctx context.Context, v1 bool) (time.Duration, error) {
	if v1 {
		return o.policyDuration(ctx)
	}
	var found struct {
		Buckets []struct {
			ID, Name       string
			RetentionRules []struct{ EverySeconds int64 }
		}
	}
	for _, query := range o.bucketQueries() {
		a := o.client.ask(ctx, http.MethodGet, "/api/v2/buckets", query, nil)
		if a.status == http.StatusNotFound {
			continue // not a name but an id
		}
		if err := read2xx(a, &found); err != nil {
			return 0, err
		}
		for _, bucket := range found.Buckets {
			if bucket.Name == o.conf.bucket || bucket.ID == o.conf.bucket {
				if len(bucket.RetentionRules) == 0 {
					return 0, nil
				}
				return time.Duration(bucket.RetentionRules[0].EverySeconds) * time.Second, nil
			}
		}
	}
	return 0, errors.New("the token may not read the bucket: give it permission, or remove replay_window")
}

// bucketQueries returns the queries that can find the bucket. It and its organisation
// are set by name or by id.
func (o *output) bucketQueries() []url.Values {
	byName := url.Values{"name": {o.conf.bucket}}
	if o.conf.org != "" {
		byName.Set("org", o.conf.org)
	}
	queries := []url.Values{byName}
	if isID(o.conf.org) {
		queries = append(queries, url.Values{"name": {o.conf.bucket}, "orgID": {o.conf.org}})
	}
	if isID(o.conf.bucket) {
		queries = append(queries, url.Values{"id": {o.conf.bucket}})
	}
	return queries
}

// policyDuration is retention for 1.x.
func (o *output) policyDuration(ctx context.Context) (time.Duration, error) {
	database, policy, named := strings.Cut(o.conf.bucket, "/")
	results, err := o.influxQL(ctx, "SHOW RETENTION POLICIES ON "+quoted(database))
	if err != nil {
		return 0, err
	}
	for _, result := range results {
		for _, series := range result.Series {
			name, duration, byDefault := slices.Index(series.Columns, "name"), slices.Index(series.Columns, "duration"), slices.Index(series.Columns, "default")
			if name < 0 || duration < 0 || byDefault < 0 {
				continue
			}
			for _, row := range series.Values {
				if len(row) == len(series.Columns) && (named && row[name] == policy || !named && row[byDefault] == true) {
					text, _ := row[duration].(string)
					return time.ParseDuration(text)
				}
			}
		}
	}
	return 0, fmt.Errorf("there is no retention policy for %q", o.conf.bucket)
}

// influxQLResult is the result of one statement.
type influxQLResult struct {
	Error  string
	Series []struct {
		Columns []string
		Values  [][]any
	}
}

func (o *output) influxQL(ctx context.Context, statement string) ([]influxQLResult, error) {
	return o.query(ctx, url.Values{"q": {statement}})
}

// query is influxQL with the parameters of the request.
func (o *output) query(ctx context.Context, parameters url.Values) ([]influxQLResult, error) {
	var answered struct{ Results []influxQLResult }
	a := o.client.ask(ctx, http.MethodPost, "/query", parameters, nil)
	if err := read2xx(a, &answered); err != nil {
		return nil, err
	}
	for _, r := range answered.Results {
		if r.Error != "" {
			return nil, errors.New(letter.Clean(r.Error, o.client.hide))
		}
	}
	return answered.Results, nil
}

// quoted returns an identifier of InfluxQL.
func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}

// read2xx reads a JSON response of the management API into v, unless v is nil.
func read2xx(a answer, v any) error {
	switch {
	case a.err != nil:
		return a.err
	case a.status/100 != 2 && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden):
		return fmt.Errorf("status %d: %s (the token lacks permission: create it by hand, or give the token more permissions)", a.status, reasonOf(a))
	case a.status/100 != 2:
		return fmt.Errorf("status %d: %s", a.status, reasonOf(a))
	case v == nil:
		return nil
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("reading the response: %w", err)
	}
	return nil
}
