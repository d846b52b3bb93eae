package influxdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// tenants makes a configuration in which each message names its bucket.
func tenants(t *testing.T) config {
	t.Helper()
	conf := testConfig()
	conf.bucket, conf.bucketOf = "", mustTemplate(t, fieldBucket, `${! @bucket }`)
	return conf
}

func messageFor(bucket string, lines ...string) *service.Message {
	m := message(lines...)
	if bucket != "-" {
		m.MetaSetMut("bucket", bucket)
	}
	return m
}

// TestEachMessageHasItsBucket breaks if points get into the bucket of others, or
// if a bucket that is not there, or a message without one, holds the others up.
func TestEachMessageHasItsBucket(t *testing.T) {
	for version, missing := range map[string]string{influxfake.V0: "database not found", influxfake.V1: "database not found", influxfake.V2: "not found"} {
		t.Run(version, func(t *testing.T) {
			fake := influxfake.New(influxfake.Options{Version: version, Buckets: []string{"a", "b/policy"}})
			rejected := &bin{}
			conf := tenants(t)
			if version == influxfake.V0 {
				conf.version, conf.org = versionV1, ""
			}
			o, log := startOutput(t, conf, fake, rejected)
			if err := connect(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			batch := service.MessageBatch{}
			want := map[string][]string{}
			for i := range 300 {
				bucket := []string{"a", "b/policy", "nobody", "a", "", "-"}[i%6]
				batch = append(batch, messageFor(bucket, linesOf(2*i, 2*i+2)...))
				want[bucket] = append(want[bucket], linesOf(2*i, 2*i+2)...)
			}
			if err := o.WriteBatch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			for _, bucket := range []string{"a", "b/policy"} {
				stored := fake.StoredIn(bucket)
				for _, line := range want[bucket] {
					if stored[line] == 0 {
						t.Errorf("%s lacks %s", bucket, line)
					}
					delete(stored, line)
				}
				if len(stored) > 0 {
					t.Errorf("%s holds %d points of others", bucket, len(stored))
				}
			}
			if len(fake.StoredIn("nobody")) > 0 {
				t.Error("a bucket that is not there holds points")
			}
			refused := map[string]int{}
			for _, m := range rejected.messages {
				bucket, _ := m.MetaGet("bucket")
				reason, _ := m.MetaGet(contract.InfluxDBReason)
				switch {
				case bucket == "nobody" && strings.Contains(reason, missing):
					if to, _ := m.MetaGet(contract.InfluxDBBucket); to != "nobody" {
						t.Errorf("refused for bucket %q", to)
					}
				case bucket == "" && (strings.Contains(reason, "bucket name is empty") || strings.Contains(reason, `the bucket is "null": ${! @bucket } finds no such key`)):
				default:
					t.Errorf("bucket %q: refused for %s", bucket, reason)
				}
				refused[bucket]++
			}
			// A line each where the server refused, a message each where it was not asked.
			if refused["nobody"] != 100 || refused[""] != 100 {
				t.Errorf("refused: %v", refused)
			}
			if n := len(fake.Requests()); n > 8 {
				t.Errorf("%d requests: points of a bucket do not share them", n)
			}
			if text := log.String(); text != "" {
				t.Errorf("log: %s", text)
			}
		})
	}
}

// TestReplayWindow breaks if a bucket that forgets points before they may come
// again is found out only when they are refused.
func TestReplayWindow(t *testing.T) {
	for name, test := range map[string]struct {
		fake   influxfake.Options
		window time.Duration
		want   string
	}{
		"for ever":            {influxfake.Options{}, 168 * time.Hour, ""},
		"long enough":         {influxfake.Options{Retention: 168 * time.Hour}, 168 * time.Hour, ""},
		"too short":           {influxfake.Options{Retention: 24 * time.Hour}, 168 * time.Hour, "keeps points for 24h0m0s, and replay_window is 168h0m0s"},
		"may not read it":     {influxfake.Options{MayNotCreate: true}, time.Hour, "the token may not read the bucket"},
		"1.8, for ever":       {influxfake.Options{Version: influxfake.V1}, 168 * time.Hour, ""},
		"1.8, too short":      {influxfake.Options{Version: influxfake.V1, Retention: time.Hour}, 168 * time.Hour, "keeps points for 1h0m0s"},
		"1.8, other policy":   {influxfake.Options{Version: influxfake.V1, Buckets: []string{"bucket/own"}, Retention: 2 * time.Hour}, 3 * time.Hour, "there is no retention policy"},
		"not asked to look":   {influxfake.Options{Retention: time.Hour}, 0, ""},
		"longer than created": {influxfake.Options{Retention: 2 * time.Hour}, 3 * time.Hour, "would be rejected"},
	} {
		for _, org := range []string{"org", influxfake.OrgID} {
			conf := testConfig()
			conf.replay, conf.org = test.window, org
			o, _ := startOutput(t, conf, influxfake.New(test.fake), nil)
			err := o.Connect(t.Context())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, org %s: connecting: %v", name, org, err)
			}
		}
	}
}

