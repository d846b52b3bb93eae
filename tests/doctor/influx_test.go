package doctor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the doctor does not name what is wrong with an InfluxDB, or finds fault
// with one that works.
func TestFaultsOfInfluxDB(t *testing.T) {
	t.Parallel()
	k := testenv.Kafka(t)
	k.CreateTopic(t, "tweets", 1, nil)
	k.CreateTopic(t, "dead", 1, nil)
	k.CreateTopic(t, "brief", 1, map[string]string{"retention.ms": "60000"})
	k.Produce(t, tweets("tweets", 10, 10*time.Second)...)
	two := testenv.Influx(t, testenv.InfluxV2)
	one := testenv.OwnInflux(t, influxd.Options{Version: testenv.InfluxV1, Auth: true})
	base := map[string]string{
		"KAFKA_BROKERS": k.Brokers[0], "TOPIC": "tweets", "DEAD_TOPIC": "dead", "CONSUMER_GROUP": "influx",
		"HTTP_ADDRESS": "127.0.0.1:0",
	}
	healthy := with(base, "INFLUXDB_URL", two.URL, "INFLUXDB_BUCKET", two.Bucket, "INFLUXDB_TOKEN", two.Token, "INFLUXDB_ORG", two.Org)
	old := with(base, "INFLUXDB_URL", one.URL, "INFLUXDB_BUCKET", one.Bucket, "INFLUXDB_TOKEN", one.Token)
	for name, env := range map[string]map[string]string{"2.7": healthy, "1.8": old} {
		t.Run("healthy "+name, func(t *testing.T) {
			r := examined(t, testenv.Command{Env: env})
			if r.Outcome != "ok" {
				t.Errorf("%s", r.text())
			}
			for _, id := range []doctor.ID{doctor.InfluxTypes, doctor.InfluxRetention, doctor.InfluxWrite} {
				if f := r.of(id); len(f) != 1 || f[0].Status != "ok" {
					t.Errorf("%+v", f)
				}
			}
		})
	}

	server := serverOf(t, two)
	expiring := server.bucket(t, "expiring", time.Hour)
	typed := testenv.Influx(t, testenv.InfluxV2)
	if err := typed.Write(t.Context(), fmt.Appendf(nil, "tweets,brand=a,sentiment=positive count=1.5 %d\n", time.Now().UnixNano())); err != nil {
		t.Fatal(err)
	}
	if err := one.Write(t.Context(), fmt.Appendf(nil, "typed,brand=a,sentiment=positive count=1.5 %d\n", time.Now().UnixNano())); err != nil {
		t.Fatal(err)
	}
	readOnly := server.token(t, "read", two.Bucket)
	writeOnly := server.token(t, "write", two.Bucket)

	runAll(t, map[string]fault{
		"a name without an address":   {want: doctor.InfluxNames, says: "influx.invalid", env: with(healthy, "INFLUXDB_URL", "http://influx.invalid:8086")},
		"nobody listens":              {want: doctor.InfluxReach, says: "refused", env: with(healthy, "INFLUXDB_URL", "http://127.0.0.1:9")},
		"a swallowed connection":      {want: doctor.InfluxReach, says: "i/o timeout", env: with(healthy, "INFLUXDB_URL", "http://"+swallowing(t))},
		"an unknown authority":        {want: doctor.InfluxTLS, says: "unknown authority", env: with(healthy, "INFLUXDB_URL", gateway(t, two.URL, nil, true))},
		"another server":              {want: doctor.InfluxHealth, says: "status 404", env: with(healthy, "INFLUXDB_URL", gateway(t, two.URL, notFound, false))},
		"a server that never answers": {want: doctor.InfluxHealth, says: "no answer in time", env: with(healthy, "INFLUXDB_URL", "http://"+silent(t))},
		"unhealthy":                   {want: doctor.InfluxHealth, says: "not healthy", env: with(healthy, "INFLUXDB_URL", gateway(t, two.URL, unhealthy, false))},
		"an old version":              {want: doctor.InfluxVersion, says: "1.7.11", env: with(old, "INFLUXDB_URL", gateway(t, one.URL, header("X-Influxdb-Version", "1.7.11"), false))},
		"another clock":               {want: doctor.InfluxClock, says: "ahead of", env: with(healthy, "INFLUXDB_URL", gateway(t, two.URL, header("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat)), false))},
		"a wrong token":               {want: doctor.InfluxLogin, says: "rejects the token", env: with(healthy, "INFLUXDB_TOKEN", "wrong")},
		"no token":                    {want: doctor.InfluxLogin, says: "has none", env: with(healthy, "INFLUXDB_TOKEN", "")},
		"a wrong password in 1.8":     {want: doctor.InfluxLogin, says: "rejects", env: with(old, "INFLUXDB_TOKEN", "brandpulse:wrong")},
		"no organisation":             {want: doctor.InfluxOrg, says: `"nobody"`, env: with(healthy, "INFLUXDB_ORG", "nobody")},
		"no bucket":                   {want: doctor.InfluxBucket, says: `"none"`, env: with(healthy, "INFLUXDB_BUCKET", "none")},
		"no database in 1.8":          {want: doctor.InfluxBucket, says: `"none"`, env: with(old, "INFLUXDB_BUCKET", "none")},
		"a token that only reads":     {want: doctor.InfluxWrite, says: "may not write", env: with(healthy, "INFLUXDB_TOKEN", readOnly)},
		"a short retention":           {want: doctor.InfluxRetention, says: "1h0m0s", env: with(healthy, "INFLUXDB_BUCKET", expiring)},
		"one of two topics":           {want: doctor.InfluxRetention, says: "the topic tweets keeps", env: with(healthy, "INFLUXDB_BUCKET", expiring, "TOPIC", "brief,tweets"), edit: identifiedBySource},
		"replay_window":               {want: doctor.InfluxRetention, says: "replay_window is 24h", env: with(healthy, "INFLUXDB_BUCKET", expiring), edit: replaced("            create_bucket:", "            replay_window: 24h\n            create_bucket:")},
		"another type":                {want: doctor.InfluxTypes, says: "float", env: with(healthy, "INFLUXDB_BUCKET", typed.Bucket)},
		"another type in 1.8":         {want: doctor.InfluxTypes, says: "float", env: with(old, "MEASUREMENT", "typed")},
		"many series":                 {want: doctor.InfluxCardinality, says: "900000", env: with(old, "INFLUXDB_URL", gateway(t, one.URL, manySeries, false))},
	})
	t.Run("what a token that only writes may not know is skipped", func(t *testing.T) {
		r := examined(t, testenv.Command{Env: with(healthy, "INFLUXDB_TOKEN", writeOnly)})
		for _, id := range []doctor.ID{doctor.InfluxTypes, doctor.InfluxCardinality, doctor.InfluxRetention} {
			if f := r.of(id); len(f) != 1 || f[0].Status != "skipped" || f[0].Because != "" {
				t.Errorf("%+v", f)
			}
		}
		if r.Outcome != "ok" {
			t.Error(r.text())
		}
	})
	t.Run("nothing is stored", func(t *testing.T) {
		rows, err := two.Query(t.Context(), fmt.Sprintf("from(bucket: %q) |> range(start: 0) |> limit(n: 1)", two.Bucket))
		if err != nil || len(rows) > 0 {
			t.Errorf("%v, %v", rows, err)
		}
	})
}

func notFound(r *http.Response) error {
	r.StatusCode, r.Header = http.StatusNotFound, http.Header{"Content-Type": {"text/plain"}}
	return nil
}

func unhealthy(r *http.Response) error {
	if r.Request.URL.Path == "/health" {
		r.StatusCode = http.StatusServiceUnavailable
		replaceBody(r, `{"name":"influxdb","message":"the disk is full","status":"fail"}`)
	}
	return nil
}

func manySeries(r *http.Response) error {
	if strings.Contains(r.Request.URL.RawQuery, "CARDINALITY") {
		replaceBody(r, `{"results":[{"statement_id":0,"series":[{"columns":["count"],"values":[[900000]]}]}]}`)
	}
	return nil
}

func replaceBody(r *http.Response, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Del("Content-Encoding")
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
}

func header(name, value string) func(*http.Response) error {
	return func(r *http.Response) error {
		r.Header.Set(name, value)
		return nil
	}
}

// admin creates buckets and tokens of an InfluxDB 2.
type admin struct {
	at  *influxd.Database
	org string // id
}

func serverOf(t *testing.T, at *influxd.Database) admin {
	t.Helper()
	a := admin{at: at}
	var found struct{ Orgs []struct{ ID string } }
	a.do(t, http.MethodGet, "/api/v2/orgs?org="+at.Org, nil, &found)
	a.org = found.Orgs[0].ID
	return a
}

func (a admin) do(t *testing.T, method, path string, body, into any) {
	t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, a.at.URL+path, &content)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+a.at.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// bucket creates a bucket and returns its name.
func (a admin) bucket(t *testing.T, name string, retention time.Duration) string {
	t.Helper()
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	var created struct{ ID string }
	a.do(t, http.MethodPost, "/api/v2/buckets", map[string]any{
		"orgID": a.org, "name": name, "retentionRules": []any{map[string]any{"type": "expire", "everySeconds": int(retention.Seconds())}},
	}, &created)
	return name
}

// token creates a token that may read or write a bucket.
func (a admin) token(t *testing.T, action, bucket string) string {
	t.Helper()
	var found struct{ Buckets []struct{ ID string } }
	a.do(t, http.MethodGet, "/api/v2/buckets?name="+bucket, nil, &found)
	var created struct{ Token string }
	a.do(t, http.MethodPost, "/api/v2/authorizations", map[string]any{
		"orgID":       a.org,
		"permissions": []any{map[string]any{"action": action, "resource": map[string]any{"type": "buckets", "id": found.Buckets[0].ID, "orgID": a.org}}},
	}, &created)
	return created.Token
}
