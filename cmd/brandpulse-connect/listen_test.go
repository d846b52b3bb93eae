package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// taken returns an address that this test listens on.
func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// If this fails, another process takes the port after it was tested, and the pipeline
// runs without metrics for good; or Benthos has changed its message.
func TestARunEndsWithItsHTTPServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watch := &serverWatch{stop: cancel}
	_, err := service.RunCLIToCode(ctx, append(stockOptions(&environment{}),
		service.CLIOptSetArgs(binaryName, "run", "--set", "http.address="+taken(t),
			"--set", "input.generate.mapping=root = 1", "--set", "output.drop={}", "--set", "shutdown_timeout=30s"),
		service.CLIOptAddTeeLogger(slog.New(watch)),
		service.CLIOptOnStreamStart(func(*service.RunningStreamSummary) error { return watch.err() }),
	)...)
	if watch.err() == nil || !strings.Contains(watch.err().Error(), "address already in use") {
		t.Fatalf("the server could not listen; the run ended with %v, and the watch has %v", err, watch.err())
	}
}

// If this fails, a pipeline stops for a log line that is not about its HTTP server.
func TestAServerThatWorksIsNotReported(t *testing.T) {
	watch := &serverWatch{stop: func() { t.Error("stopped") }}
	logger := slog.New(watch).With("a", "b").WithGroup("g")
	logger.Error("Failed to connect")
	logger.Info(failed + "at a lower level")
	if err := watch.err(); err != nil {
		t.Error(err)
	}
}

// If this fails, a run starts without its HTTP server, or does not start although the
// address is free.
func TestOnlyAnEnabledServerIsTried(t *testing.T) {
	address := taken(t)
	for name, c := range map[string]struct {
		settings httpSettings
		says     []string
	}{
		"taken, by a variable": {httpSettings{enabled: true, address: address, variables: []string{"ADDRESS"}}, []string{address, "another program listens there", "ADDRESS=127.0.0.1:"}},
		"taken, by a file":     {httpSettings{enabled: true, address: address, file: "a.yaml"}, []string{"http.address in a.yaml, such as 127.0.0.1:"}},
		"taken, by default":    {httpSettings{enabled: true, address: address}, []string{"--set http.address=127.0.0.1:"}},
		"of another machine":   {httpSettings{enabled: true, address: "192.0.2.1:4195"}, []string{"no network interface"}},
		"no port":              {httpSettings{enabled: true, address: "localhost"}, []string{"missing port"}},
		"no certificate":       {httpSettings{enabled: true, address: "127.0.0.1:0", certFile: "/no.pem", keyFile: "/no.key"}, []string{"http.cert_file /no.pem", "no such file"}},
		"disabled":             {httpSettings{address: address}, nil},
		"free":                 {httpSettings{enabled: true, address: "127.0.0.1:0"}, nil},
	} {
		err := c.settings.try()
		if (err != nil) != (c.says != nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range c.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
	}
}
