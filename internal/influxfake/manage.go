package influxfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// OrgID is the id of the only organisation.
const OrgID = "fc4c114ebaf37a7f"

// fail responds with an error in the form of the version.
func (s *Server) fail(w http.ResponseWriter, status int, code, message string) {
	body := map[string]string{"code": code, "message": message}
	if s.options.Version != V2 {
		body = map[string]string{"error": message}
		w.Header().Set("X-Influxdb-Error", strings.ReplaceAll(message, "\n", " "))
	}
	text, _ := json.Marshal(body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (s *Server) authorised(w http.ResponseWriter, r *http.Request) bool {
	if s.options.Token == "" || r.Header.Get("Authorization") == "Token "+s.options.Token {
		return true
	}
	if name, password, ok := r.BasicAuth(); ok && s.options.Version != V2 && name+":"+password == s.options.Token {
		return true
	}
	if s.options.Version != V2 {
		s.fail(w, http.StatusUnauthorized, "", "authorization failed")
	} else {
		s.fail(w, http.StatusUnauthorized, "unauthorized", "unauthorized access")
	}
	return false
}

// found reports whether the organisation and the bucket exist.
func (s *Server) found(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, bucket := r.URL.Query().Get("org"), bucketOf(r)
	if s.options.Version != V2 {
		database, _, _ := strings.Cut(bucket, "/")
		switch {
		case bucket == "" && r.URL.Path == "/write":
			s.fail(w, http.StatusBadRequest, "", "database is required")
			return false
		case bucket == "":
			s.fail(w, http.StatusNotFound, "", `bucket name "" is missing a slash; not in "database/retention-policy" format`)
			return false
		case s.buckets[bucket] || database == bucket && s.hasDatabase(database):
			return true
		case s.hasDatabase(database):
			s.fail(w, http.StatusInternalServerError, "", "retention policy not found: "+bucket[len(database)+1:])
		default:
			s.fail(w, http.StatusNotFound, "", fmt.Sprintf("database not found: %q", database))
		}
		return false
	}
	switch {
	case org == "":
		s.fail(w, http.StatusBadRequest, "invalid", "Please provide either orgID or org")
	case org != s.options.Org && org != OrgID:
		s.fail(w, http.StatusNotFound, "not found", fmt.Sprintf("organization name %q not found", org))
	case bucket == "":
		s.fail(w, http.StatusNotFound, "not found", "bucket not found")
	case !s.buckets[bucket]:
		s.fail(w, http.StatusNotFound, "not found", fmt.Sprintf("bucket %q not found", bucket))
	default:
		return true
	}
	return false
}

func (s *Server) hasDatabase(name string) bool {
	for bucket := range s.buckets {
		if database, _, _ := strings.Cut(bucket, "/"); database == name {
			return true
		}
	}
	return false
}

// Statements of InfluxQL.
var (
	showPolicies   = regexp.MustCompile(`^SHOW RETENTION POLICIES ON "([^"]+)"$`)
	createDatabase = regexp.MustCompile(`^CREATE DATABASE "([^"]+)"( WITH DURATION \S+ REPLICATION 1 NAME (\S+))?$`)
	createPolicy   = regexp.MustCompile(`^CREATE RETENTION POLICY "([^"]+)" ON "([^"]+)" DURATION \S+ REPLICATION 1$`)
)

// manage is the part of the management API that creates buckets.
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/query" && s.options.Version != V2:
		if s.authorised(w, r) {
			s.query(w, r.URL.Query().Get("q"))
		}
	case r.URL.Path == "/api/v2/orgs" && s.options.Version == V2:
		if s.authorised(w, r) {
			s.orgs(w, r.URL.Query())
		}
	case r.URL.Path == "/api/v2/buckets" && r.Method == http.MethodGet && s.options.Version == V2:
		if s.authorised(w, r) {
			s.list(w, r)
		}
	case r.URL.Path == "/api/v2/buckets" && r.Method == http.MethodPost && s.options.Version == V2:
		if s.authorised(w, r) {
			s.create(w, r)
		}
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) query(w http.ResponseWriter, statement string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := showPolicies.FindStringSubmatch(statement); m != nil {
		s.policies(w, m[1])
		return
	}
	s.asked = append(s.asked, statement)
	if s.options.MayNotCreate {
		s.fail(w, http.StatusForbidden, "", "error authorizing query: not authorized to execute statement '"+statement+"', requires admin privilege")
		return
	}
	if m := createDatabase.FindStringSubmatch(statement); m != nil {
		policy := m[3]
		if policy == "" {
			policy = "autogen"
		}
		if !s.hasDatabase(m[1]) {
			s.buckets[m[1]+"/"+policy] = true
		}
	} else if m := createPolicy.FindStringSubmatch(statement); m != nil {
		s.buckets[m[2]+"/"+m[1]] = true
	} else {
		s.fail(w, http.StatusBadRequest, "", "error parsing query: "+statement)
		return
	}
	_, _ = w.Write([]byte(`{"results":[{"statement_id":0}]}`))
}

// policies lists the retention policies of a database. The default is autogen, or else
// the first.
func (s *Server) policies(w http.ResponseWriter, database string) {
	rows := [][]any{}
	for bucket := range s.buckets {
		name, policy, named := strings.Cut(bucket, "/")
		if !named {
			policy = "autogen"
		}
		if name == database {
			rows = append(rows, []any{policy, s.options.Retention.String(), "168h0m0s", 1, policy == "autogen"})
		}
	}
	text, _ := json.Marshal(map[string]any{"results": []any{map[string]any{"statement_id": 0, "series": []any{map[string]any{
		"columns": []string{"name", "duration", "shardGroupDuration", "replicaN", "default"}, "values": rows,
	}}}}})
	_, _ = w.Write(text)
}

// list returns the buckets with a name, none for a token that may not see them.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	if !s.knowsOrg(w, query) {
		return
	}
	name := query.Get("name")
	buckets := []any{}
	switch {
	case s.options.MayNotCreate:
	case !s.buckets[name]:
		s.fail(w, http.StatusNotFound, "not found", fmt.Sprintf("bucket %q not found", name))
		return
	default:
		rules := []any{}
		if s.options.Retention > 0 {
			rules = append(rules, map[string]any{"type": "expire", "everySeconds": s.options.Retention.Seconds()})
		}
		buckets = append(buckets, map[string]any{"id": "0000000000000001", "name": name, "retentionRules": rules})
	}
	text, _ := json.Marshal(map[string]any{"buckets": buckets})
	_, _ = w.Write(text)
}

