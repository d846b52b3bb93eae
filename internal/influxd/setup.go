package influxd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/domain"
)

// Turned off are the parts that would listen on other addresses or call home, and those
// that would write points of their own (monitor) or a log line per request.
var configV1 = template.Must(template.New("influxdb.conf").Parse(`
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = {{printf "%q" .Meta}}
[data]
  dir = {{printf "%q" .Data}}
  wal-dir = {{printf "%q" .WAL}}
  index-version = "tsi1"
  query-log-enabled = false
  wal-fsync-delay = "0s"
[coordinator]
  write-timeout = "30s"
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:{{.Port}}"
  auth-enabled = {{.Auth}}
  flux-enabled = {{.Flux}}
  log-enabled = false
[logging]
  level = "info"
  suppress-logo = true
`))

func (s *Server) configureV1(o Options) error {
	var config bytes.Buffer
	err := configV1.Execute(&config, map[string]any{
		"Meta": filepath.Join(o.Dir, "meta"),
		"Data": filepath.Join(o.Data, "data"),
		"WAL":  filepath.Join(o.Data, "wal"),
		"Port": o.Port,
		"Auth": o.Auth,
		"Flux": !o.WithoutFlux,
	})
	if err != nil {
		return err
	}
	path := filepath.Join(o.Dir, "influxdb.conf")
	if err := os.WriteFile(path, config.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the configuration of InfluxDB: %w", err)
	}
	s.args = []string{"run", "-config", path}
	return nil
}

func (s *Server) configureV2(o Options) {
	s.args = []string{
		"run",
		"--bolt-path", filepath.Join(o.Dir, "influxd.bolt"),
		"--sqlite-path", filepath.Join(o.Dir, "influxd.sqlite"),
		"--engine-path", filepath.Join(o.Data, "engine"),
		"--http-bind-address", fmt.Sprintf("127.0.0.1:%d", o.Port),
		"--reporting-disabled",
		"--log-level", "warn",
	}
}

func (s *Server) health(ctx context.Context) error {
	_, err := s.do(ctx, http.MethodGet, "/health", nil, http.StatusOK)
	return err
}

// setUp creates the first user and the bucket. It is called once for a data folder.
func (s *Server) setUp(ctx context.Context) error {
	switch s.Version {
	case V1:
		if user, password, ok := strings.Cut(s.Token, ":"); ok {
			statement := fmt.Sprintf(`CREATE USER %q WITH PASSWORD '%s' WITH ALL PRIVILEGES`, user, password)
			if err := s.statement(ctx, statement); err != nil {
				return err
			}
		}
		return s.CreateBucket(ctx, s.Bucket, 0)
	default:
		body, err := json.Marshal(map[string]any{
			"username": "brandpulse", "password": s.Token, "token": s.Token, "org": s.Org, "bucket": s.Bucket,
		})
		if err != nil {
			return err
		}
		_, err = s.do(ctx, http.MethodPost, "/api/v2/setup", body, http.StatusCreated)
		return err
	}
}

// CreateBucket creates a bucket, in 1.8 a database, with a retention (0: forever).
func (s *Server) CreateBucket(ctx context.Context, name string, retention time.Duration) error {
	if s.Version == V1 {
		statement := fmt.Sprintf(`CREATE DATABASE %q WITH DURATION %s REPLICATION 1 NAME "autogen"`, name, durationV1(retention))
		return s.statement(ctx, statement)
	}
	org, err := s.client.OrganizationsAPI().FindOrganizationByName(ctx, s.Org)
	if err != nil {
		return fmt.Errorf("reading the id of the organisation %s: %w", s.Org, err)
	}
	var rules []domain.RetentionRule
	if retention > 0 {
		rules = append(rules, domain.RetentionRule{EverySeconds: int64(retention / time.Second)})
	}
	if _, err := s.client.BucketsAPI().CreateBucketWithName(ctx, org, name, rules...); err != nil {
		return fmt.Errorf("creating the bucket %s: %w", name, err)
	}
	return nil
}

func durationV1(d time.Duration) string {
	if d == 0 {
		return "INF"
	}
	return fmt.Sprintf("%ds", int64(d/time.Second))
}
