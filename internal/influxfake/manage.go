package influxfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// orgID is the id of the only organisation.
const orgID = "fc4c114ebaf37a7f"

// fail answers an error in the form of the version.
func (s *Server) fail(w http.ResponseWriter, status int, code, message string) {
	body := map[string]string{"code": code, "message": message}
	if s.options.Version == V1 {
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
	if s.options.Version == V1 {
		s.fail(w, http.StatusUnauthorized, "", "authorization failed")
	} else {
		s.fail(w, http.StatusUnauthorized, "unauthorized", "unauthorized access")
	}
	return false
}

// found is whether organisation and bucket are there.
func (s *Server) found(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, bucket := r.URL.Query().Get("org"), r.URL.Query().Get("bucket")
	if s.options.Version == V1 {
		database, _, _ := strings.Cut(bucket, "/")
		switch {
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
	case org != s.options.Org && org != orgID:
		s.fail(w, http.StatusNotFound, "not found", fmt.Sprintf("organization name %q not found", org))
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

// Statements of InfluxQL that create.
var (
	createDatabase = regexp.MustCompile(`^CREATE DATABASE "([^"]+)"( WITH DURATION \S+ REPLICATION 1 NAME (\S+))?$`)
	createPolicy   = regexp.MustCompile(`^CREATE RETENTION POLICY "([^"]+)" ON "([^"]+)" DURATION \S+ REPLICATION 1$`)
)

// manage is the management API, as much of it as makes buckets.
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/query" && s.options.Version == V1:
		if s.authorised(w, r) {
			s.query(w, r.URL.Query().Get("q"))
		}
	case r.URL.Path == "/api/v2/orgs" && s.options.Version == V2:
		if s.authorised(w, r) {
			s.orgs(w, r.URL.Query().Get("org"))
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

func (s *Server) orgs(w http.ResponseWriter, name string) {
	found := `{"orgs":[]}`
	if name == s.options.Org && !s.options.MayNotCreate {
		found = `{"orgs":[{"id":"` + orgID + `","name":"` + name + `"}]}`
	}
	_, _ = w.Write([]byte(found))
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
	case s.options.MayNotCreate || bucket.OrgID != orgID:
		s.fail(w, http.StatusUnauthorized, "unauthorized", "write:orgs/"+bucket.OrgID+"/buckets is unauthorized")
	case s.buckets[bucket.Name]:
		s.fail(w, http.StatusUnprocessableEntity, "conflict", fmt.Sprintf("bucket with name %s already exists", bucket.Name))
	default:
		s.buckets[bucket.Name] = true
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"name":"` + bucket.Name + `"}`))
	}
}
