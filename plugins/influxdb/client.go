package influxdb

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxAnswer is how much of a response is read: enough for InfluxDB 3's errors about
	// 5,000 lines.
	maxAnswer = 1 << 20
	// minGzip is the smallest body that is compressed: one packet.
	minGzip = 1400
	// minExpect is the smallest body that is announced with Expect: 100-continue. A
	// server that rejects a body as too large responds and closes the connection. While
	// the body is being written, that looks like a network failure, and the request
	// would be retried forever.
	minExpect = 256 << 10
)

// client sends requests. It does not interpret the responses.
type client struct {
	http *http.Client
	*endpoint
	gzip    bool
	timeout time.Duration
	hide    func(string) string // masks secrets in responses; nil: there are none
	// noExpect is true if the server or a proxy does not support Expect: 100-continue.
	noExpect atomic.Bool

	bodies sync.Pool // of *compressed
}

// compressed is a gzip writer with the buffer that it fills.
type compressed struct {
	buf bytes.Buffer
	zip *gzip.Writer
}

func newClient(conf config) *client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	proxy := http.ProxyFromEnvironment
	if conf.proxy != nil {
		proxy = http.ProxyURL(conf.proxy)
	}
	create := func() *http.Transport {
		return &http.Transport{
			Proxy:                 proxy,
			DialContext:           dialer.DialContext,
			TLSClientConfig:       conf.secure(),
			TLSHandshakeTimeout:   10 * time.Second,
			ForceAttemptHTTP2:     true,
			HTTP2:                 &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
			MaxIdleConns:          2 * conf.requestsInFlight,
			MaxIdleConnsPerHost:   2 * conf.requestsInFlight,
			IdleConnTimeout:       90 * time.Second,
			ExpectContinueTimeout: time.Second,
			DisableCompression:    true,
			// 1.8 repeats all malformed lines in a response header.
			MaxResponseHeaderBytes: 1<<20 + 2*int64(conf.maxBodyBytes),
		}
	}
	c := &client{
		http: &http.Client{
			Transport: newTransport(create),
			// The token is only sent to the configured host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		endpoint: newEndpoint(conf),
		gzip:     conf.gzip,
		timeout:  conf.timeout,
		hide:     masking(conf),
	}
	c.bodies.New = func() any {
		body := new(compressed)
		body.zip, _ = gzip.NewWriterLevel(&body.buf, gzip.BestSpeed) // fails only for an invalid level
		return body
	}
	return c
}

// secure returns settings of TLS that the caller may change.
func (c config) secure() *tls.Config {
	if c.tls == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c.tls.Clone()
}

// post sends points of a bucket in one request, gzipped if configured, and returns the
// response and the size of the body on the wire. A request without points tests
// address, token and bucket and writes nothing.
func (c *client) post(ctx context.Context, bucket string, points []byte) (a answer, sent int) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	body := points
	if c.gzip && len(points) >= minGzip {
		packed := c.bodies.Get().(*compressed)
		defer c.bodies.Put(packed)
		packed.buf.Reset()
		packed.zip.Reset(&packed.buf)
		_, _ = packed.zip.Write(points) // a bytes.Buffer never fails
		_ = packed.zip.Close()
		body = packed.buf.Bytes()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.write(bucket), nil)
	if err != nil {
		return answer{err: err}, 0
	}
	if len(body) > 0 {
		loan := &loan{bytes: body}
		defer loan.end()
		request.Body, request.ContentLength = loan.reader(), int64(len(body))
		request.GetBody = func() (io.ReadCloser, error) { return loan.reader(), nil }
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	if len(body) != len(points) {
		request.Header.Set("Content-Encoding", "gzip")
	}
	if len(body) >= minExpect && !c.noExpect.Load() {
		request.Header.Set("Expect", "100-continue")
	}
	// A connection that no other request uses; see inTurn.
	request.Close = ctx.Value(unsharedKey{}) != nil
	a = c.do(request)
	if a.status == http.StatusExpectationFailed && request.Header.Get("Expect") != "" {
		// RFC 9110, 10.1.1: retry without it.
		c.noExpect.Store(true)
		request = request.Clone(ctx)
		request.Header.Del("Expect")
		request.Body, _ = request.GetBody() // it is set, and never fails
		a = c.do(request)
	}
	return a, len(body)
}

// do sends a request with the configured credentials.
func (c *client) do(request *http.Request) answer {
	c.sign(request)
	response, err := c.http.Do(request)
	if err != nil {
		// A *url.Error repeats method and address, which are in the log line.
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return answer{err: err, hide: c.hide}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	// The rest is read so that the connection can be reused, up to a limit.
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	return answer{status: response.StatusCode, header: response.Header, body: decompressed(body, response.Header.Get("Content-Encoding")), hide: c.hide}
}

// decompressed returns the beginning of a body that a gateway has compressed without
// being asked. A body that cannot be decompressed is returned unchanged.
func decompressed(body []byte, encoding string) []byte {
	var (
		reader io.Reader
		err    error
	)
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	switch {
	case encoding == "zstd", bytes.HasPrefix(body, []byte("\x28\xb5\x2f\xfd")):
		var decoder *zstd.Decoder
		if decoder, err = zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8*maxAnswer)); err == nil {
			defer decoder.Close()
			reader = decoder
		}
	case encoding == "gzip", encoding == "x-gzip", bytes.HasPrefix(body, []byte("\x1f\x8b")):
		reader, err = gzip.NewReader(bytes.NewReader(body))
	case encoding == "deflate": // with the header of zlib by the standard, without it by some servers
		if reader, err = zlib.NewReader(bytes.NewReader(body)); err != nil {
			reader, err = flate.NewReader(bytes.NewReader(body)), nil
		}
	default:
		return body
	}
	if err != nil {
		return body
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxAnswer))
	if err != nil && len(content) == 0 {
		return body
	}
	return content
}

// ask sends a request to the management API, with a JSON body or none.
func (c *client) ask(ctx context.Context, method, path string, query url.Values, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.at(path, query), bytes.NewReader(body))
	if err != nil {
		return answer{err: fmt.Errorf("creating a request: %w", err)}
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.do(request)
}

func (c *client) close() { c.http.CloseIdleConnections() }

// loan lends the bytes of a body to the transport. The transport may still read after
// the request has ended, when the buffer is back in its pool; end prevents it.
type loan struct {
	mu    sync.Mutex
	bytes []byte
}

func (l *loan) reader() io.ReadCloser { return &loanReader{loan: l} }

func (l *loan) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes = nil
}

type loanReader struct {
	loan *loan
	at   int
}

func (r *loanReader) Read(p []byte) (int, error) {
	r.loan.mu.Lock()
	defer r.loan.mu.Unlock()
	if r.at >= len(r.loan.bytes) {
		return 0, io.EOF
	}
	n := copy(p, r.loan.bytes[r.at:])
	r.at += n
	return n, nil
}

func (r *loanReader) Close() error { return nil }
