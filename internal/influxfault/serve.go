package influxfault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// applyTimeout is how long InfluxDB may take for a request.
const applyTimeout = 30 * time.Second

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		panic(http.ErrAbortHandler)
	}
	defer p.handlers.Done()
	e := &exchange{Proxy: p, w: w, r: r}
	if r.Method != http.MethodPost || r.URL.Path != "/api/v2/write" && r.URL.Path != "/write" {
		e.pass()
		return
	}
	p.change(func(s *Stats) { s.Under++ })
	defer p.change(func(s *Stats) { s.Under-- })
	e.fault = p.next(r)
	switch e.fault.Kind {
	case Unavailable, TooMany, TooLarge, Unauthorized, ResetBefore, Hang, Page, Lie:
		e.keepAway()
	default:
		e.apply()
	}
}

// exchange is one request on its way through the proxy.
type exchange struct {
	*Proxy
	w     http.ResponseWriter
	r     *http.Request
	fault Fault
}

// pass forwards a request that does not write.
func (e *exchange) pass() {
	body, err := io.ReadAll(e.r.Body)
	if err != nil {
		return // the client has disconnected
	}
	if response := e.forward(body); response != nil {
		e.answer(response)
	}
}

// keepAway simulates a fault in which nothing reaches InfluxDB.
func (e *exchange) keepAway() {
	e.happens()
	switch e.fault.Kind {
	case Unavailable:
		e.askForTime()
		e.refuse(http.StatusServiceUnavailable, "unavailable")
	case TooMany:
		e.askForTime()
		e.refuse(http.StatusTooManyRequests, "too many requests")
	case TooLarge:
		e.refuse(http.StatusRequestEntityTooLarge, "request too large")
	case Unauthorized:
		e.refuse(http.StatusUnauthorized, "unauthorized")
	case ResetBefore:
		_, _ = io.CopyN(io.Discard, e.r.Body, e.r.ContentLength/2) // less if the client has disconnected
		e.reset()
	case Hang:
		_, _ = io.Copy(io.Discard, e.r.Body) // otherwise a disconnect of the client is not noticed
		e.hang()
	case Page:
		_, _ = io.Copy(io.Discard, e.r.Body)
		e.w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(e.w, "<html><body>Welcome! Please log in.</body></html>")
	case Lie:
		_, _ = io.Copy(io.Discard, e.r.Body)
		e.w.WriteHeader(http.StatusNoContent)
	}
}

// apply simulates a fault in which the request reaches InfluxDB.
func (e *exchange) apply() {
	body, err := e.read()
	if err != nil {
		e.change(func(s *Stats) { s.Unread++ })
		panic(http.ErrAbortHandler)
	}
	if e.fault.Kind == HoldRequest {
		e.happens()
		if !e.hold(context.Background()) {
			panic(http.ErrAbortHandler) // the proxy stops
		}
	}
	response := e.forward(body)
	if response == nil {
		return
	}
	if response.StatusCode == http.StatusNoContent {
		e.note(e.r.Header, body)
	}
	if e.fault.Kind != HoldRequest {
		e.happens()
	}
	switch e.fault.Kind {
	case ApplyHang:
		e.hang()
	case ApplyError:
		e.refuse(http.StatusInternalServerError, "internal error")
	case ResetAfter:
		e.reset()
	case HalfAnswer:
		e.half(response)
	case HalfError:
		e.half(gatewayError())
	case SlowAnswer:
		e.dribble(response)
	case HoldAnswer:
		if !e.hold(e.r.Context()) {
			panic(http.ErrAbortHandler) // the client has disconnected, or the proxy stops
		}
		e.answer(response)
	default:
		e.answer(response)
	}
}

// happens counts the fault, if the request has points.
func (e *exchange) happens() {
	if e.r.ContentLength != 0 {
		e.change(func(s *Stats) { s.happened[e.fault.Kind]++ })
	}
}

// read reads the body, slowly if that is the fault. It returns an error if the body is
// incomplete.
func (e *exchange) read() ([]byte, error) {
	if e.fault.Kind != SlowRequest {
		return io.ReadAll(e.r.Body)
	}
	const steps = 10
	var body bytes.Buffer
	for range steps {
		e.sleep(e.fault.Time / steps)
		if _, err := io.CopyN(&body, e.r.Body, e.r.ContentLength/steps); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	_, err := io.Copy(&body, e.r.Body)
	return body.Bytes(), err
}

// answer is InfluxDB's response, with its body read.
type answer struct {
	*http.Response
	body []byte
}

// forward sends the request to InfluxDB, whether the client is connected or not. If
// InfluxDB does not respond, it responds itself and returns nil.
func (e *exchange) forward(body []byte) *answer {
	ctx, cancel := context.WithTimeout(context.Background(), applyTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, e.r.Method, e.upstream+e.r.URL.RequestURI(), bytes.NewReader(body))
	if err == nil {
		request.Header = e.r.Header.Clone()
		request.Header.Del("Expect") // the body has been read
		var response *http.Response
		if response, err = e.transport.RoundTrip(request); err == nil {
			defer response.Body.Close()
			var content []byte
			if content, err = io.ReadAll(response.Body); err == nil {
				return &answer{response, content}
			}
		}
	}
	e.fail(fmt.Errorf("forwarding to InfluxDB: %w", err))
	e.w.WriteHeader(http.StatusBadGateway)
	return nil
}

func (e *exchange) answer(a *answer) {
	maps.Copy(e.w.Header(), a.Header)
	e.w.WriteHeader(a.StatusCode)
	_, _ = e.w.Write(a.body) // the client may have disconnected
}

// askForTime sets Retry-After.
func (e *exchange) askForTime() {
	if seconds := int(e.fault.Time / time.Second); seconds > 0 {
		e.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}

// refuse responds with an error as InfluxDB 2 does.
func (e *exchange) refuse(status int, code string) {
	e.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	e.w.WriteHeader(status)
	fmt.Fprintf(e.w, `{"code":%q,"message":"made by the faulty proxy"}`, code)
}

// hang waits until the client disconnects.
func (e *exchange) hang() {
	select {
	case <-e.r.Context().Done():
	case <-e.ctx.Done():
	}
	panic(http.ErrAbortHandler)
}

// hold waits for Release. It returns false if ctx or the proxy has ended before.
func (e *exchange) hold(ctx context.Context) bool {
	e.mu.Lock()
	release := e.release
	e.stats.Held++
	e.mu.Unlock()
	defer e.change(func(s *Stats) { s.Held-- })
	select {
	case <-release:
		return true
	case <-ctx.Done():
	case <-e.ctx.Done():
	}
	return false
}

func (e *exchange) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-e.ctx.Done():
	}
}

// take takes the connection over from the HTTP server.
func (e *exchange) take() *net.TCPConn {
	connection, _, err := http.NewResponseController(e.w).Hijack()
	if err != nil {
		e.fail(fmt.Errorf("taking over a connection: %w", err))
		panic(http.ErrAbortHandler)
	}
	return connection.(*net.TCPConn)
}

// reset closes the connection with a RST, as a crash or a firewall does.
func (e *exchange) reset() {
	connection := e.take()
	_ = connection.SetLinger(0)
	_ = connection.Close()
}
