package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// If this fails, doctor takes a pipeline whose HTTP server uses TLS or a password for
// another program that has its port, or another program for a pipeline.
func TestAPipelineAnswers(t *testing.T) {
	pong := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pong") })
	password := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="restricted", charset="UTF-8"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	for name, c := range map[string]struct {
		start    func(http.Handler) *httptest.Server
		handler  http.Handler
		settings httpSettings
		want     bool
	}{
		"plain":                  {httptest.NewServer, pong, httpSettings{}, true},
		"TLS":                    {httptest.NewTLSServer, pong, httpSettings{certFile: "c", keyFile: "k"}, true},
		"a password":             {httptest.NewServer, password, httpSettings{basicAuth: true}, true},
		"a password and TLS":     {httptest.NewTLSServer, password, httpSettings{certFile: "c", keyFile: "k", basicAuth: true}, true},
		"another one's password": {httptest.NewServer, password, httpSettings{}, false},
		"another program":        {httptest.NewServer, http.NotFoundHandler(), httpSettings{basicAuth: true}, false},
	} {
		server := c.start(c.handler)
		defer server.Close()
		c.settings.address = server.Listener.Addr().String()
		if got := c.settings.answers(t.Context()); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// If this fails, doctor warns of a password that does not leave this machine, or not of one
// that does.
func TestBeyondThisMachine(t *testing.T) {
	for address, want := range map[string]bool{
		"localhost": false, "localhost:1": false, "127.0.0.1:1": false, "[::1]:1": false, "[::1]": false, "::1": false,
		"example.com": true, "example.com:1": true, "192.0.2.1": true, "[2001:db8::1]": true,
	} {
		if got := beyondThisMachine(address); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}
