package influxdb

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// pingAfter and pingTimeout bound how long an HTTP/2 connection without frames from
	// the server counts as alive. They are below the default time-out of a request, so
	// that most requests detect a network failure earlier.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
)

// transport replaces its connections when a request has timed out.
//
// After a network failure, a request on an existing connection gets no response. HTTP/2
// sends all requests on one connection and keeps it when a request times out, so each
// retry would use the dead connection. HTTP/1.1 closes the connection of the request, and
// would try the other idle ones, with one time-out each. A new http.Transport has no
// connections.
type transport struct {
	create func() *http.Transport

	mu      sync.Mutex
	current *http.Transport
}

func newTransport(create func() *http.Transport) *transport {
	return &transport{create: create, current: create()}
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.mu.Lock()
	current := t.current
	t.mu.Unlock()
	response, err := current.RoundTrip(request)
	if timedOut(request.Context(), err) {
		t.replace(current)
		return response, err
	}
	if err == nil {
		response.Body = &watchedBody{response.Body, func(err error) {
			if timedOut(request.Context(), err) {
				t.replace(current)
			}
		}}
	}
	return response, err
}

// watchedBody reports errors while a response is read.
type watchedBody struct {
	io.ReadCloser
	failed func(error)
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed(err)
	}
	return n, err
}

// replace replaces an http.Transport by a new one. Requests in flight may still finish;
// idle connections close by their own time-outs.
func (t *transport) replace(dead *http.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == dead {
		t.current = t.create()
	}
	dead.CloseIdleConnections()
}

// CloseIdleConnections is called by http.Client's method of that name.
func (t *transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current.CloseIdleConnections()
}

// timedOut reports whether a request has failed because there was no response. One that
// its caller has cancelled has not.
func timedOut(ctx context.Context, err error) bool {
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	if ctx.Err() != nil {
		return true
	}
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
