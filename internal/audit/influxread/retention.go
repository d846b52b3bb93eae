package influxread

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Retention returns how long the bucket keeps points. ok is false if it keeps them
// forever or the server does not say, for instance because the token may not read it.
func (r *Reader) Retention(ctx context.Context) (kept time.Duration, ok bool) {
	if r.language == InfluxQL {
		return r.policy(ctx)
	}
	// Unlike queries, this request has its own parameter for the id of an organisation.
	for _, org := range []string{"org", "orgID"} {
		if kept, ok = r.rule(ctx, org); ok {
			break
		}
	}
	return kept, ok
}

// rule returns the retention of the bucket in 2.x, in the organisation that the
// parameter org names.
func (r *Reader) rule(ctx context.Context, org string) (time.Duration, bool) {
	var answer struct {
		Buckets []struct {
			Name           string
			RetentionRules []struct {
				Type         string
				EverySeconds int64
			}
		}
	}
	values := url.Values{"name": {r.options.Bucket}}
	if r.options.Org != "" {
		values.Set(org, r.options.Org)
	}
	if !r.ask(ctx, http.MethodGet, "/api/v2/buckets", values, &answer) {
		return 0, false
	}
	for _, bucket := range answer.Buckets {
		for _, rule := range bucket.RetentionRules {
			if bucket.Name == r.options.Bucket && rule.Type == "expire" && rule.EverySeconds > 0 {
				return time.Duration(rule.EverySeconds) * time.Second, true
			}
		}
	}
	return 0, false
}

// policy returns the duration of the retention policy that is read.
func (r *Reader) policy(ctx context.Context) (time.Duration, bool) {
	database, policy, named := strings.Cut(r.options.Bucket, "/")
	var answer struct {
		Results []struct {
			Series []struct {
				Columns []string
				Values  [][]any
			}
		}
	}
	if !r.ask(ctx, http.MethodPost, "/query", url.Values{"q": {"SHOW RETENTION POLICIES ON " + identifier(database)}}, &answer) {
		return 0, false
	}
	for _, result := range answer.Results {
		for _, series := range result.Series {
			for _, values := range series.Values {
				row := map[string]any{}
				for i, column := range series.Columns {
					if i < len(values) {
						row[column] = values[i]
					}
				}
				if named && row["name"] != policy || !named && row["default"] != true {
					continue
				}
				text, _ := row["duration"].(string)
				kept, err := time.ParseDuration(text)
				return kept, err == nil && kept > 0
			}
		}
	}
	return 0, false
}

// ask requests a response in JSON. Any failure means no response.
func (r *Reader) ask(ctx context.Context, method, path string, values url.Values, into any) bool {
	response, err := r.send(ctx, method, path, values, "", nil)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return err == nil && response.StatusCode == http.StatusOK && json.NewDecoder(bytes.NewReader(body)).Decode(into) == nil
}