// knowsOrg reports whether a request names the right organisation, or none. Other than
// for writes, an id is not accepted as a name.
func (s *Server) knowsOrg(w http.ResponseWriter, query url.Values) bool {
	if name := query.Get("org"); name != "" && name != s.options.Org {
		s.fail(w, http.StatusNotFound, "not found", fmt.Sprintf("organization name %q not found", name))
		return false
	}
	if id := query.Get("orgID"); id != "" && id != OrgID {
		s.fail(w, http.StatusNotFound, "not found", "bucket not found")
		return false
	}
	return true
}

func (s *Server) orgs(w http.ResponseWriter, query url.Values) {
	switch {
	case s.options.MayNotCreate:
		_, _ = w.Write([]byte(`{"orgs":[]}`))
	case s.knowsOrg(w, query):
		_, _ = w.Write([]byte(`{"orgs":[{"id":"` + OrgID + `","name":"` + s.options.Org + `"}]}`))
	}
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var bucket struct {
		OrgID, Name    string
		RetentionRules []struct {
			Type         string
			EverySeconds int64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&bucket); err != nil {
		s.fail(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf("create %s %v", bucket.Name, bucket.RetentionRules))
	switch {
	case s.options.MayNotCreate || bucket.OrgID != OrgID:
		s.fail(w, http.StatusUnauthorized, "unauthorized", "write:orgs/"+bucket.OrgID+"/buckets is unauthorized")
	case s.buckets[bucket.Name]:
		s.fail(w, http.StatusUnprocessableEntity, "conflict", fmt.Sprintf("bucket with name %s already exists", bucket.Name))
	default:
		s.buckets[bucket.Name] = true
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"name":"` + bucket.Name + `"}`))
	}
}