// TestVersions breaks if a server that knows one API is written to by the other,
// or if the wrong name or password goes with it.
func TestVersions(t *testing.T) {
	user := func(c *config) { c.username, c.password, c.org = "u", "p", "" }
	for name, test := range map[string]struct {
		version string
		change  func(*config)
		path    string // empty: it does not connect
	}{
		"2.x":                {influxfake.V2, func(c *config) { c.token = "u:p" }, "/api/v2/write"},
		"1.8, token":         {influxfake.V1, func(c *config) { c.token = "u:p" }, "/api/v2/write"},
		"1.8, user":          {influxfake.V1, user, "/write"},
		"1.8, wrong user":    {influxfake.V1, func(c *config) { c.username, c.password, c.org = "u", "q", "" }, ""},
		"1.8, v1":            {influxfake.V1, func(c *config) { c.version, c.token, c.org = versionV1, "u:p", "" }, "/write"},
		"1.7 is found out":   {influxfake.V0, func(c *config) { c.token = "u:p" }, "/write"},
		"1.7, wrong token":   {influxfake.V0, func(c *config) { c.token = "u:q" }, ""},
		"1.7, user":          {influxfake.V0, user, "/write"},
		"1.7, told to be v2": {influxfake.V0, func(c *config) { c.version, c.token = versionV2, "u:p" }, ""},
		"2.x, told to be v1": {influxfake.V2, func(c *config) { c.version, c.token, c.org = versionV1, "u:p", "" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			fake := influxfake.New(influxfake.Options{Version: test.version, Token: "u:p", Buckets: []string{"db/policy"}})
			conf := testConfig()
			conf.bucket = "db/policy"
			test.change(&conf)
			o, _ := startOutput(t, conf, fake, nil)
			if err := o.Connect(t.Context()); (err == nil) != (test.path != "") {
				t.Fatal(err)
			}
			if test.path == "" {
				return
			}
			if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(1))}); err != nil {
				t.Fatal(err)
			}
			requests := fake.Requests()
			if len(requests) != 1 || requests[0].Path != test.path || requests[0].Bucket != "db/policy" {
				t.Errorf("requests: %+v", requests)
			}
			mustStore(t, fake, []string{lineOf(1)})
		})
	}
}

// TestManyBucketsOfOneCaller breaks if a call whose lines leave in many requests
// is answered before the last of them, or if a group of one bucket closes that of
// another.
func TestManyBucketsOfOneCaller(t *testing.T) {
	fake := influxfake.New(influxfake.Options{Buckets: []string{"0", "1", "2", "3", "4"}})
	conf := tenants(t)
	conf.maxPoints = 10
	o, _ := startOutput(t, conf, fake, nil)
	var batch service.MessageBatch
	for i := range 200 {
		batch = append(batch, messageFor(fmt.Sprint(i%5), lineOf(i)))
	}
	if err := o.WriteBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	mustStore(t, fake, linesOf(0, 200))
	for _, r := range fake.Requests() {
		if len(r.Lines) != 10 {
			t.Errorf("bucket %s: %d lines", r.Bucket, len(r.Lines))
		}
	}
}
