// Package influxanswers_test asks real InfluxDBs the questions that decide what
// the influxdb output does with points, and compares their answers with those
// recorded in plugins/influxdb/testdata/answers, from which the output and the
// fake InfluxDB are tested every day.
//
// To record them anew: go test ./tests/influxanswers -update
package influxanswers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var update = flag.Bool("update", false, "record the answers")

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// fleeting is what differs from one time to the next in the same answer.
var fleeting = regexp.MustCompile(`(Lower Bound at |for database: )[^ ,"]+`)

func fileOf(version string) string {
	return filepath.Join("..", "..", "plugins", "influxdb", "testdata", "answers", version+".json")
}

// TestAnswersAreAsRecorded breaks if a server answers otherwise than the output
// has been built for, or stores another part of a request.
func TestAnswersAreAsRecorded(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version, Auth: true})
			if err := server.CreateBucket(t.Context(), "short", 2*time.Hour); err != nil {
				t.Fatal(err)
			}
			tokens := map[string]string{"writer": server.Token, "wrong": "writer:wrong", "none": "", "reader": reader(t, server)}
			exchanges, err := influxfake.ReadExchanges(fileOf(version))
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range exchanges {
				body := e.Lines(time.Now())
				status, header, answer := post(t, server.URL, e, tokens[e.As], body)
				got := influxfake.Answer{Status: status, Header: header, Body: fleeting.ReplaceAllString(answer, "$1…")}
				if e.As == "writer" && e.Bucket == server.Bucket && e.Measurement() != "" {
					got.Stored = count(t, server, e.Measurement())
				}
				if !*update && (got.Status != e.Answer.Status || got.Body != e.Answer.Body || got.Stored != e.Answer.Stored || !maps.Equal(got.Header, e.Answer.Header)) {
					t.Errorf("%s:\ngot  %+v\nwant %+v", e.Name, got, e.Answer)
				}
				exchanges[i].Answer = got
			}
			if *update {
				write(t, fileOf(version), exchanges)
			}
		})
	}
}

func post(t *testing.T, address string, e influxfake.Exchange, token, body string) (status int, header map[string]string, answer string) {
	t.Helper()
	query := url.Values{"precision": {"ns"}}
	for key, value := range map[string]string{"org": e.Org, "bucket": e.Bucket} {
		if value != "" {
			query.Set(key, value)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/v2/write?"+query.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Token "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	header = map[string]string{}
	for _, name := range []string{"X-Influxdb-Error", "X-Platform-Error-Code", "Retry-After"} {
		if value := response.Header.Get(name); value != "" {
			header[name] = value
		}
	}
	return response.StatusCode, header, strings.TrimSpace(string(content))
}

// count is how many points of a measurement the server holds.
func count(t *testing.T, server *influxd.Server, measurement string) (n int) {
	t.Helper()
	rows, err := server.Query(t.Context(), fmt.Sprintf(
		`from(bucket: %q) |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == %q) |> count()`,
		server.Bucket, measurement))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		points, _ := row.Int("_value")
		n += int(points)
	}
	return n
}

// reader makes a token that may not write.
func reader(t *testing.T, server *influxd.Server) string {
	t.Helper()
	if server.Version == influxd.V1 {
		ask(t, server, http.MethodPost, "/query?q="+url.QueryEscape("CREATE USER reader WITH PASSWORD 'reader'"), nil, nil)
		return "reader:reader"
	}
	var orgs struct{ Orgs []struct{ ID string } }
	ask(t, server, http.MethodGet, "/api/v2/orgs?org="+server.Org, nil, &orgs)
	var made struct{ Token string }
	ask(t, server, http.MethodPost, "/api/v2/authorizations", map[string]any{
		"orgID":       orgs.Orgs[0].ID,
		"permissions": []any{map[string]any{"action": "read", "resource": map[string]any{"type": "buckets", "orgID": orgs.Orgs[0].ID}}},
	}, &made)
	return made.Token
}

func ask(t *testing.T, server *influxd.Server, method, path string, question, answer any) {
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
	if response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
	if answer != nil {
		if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, path string, exchanges []influxfake.Exchange) {
	t.Helper()
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(exchanges); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
