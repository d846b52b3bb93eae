package influxdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestConnect breaks if a wrong setting is found out only by the points, or if the
// error does not say which one, or how to mend it.
func TestConnect(t *testing.T) {
	v1 := func(o influxfake.Options) influxfake.Options { o.Version = influxfake.V1; return o }
	for name, test := range map[string]struct {
		fake   influxfake.Options
		change func(*config)
		want   []string // words of the error; nil: it connects
		asked  []string
	}{
		"2.x":                   {fake: influxfake.Options{Token: "t"}, change: func(c *config) { c.token = "t" }},
		"1.8":                   {fake: v1(influxfake.Options{Token: "u:p"}), change: func(c *config) { c.token, c.org = "u:p", "" }},
		"wrong token":           {fake: influxfake.Options{Token: "t"}, want: []string{"401", "token is missing or wrong"}},
		"1.8, wrong password":   {fake: v1(influxfake.Options{Token: "u:p"}), want: []string{"401", "authorization failed", "user:password"}},
		"no such bucket":        {change: func(c *config) { c.bucket = "other" }, want: []string{`bucket "other" not found`, "create_bucket"}},
		"no such org":           {change: func(c *config) { c.org = "other" }, want: []string{`organization name "other" not found`, "org must be"}},
		"no org":                {change: func(c *config) { c.org = "" }, want: []string{"set org"}},
		"1.8, no such database": {fake: v1(influxfake.Options{}), change: func(c *config) { c.bucket = "other" }, want: []string{"database not found", "create_bucket"}},
		"1.8, no such policy":   {fake: v1(influxfake.Options{Buckets: []string{"db/autogen"}}), change: func(c *config) { c.bucket = "db/other" }, want: []string{"retention policy not found: other", "create_bucket"}},
		"not ready":             {fake: influxfake.Options{Fault: func(int, []string) influxfake.Fault { return influxfake.Fault{Status: 503} }}, want: []string{"503"}},
		"not InfluxDB":          {fake: influxfake.Options{Fault: func(int, []string) influxfake.Fault { return influxfake.Fault{Status: 200, Body: "hello"} }}, want: []string{"200", "not a response of InfluxDB"}},
		"redirected": {fake: influxfake.Options{Fault: func(int, []string) influxfake.Fault {
			return influxfake.Fault{Status: 307, Header: http.Header{"Location": {"http://other.test/"}}}
		}}, want: []string{"redirected to http://other.test/"}},
		"dislikes no points":     {fake: influxfake.Options{Fault: func(int, []string) influxfake.Fault { return influxfake.Fault{Status: 400, Body: "no lines"} }}},
		"creates a bucket":       {change: func(c *config) { c.bucket, c.createBucket, c.retention = "new", true, 2*time.Hour }, asked: []string{"create new [{expire 7200}]"}},
		"creates no second one":  {change: func(c *config) { c.createBucket = true }},
		"creates by id of org":   {fake: influxfake.Options{}, change: func(c *config) { c.bucket, c.org, c.createBucket = "new", influxfake.OrgID, true }, asked: []string{"create new []"}},
		"may not read the org":   {fake: influxfake.Options{MayNotCreate: true}, change: func(c *config) { c.bucket, c.createBucket = "new", true }, want: []string{"may not read organisations", "set org to the id"}},
		"may not create, by id":  {fake: influxfake.Options{MayNotCreate: true}, change: func(c *config) { c.bucket, c.org, c.createBucket = "new", influxfake.OrgID, true }, want: []string{"401", "create it by hand"}},
		"no such id of an org":   {change: func(c *config) { c.bucket, c.org, c.createBucket = "new", "0123456789abcdef", true }, want: []string{"0123456789abcdef"}},
		"may not create":         {fake: influxfake.Options{MayNotCreate: true}, change: func(c *config) { c.bucket, c.createBucket = "new", true }, want: []string{"creating the bucket", "more permissions"}},
		"1.8 creates a database": {fake: v1(influxfake.Options{}), change: func(c *config) { c.bucket, c.createBucket, c.retention = "new", true, 2*time.Hour }, asked: []string{`CREATE DATABASE "new" WITH DURATION 7200s REPLICATION 1 NAME autogen`}},
		"1.8 creates a policy": {fake: v1(influxfake.Options{}), change: func(c *config) { c.bucket, c.createBucket = "new/own", true }, asked: []string{
			`CREATE DATABASE "new"`, `CREATE RETENTION POLICY "own" ON "new" DURATION INF REPLICATION 1`}},
		"1.8 may not create": {fake: v1(influxfake.Options{MayNotCreate: true}), change: func(c *config) { c.bucket, c.createBucket = "new", true }, want: []string{"403", "admin privilege"}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := influxfake.New(test.fake)
			conf := testConfig()
			if test.change != nil {
				test.change(&conf)
			}
			o, _ := startOutput(t, conf, fake, nil)
			if results := o.ConnectionTest(t.Context()); len(results) != 1 || len(fake.Asked()) > 0 {
				t.Errorf("a connection test has asked for %q", fake.Asked())
			} else if (results[0].Err == nil) != (test.want == nil) && !conf.createBucket {
				t.Errorf("connection test: %v", results[0].Err)
			}
			err := o.Connect(t.Context())
			if (err == nil) != (test.want == nil) {
				t.Fatal(err)
			}
			for _, words := range test.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not in: %v", words, err)
				}
			}
			if asked := fake.Asked(); test.want == nil && !slices.Equal(asked, test.asked) {
				t.Errorf("asked for %q", asked)
			}
			if stored := fake.Stored(); len(stored) > 0 || len(fake.Requests()) > 0 {
				t.Errorf("connecting has written %v", stored)
			}
		})
	}
}

