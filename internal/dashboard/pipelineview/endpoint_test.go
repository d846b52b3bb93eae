package pipelineview

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What would break: viewers, or a log, see the key or the password of an address.
func TestSecretsInAddressesAreNotShown(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user == "me-geheim" && password == "pw-geheim" && r.URL.Query().Get("api_key") == "key-geheim" && r.URL.Path == "/m" {
			asked.Add(1)
		}
		fmt.Fprint(w, strings.Repeat("no metrics ", 1000))
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	v := newTestView(t, Source{Metrics: []string{
		"http://me-geheim:pw-geheim@" + host + "/m?api_key=key-geheim",
		"http://me-geheim:pw-geheim@127.0.0.1:1/m?api_key=key-geheim#geheim",
	}})
	v.read(t.Context())
	u := v.Look(0)
	text, err := json.Marshal(u)
	if err != nil || strings.Contains(string(text), "geheim") {
		t.Errorf("viewers see %s, %v", text, err)
	}
	if u.Endpoints[0].URL != server.URL+"/m" || u.Endpoints[1].URL != "http://127.0.0.1:1/m" || asked.Load() != 1 {
		t.Errorf("%+v, asked %d times with all that was given", u.Endpoints, asked.Load())
	}
	if e := u.Endpoints[0].Error; !strings.Contains(e, "reading metrics") || len(e) > maxErrorBytes+len("…") {
		t.Errorf("its error is %q", e)
	}
	for _, address := range []string{
		"me-geheim:pw-geheim@127.0.0.1:1/m", "ftp://me-geheim:pw-geheim@x/m", "http://me-geheim:pw-geheim@x:y/m",
		"http:///m?api_key=key-geheim", "http://me:geheim@\x7f/", "//x?geheim",
	} {
		_, err := New(Source{Metrics: []string{address}})
		if err == nil || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "like http://") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := New(Source{Metrics: []string{"127.0.0.1:4195"}}); err == nil || !strings.Contains(err.Error(), `"127.0.0.1:4195"`) {
		t.Errorf("an address without a secret: %v", err)
	}
}

// What would break: a pipeline's address leads the dashboard to other servers, such
// as those that only this machine can reach, or gives them a password.
func TestRedirectsOfMetrics(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server was asked for %s", r.URL)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			http.Redirect(w, r, "/metrics/", http.StatusMovedPermanently)
		case "/metrics/":
			fmt.Fprintln(w, "sentiment_window_points 7")
		case "/away":
			http.Redirect(w, r, elsewhere.URL+"/secret?key=geheim", http.StatusFound)
		case "/up":
			http.Redirect(w, r, "https://"+r.Host+"/metrics/", http.StatusTemporaryRedirect)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/metrics": "", "/away": "another server, " + elsewhere.URL + ",", "/up": "another server, https://", "/round": "more than 3 times",
	} {
		v := newTestView(t, Source{Metrics: []string{server.URL + path}})
		v.read(t.Context())
		got := v.Look(0).Endpoints[0].Error
		if (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "geheim") {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
