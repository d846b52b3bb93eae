package influxd

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// If this fails, the demo waits for another server as if it were InfluxDB, or refuses
// an InfluxDB behind a gateway.
func TestPingRefusesOtherServers(t *testing.T) {
	type response struct {
		status             int
		header, kind, body string
	}
	notFound := response{404, "", "text/plain", "404 page not found"}
	for name, c := range map[string]struct {
		ping, query response
		accepted    bool
	}{
		"1.8":                    {response{204, "X-Influxdb-Version", "", ""}, response{403, "", "", "Flux disabled"}, true},
		"3":                      {response{200, "X-Influxdb-Build", "", ""}, notFound, true},
		"3 that needs a token":   {response{401, "", "", ""}, notFound, true},
		"gateway for the API":    {notFound, response{401, "", "application/json", `{"code":"unauthorized"}`}, true},
		"gateway for POST only":  {notFound, response{400, "", "text/plain", "missing query"}, true},
		"organisation not found": {notFound, response{404, "", "application/json", `{"code":"not found"}`}, true},
		"starting":               {response{503, "", "text/html", "<html>"}, notFound, true},
		"Benthos":                {response{200, "", "text/plain", "pong"}, notFound, false},
		"another server":         {notFound, notFound, false},
		"files":                  {notFound, response{501, "", "text/html", "<html>"}, false},
		"web application":        {response{200, "", "text/html", "<html>"}, response{200, "", "text/html", "<html>"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a := c.ping
				if r.URL.Path == "/api/v2/query" {
					a = c.query
				} else if r.URL.Path != "/ping" {
					a = notFound
				}
				if a.header != "" {
					w.Header().Set(a.header, "x")
				}
				w.Header().Set("Content-Type", a.kind)
				w.WriteHeader(a.status)
				if a.status != http.StatusNoContent {
					_, _ = w.Write([]byte(a.body))
				}
			}))
			defer server.Close()
			db := NewDatabase(server.URL, "o", "b", "")
			defer db.Close()
			if err := db.Ping(t.Context()); (err == nil) != c.accepted {
				t.Error(err)
			}
		})
	}
}
