package influxanswers_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// mapped is the database that a DBRP mapping of 2.x assigns to the bucket, with the
// retention policy weekly.
const mapped = "mapped"

// kept are the headers of a response that are recorded: the first row always, the
// second if the request is about the server's identity.
var (
	kept      = []string{"X-Influxdb-Error", "X-Platform-Error-Code", "Retry-After", "Www-Authenticate"}
	keptAbout = []string{"X-Influxdb-Version", "X-Influxdb-Build", "Content-Type"}
)

// credential is a token, or a user and a password, which are the same for 1.8.
type credential struct{ token, user, password string }

// ask sends a request.
func ask(t *testing.T, server *influxd.Server, e influxfake.Exchange, who credential) influxfake.Answer {
	t.Helper()
	query := url.Values{}
	if e.Method == "" {
		query.Set("precision", "ns")
	}
	for key, value := range map[string]string{"org": e.Org, "bucket": e.Bucket, "db": e.DB, "rp": e.RP} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if e.Auth == "query" {
		query.Set("u", who.user)
		query.Set("p", who.password)
	}
	method := e.Method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+e.Path()+"?"+query.Encode(), bytes.NewReader(encoded(t, e)))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case e.Encoding != "":
		request.Header.Set("Content-Encoding", "gzip")
	case request.ContentLength > 1<<20:
		// So that the response is read before the connection is closed.
		request.Header.Set("Expect", "100-continue")
	}
	switch e.Auth {
	case "":
		if who.token != "" {
			request.Header.Set("Authorization", "Token "+who.token)
		}
	case "bearer":
		request.Header.Set("Authorization", "Bearer "+who.token)
	case "basic":
		request.SetBasicAuth(who.user, who.password)
	case "query":
	default:
		t.Fatalf("%s: unknown kind of authorisation: %s", e.Name, e.Auth)
	}
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := influxfake.Answer{Status: response.StatusCode, Header: map[string]string{}, Body: strings.TrimSpace(string(content))}
	names := kept
	if e.Kind == "server" {
		names = append(names[:len(names):len(names)], keptAbout...)
	}
	for _, name := range names {
		if value := response.Header.Get(name); value != "" {
			got.Header[name] = value
		}
	}
	return got
}

// encoded returns the body of a request.
func encoded(t *testing.T, e influxfake.Exchange) []byte {
	t.Helper()
	body := []byte(e.Lines(time.Now()))
	if e.Encoding == "" || e.Encoding == influxfake.EncodingNoGzip {
		return body
	}
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	if _, err := zip.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	packed := buf.Bytes()
	const tail = 8 // checksum and size
	switch e.Encoding {
	case influxfake.EncodingGzip:
	case influxfake.EncodingCutGzip:
		packed = packed[:len(packed)-tail-4]
	case influxfake.EncodingBadCheck:
		packed[len(packed)-tail] ^= 0xff
	default:
		t.Fatalf("%s: unknown encoding: %s", e.Name, e.Encoding)
	}
	return packed
}

// credentials creates all credentials.
func credentials(t *testing.T, server *influxd.Server) map[string]credential {
	t.Helper()
	if server.Version == influxd.V1 {
		manage(t, server, http.MethodPost, "/query?q="+url.QueryEscape("CREATE USER reader WITH PASSWORD 'reader'"), nil, nil)
		user, password, _ := strings.Cut(server.Token, ":")
		return map[string]credential{
			"writer": {server.Token, user, password},
			"wrong":  {"writer:wrong", "writer", "wrong"},
			"reader": {"reader:reader", "reader", "reader"},
			"none":   {},
		}
	}
	var orgs struct{ Orgs []struct{ ID string } }
	manage(t, server, http.MethodGet, "/api/v2/orgs?org="+server.Org, nil, &orgs)
	var buckets struct{ Buckets []struct{ ID string } }
	manage(t, server, http.MethodGet, "/api/v2/buckets?name="+server.Bucket, nil, &buckets)
	org := orgs.Orgs[0].ID
	manage(t, server, http.MethodPost, "/api/v2/dbrps", map[string]any{
		"orgID": org, "bucketID": buckets.Buckets[0].ID, "database": mapped, "retention_policy": "weekly", "default": true,
	}, nil)
	may := func(action string) []any {
		return []any{map[string]any{"action": action, "resource": map[string]any{"type": "buckets", "orgID": org}}}
	}
	var reader struct{ Token string }
	manage(t, server, http.MethodPost, "/api/v2/authorizations", map[string]any{"orgID": org, "permissions": may("read")}, &reader)
	for user, action := range map[string]string{"v1writer": "write", "v1reader": "read"} {
		var made struct{ ID string }
		manage(t, server, http.MethodPost, "/private/legacy/authorizations", map[string]any{"token": user, "orgID": org, "permissions": may(action)}, &made)
		manage(t, server, http.MethodPost, "/private/legacy/authorizations/"+made.ID+"/password", map[string]any{"password": "password1"}, nil)
	}
	return map[string]credential{
		"writer":    {server.Token, "brandpulse", server.Token},
		"wrong":     {"writer:wrong", "brandpulse", "wrong"},
		"reader":    {reader.Token, "reader", reader.Token},
		"none":      {},
		"v1 writer": {"v1writer:password1", "v1writer", "password1"},
		"v1 reader": {"v1reader:password1", "v1reader", "password1"},
		"v1 wrong":  {"v1writer:wrong", "v1writer", "wrong"},
	}
}

// manage sends a request to the management API.
func manage(t *testing.T, server *influxd.Server, method, path string, question, answer any) {
	t.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, server.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+server.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s: %s", method, path, response.Status, content)
	}
	if answer != nil {
		if err := json.Unmarshal(content, answer); err != nil {
			t.Fatal(err)
		}
	}
}
