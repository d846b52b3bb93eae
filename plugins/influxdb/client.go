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
	// maxAnswer is how much of an answer's body is read: enough for what InfluxDB
	// 3 says of each of 5,000 lines.
	maxAnswer = 1 << 20
	// minGzip is the smallest body that is worth compressing: one packet.
	minGzip = 1400
	// minExpect is from where on the server is asked before the body is sent.
	// A server that finds a body too large answers and closes the connection;
	// while the body is still being written, that looks like a broken network,
	// and the same bytes would be sent again and again.
	minExpect = 256 << 10
)

// client makes one request at a time for each caller, and knows nothing of what
// its answer means.
type client struct {
	http *http.Client
	*endpoint
	gzip    bool
	timeout time.Duration
	hide    func(string) string // masks secrets in answers; nil: there are none
	// noExpect is whether something on the way does not know Expect: 100-continue.
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
	secure := conf.tls
	if secure == nil {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	create := func() *http.Transport {
		return &http.Transport{
			Proxy:                 proxy,
			DialContext:           dialer.DialContext,
			TLSClientConfig:       secure.Clone(),
			TLSHandshakeTimeout:   10 * time.Second,
			ForceAttemptHTTP2:     true,
			HTTP2:                 &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
			MaxIdleConns:          2 * conf.requestsInFlight,
			MaxIdleConnsPerHost:   2 * conf.requestsInFlight,
			IdleConnTimeout:       90 * time.Second,
			ExpectContinueTimeout: time.Second,
			DisableCompression:    true,
			// 1.8 repeats malformed lines in a header of its answer, all of them.
			MaxResponseHeaderBytes: 1<<20 + 2*int64(conf.maxBodyBytes),
		}
	}
	c := &client{
		http: &http.Client{
			Transport: newTransport(create),
			// The token goes to the host that it was given for, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		endpoint: newEndpoint(conf),
		gzip:     conf.gzip,
		timeout:  conf.timeout,
		hide:     masking(conf),
	}
	c.bodies.New = func() any {
		body := new(compressed)
		body.zip, _ = gzip.NewWriterLevel(&body.buf, gzip.BestSpeed) // errs on a wrong level alone
		return body
	}
	return c
}

// post sends points of a bucket in one request, gzipped if that is asked for, and
// returns the answer and how many bytes the body had on the wire. No points make
// a request that tries address, token and bucket and writes nothing.
func (c *client) post(ctx context.Context, bucket string, points []byte) (a answer, sent int) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	body := points
	if c.gzip && len(points) >= minGzip {
		packed := c.bodies.Get().(*compressed)
		defer c.bodies.Put(packed)
		packed.buf.Reset()
		packed.zip.Reset(&packed.buf)
		_, _ = packed.zip.Write(points) // a bytes.Buffer takes all
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
	// A connection that is not used by others, see alone.
	request.Close = ctx.Value(unsharedKey{}) != nil
	a = c.do(request)
	if a.status == http.StatusExpectationFailed && request.Header.Get("Expect") != "" {
		// RFC 9110, 10.1.1: repeat it without.
		c.noExpect.Store(true)
		request = request.Clone(ctx)
		request.Header.Del("Expect")
		request.Body, _ = request.GetBody() // there is one, and its reader is always made
		a = c.do(request)
	}
	return a, len(body)
}

// do makes a request in the name of the user.
func (c *client) do(request *http.Request) answer {
	c.sign(request)
	response, err := c.http.Do(request)
	if err != nil {
		// A *url.Error repeats method and address, which the log line has.
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return answer{err: err, hide: c.hide}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	// What is left over is read, so that the connection can be used again, but
	// not for ever.
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	return answer{status: response.StatusCode, header: response.Header, body: decompressed(body, response.Header.Get("Content-Encoding")), hide: c.hide}
}

// decompressed returns the beginning of a body that a gateway has compressed,
// although nobody asked for that; what cannot be read stays as it is.
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

// ask makes a request of the management API, with a JSON body or none.
func (c *client) ask(ctx context.Context, method, path string, query url.Values, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.at(path, query), bytes.NewReader(body))
	if err != nil {
		return answer{err: fmt.Errorf("making a request: %w", err)}
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.do(request)
}

func (c *client) close() { c.http.CloseIdleConnections() }

// loan lends the bytes of a body to the transport, which may go on reading for
// a while after it has given up a request, when the buffer is back in its pool.
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