// TestConnectToNobody breaks if the commonest mistakes are not told apart.
func TestConnectToNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	listener.Close()
	plain, stopPlain := influxfake.New(influxfake.Options{}).Listen()
	defer stopPlain()
	secure := httptest.NewTLSServer(influxfake.New(influxfake.Options{}))
	secure.Config.ErrorLog = nil
	defer secure.Close()
	for name, test := range map[string]struct{ address, want string }{
		"no server":             {closed, "start InfluxDB, or correct url"},
		"plain for HTTPS":       {strings.Replace(plain, "http:", "https:", 1), "change url to http://"},
		"HTTPS for plain":       {strings.Replace(secure.URL, "https:", "http:", 1), "change url to https://"},
		"untrusted certificate": {secure.URL, "tls.root_cas_file"},
		"wrong path":            {plain + "/influx", "not a response of InfluxDB"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := testConfig()
			if conf.url, err = url.Parse(test.address); err != nil {
				t.Fatal(err)
			}
			o := newOutput(conf, nil, nil, service.MockResources().Metrics())
			defer o.Close(t.Context())
			err := o.Connect(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatal(err)
			}
			var wait *service.ErrBackOff
			if !errors.As(err, &wait) || wait.Wait <= 0 {
				t.Errorf("the next try comes at once: %#v", err)
			}
		})
	}
}

// TestTokenGoesToItsHostAlone breaks if a redirect takes the token elsewhere.
func TestTokenGoesToItsHostAlone(t *testing.T) {
	var asked []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = append(asked, fmt.Sprint(r.URL, r.Header))
	}))
	defer elsewhere.Close()
	fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault {
		return influxfake.Fault{Status: 307, Header: http.Header{"Location": {elsewhere.URL}}}
	}})
	address, stop := fake.Listen()
	defer stop()
	conf := testConfig()
	conf.token = "secret"
	conf.url, _ = url.Parse(address)
	o := newOutput(conf, nil, nil, service.MockResources().Metrics())
	defer o.Close(t.Context())
	if err := o.Connect(t.Context()); err == nil {
		t.Error("connected")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := o.WriteBatch(ctx, service.MessageBatch{message(lineOf(1))}); err == nil {
		t.Error("a redirect has counted as stored")
	}
	if len(asked) > 0 {
		t.Fatalf("followed to %q", asked)
	}
}
