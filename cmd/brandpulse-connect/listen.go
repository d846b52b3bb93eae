package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// If its HTTP server cannot start, Benthos logs that and runs the pipeline without metrics
// and health checks: nobody notices until an alert is missing. So the address is tested
// before Benthos starts, and a later error of the server ends the process.

// httpSettings are the settings of a command's HTTP server.
type httpSettings struct {
	enabled           bool
	address           string
	certFile, keyFile string
	basicAuth         bool
	file              string   // the file that sets the address, if any does
	variables         []string // the environment variables in the address
}

// httpOf reads the settings from the files of a command and from --set.
func httpOf(c *cli.Context, linter *configlint.Linter, files []string) httpSettings {
	h := httpSettings{enabled: true, address: localAddress}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // Benthos reports it.
		}
		h.read(linter, file, text)
	}
	for _, assignment := range anySlice(c, "set") {
		if path, value, ok := strings.Cut(assignment, "="); ok && h.set(path, value) {
			h.file, h.variables = "", nil
		}
	}
	return h
}

// read applies the settings of a file.
func (h *httpSettings) read(linter *configlint.Linter, file string, text []byte) {
	for path, value := range linter.Values(text, "http.enabled", "http.address", "http.cert_file", "http.key_file", "http.basic_auth.enabled") {
		if h.set(path, value.Text) {
			h.file, h.variables = file, value.Variables
		}
	}
}

// set applies one setting, and reports whether it is the address.
func (h *httpSettings) set(path, value string) bool {
	switch path {
	case "http.enabled":
		if enabled, err := strconv.ParseBool(value); err == nil {
			h.enabled = enabled
		}
	case "http.address":
		h.address = value
		return true
	case "http.cert_file":
		h.certFile = value
	case "http.key_file":
		h.keyFile = value
	case "http.basic_auth.enabled":
		h.basicAuth, _ = strconv.ParseBool(value)
	}
	return false
}

// hasTLS reports whether the server speaks TLS.
func (h httpSettings) hasTLS() bool { return h.certFile != "" && h.keyFile != "" }

// try returns an error if the server could not start.
func (h httpSettings) try() error {
	if !h.enabled {
		return nil
	}
	address := h.address
	if address == "" {
		address = ":http" // as net/http does
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return h.cannotListen(address, err)
	}
	listener.Close()
	if h.hasTLS() {
		if _, err := tls.LoadX509KeyPair(h.certFile, h.keyFile); err != nil {
			return fmt.Errorf("the HTTP server cannot use http.cert_file %s with http.key_file %s: %w", h.certFile, h.keyFile, err)
		}
	}
	return nil
}

func (h httpSettings) cannotListen(address string, err error) error {
	why := err.Error()
	if operation := (*net.OpError)(nil); errors.As(err, &operation) {
		why = operation.Err.Error()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "another program listens there"
	case errors.Is(err, syscall.EACCES):
		why = "permission denied; ports below 1024 are reserved for root"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = "no network interface of this machine has that address"
	}
	free := freeNear(address)
	var to string
	switch {
	case len(h.variables) > 0:
		to = fmt.Sprintf("Choose another address with the environment variable %s, such as %s=%s", h.variables[0], h.variables[0], free)
	case h.file != "":
		to = fmt.Sprintf("Choose another http.address in %s, such as %s", h.file, free)
	default:
		to = fmt.Sprintf("Choose another address, such as --set http.address=%s", free)
	}
	return fmt.Errorf("the HTTP server for metrics and health checks cannot listen on %s: %s. %s", address, why, to)
}

// freeNear returns a free address near one that is not.
func freeNear(address string) string {
	host, port, err := net.SplitHostPort(address)
	number, numberErr := strconv.Atoi(port)
	if err != nil || numberErr != nil || number < 1024 {
		host, number = "127.0.0.1", 4195
	}
	for _, host := range []string{host, "127.0.0.1"} {
		for near := number + 1; near <= min(number+50, 65535); near++ {
			candidate := net.JoinHostPort(host, strconv.Itoa(near))
			if listener, err := net.Listen("tcp", candidate); err == nil {
				listener.Close()
				return candidate
			}
		}
	}
	return "127.0.0.1:PORT"
}

// serverWatch ends the process if Benthos logs that its HTTP server has failed: another
// process can take the port after it was tested. It handles all log lines.
type serverWatch struct {
	failure atomic.Pointer[string]
	stop    func()
}

// failed is the beginning of Benthos's message.
const failed = "HTTP Server error: "

func (w *serverWatch) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (w *serverWatch) Handle(_ context.Context, record slog.Record) error {
	if why, is := strings.CutPrefix(record.Message, failed); is {
		why = strings.TrimSpace(why)
		if w.failure.CompareAndSwap(nil, &why) {
			w.stop()
		}
	}
	return nil
}

func (w *serverWatch) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *serverWatch) WithGroup(string) slog.Handler      { return w }

// err returns the error of the server, or nil if it has not failed.
func (w *serverWatch) err() error {
	if why := w.failure.Load(); why != nil {
		return fmt.Errorf("the HTTP server for metrics and health checks has failed: %s. Fix the settings below http, or set http.enabled to false", *why)
	}
	return nil
}

// stopGracefully sends SIGTERM to this process, so that Benthos finishes in-flight work.
// Before Benthos handles signals the process ends at once; nothing is in flight then.
func stopGracefully() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGTERM)
	}
	if err != nil {
		os.Exit(1)
	}
}
