// Package linewrite writes lines to InfluxDB for the command dlq: few, one request at a
// time, and with a result for each.
package linewrite

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options are the address and the credentials of a bucket.
type Options struct {
	URL      string
	Org      string
	Bucket   string // with V1: DATABASE or DATABASE/POLICY
	Token    string
	Username string // instead of Token
	Password string
	V1       bool // write to /write
	Headers  map[string]string
	TLS      *tls.Config // nil: the defaults
	Proxy    *url.URL    // nil: from the environment
}

// Bounds of a write.
const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 64 << 10
	maxShownAnswer = 500
	attempts       = 5
	firstWait      = 500 * time.Millisecond
	maxWait        = 30 * time.Second
)

// Writer writes lines to one bucket.
type Writer struct {
	options Options
	address *url.URL
	http    *http.Client
	wait    time.Duration // after the first attempt
}

// New returns a Writer. It sends nothing.
func New(o Options) (*Writer, error) {
	base, err := url.Parse(o.URL)
	if err == nil && (base.Scheme != "http" && base.Scheme != "https" || base.Host == "") {
		err = errors.New("it must begin with http:// or https:// and name a host")
	}
	if err != nil {
		return nil, fmt.Errorf("the address of InfluxDB is not one: %w", withoutURL(err))
	}
	query := url.Values{"precision": {"ns"}}
	path := "/api/v2/write"
	if o.V1 || o.Username != "" {
		path = "/write"
		database, policy, named := strings.Cut(o.Bucket, "/")
		query.Set("db", database)
		if named {
			query.Set("rp", policy)
		}
	} else {
		query.Set("bucket", o.Bucket)
		if o.Org != "" {
			query.Set("org", o.Org)
		}
	}
	address := base.JoinPath(path)
	address.RawQuery = query.Encode()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = o.TLS
	if o.Proxy != nil {
		transport.Proxy = http.ProxyURL(o.Proxy)
	}
	return &Writer{options: o, address: address, wait: firstWait, http: &http.Client{
		Transport: transport, Timeout: requestTimeout,
		// The token is only sent to the configured host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Where names the bucket and the server, without credentials.
func (w *Writer) Where() string {
	return fmt.Sprintf("the bucket %s of InfluxDB at %s://%s", w.options.Bucket, w.address.Scheme, w.address.Host)
}

// Close closes the connections.
func (w *Writer) Close() { w.http.CloseIdleConnections() }

// Refusal is InfluxDB's rejection of a line.
type Refusal struct {
	Why string // in InfluxDB's words, or the status if it has none
	// Doubtful is true if an earlier request with the line was not answered. It may be
	// applied yet.
	Doubtful bool
}

// Write writes lines. refused has those that InfluxDB rejects by themselves, by their
// positions. All others are stored, unless there is an error: then each may be stored or
// not.
func (w *Writer) Write(ctx context.Context, lines [][]byte) (refused map[int]Refusal, err error) {
	refused = map[int]Refusal{}
	return refused, w.part(ctx, lines, 0, false, refused)
}

// part writes some lines, and halves of them if InfluxDB rejects any: its answer is about
// the first error only. Good lines are written again, which changes nothing.
func (w *Writer) part(ctx context.Context, lines [][]byte, first int, doubtful bool, refused map[int]Refusal) error {
	a, unanswered, err := w.insist(ctx, bytes.Join(lines, []byte("\n")))
	doubtful = doubtful || unanswered
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNoContent:
		return nil
	case !a.ofPoint():
		return fmt.Errorf("writing %d lines to %s: it responds %s. %s", len(lines), w.Where(), a, a.advice())
	case len(lines) == 1:
		refused[first] = Refusal{Why: cmp.Or(a.text, a.String()), Doubtful: doubtful}
		return nil
	}
	half := len(lines) / 2
	if err := w.part(ctx, lines[:half], first, doubtful, refused); err != nil {
		return err
	}
	return w.part(ctx, lines[half:], first+half, doubtful, refused)
}

// insist repeats a request while InfluxDB is not ready. unanswered reports whether an
// earlier one may be applied later: InfluxDB or a gateway may still have it.
func (w *Writer) insist(ctx context.Context, body []byte) (a answer, unanswered bool, err error) {
	wait := w.wait
	for attempt := 1; ; attempt++ {
		a, err = w.post(ctx, body)
		switch {
		case err == nil && !a.temporary():
			return a, unanswered, nil
		case err == nil:
			err = fmt.Errorf("it responds %s", a)
		}
		unanswered = unanswered || !neverSent(err) && a.status != http.StatusTooManyRequests
		if attempt < attempts {
			select {
			case <-ctx.Done():
			case <-time.After(min(max(wait, a.after), maxWait)):
				wait *= 2
				continue
			}
		}
		return a, unanswered, fmt.Errorf("writing to %s, %d attempts: %w. Run it again with the same settings when InfluxDB is ready: the lines may be stored or not", w.Where(), attempt, err)
	}
}

// neverSent reports whether a request failed before there was a connection.
func neverSent(err error) bool {
	var at *net.OpError
	return errors.As(err, &at) && at.Op == "dial"
}

func (w *Writer) post(ctx context.Context, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address.String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, withoutURL(err)
	}
	request.Header.Set("User-Agent", "brandpulse-connect")
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, value := range w.options.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	switch o := &w.options; {
	case o.Username != "":
		request.SetBasicAuth(o.Username, o.Password)
	case o.Token != "":
		request.Header.Set("Authorization", "Token "+o.Token)
	}
	response, err := w.http.Do(request)
	if err != nil {
		return answer{}, withoutURL(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // an answer that is cut is still one
	return answerOf(response, text), nil
}

// withoutURL returns an error without the address, which may contain a password.
func withoutURL(err error) error {
	var whole *url.Error
	if errors.As(err, &whole) {
		return whole.Err
	}
	return err
}

// answer is a response.
type answer struct {
	status int
	text   string
	after  time.Duration // how long the server asks to wait
}

func answerOf(response *http.Response, body []byte) answer {
	a := answer{status: response.StatusCode, text: strings.TrimSpace(string(body))}
	var object struct{ Message, Error string }
	if json.Unmarshal(body, &object) == nil && object.Message+object.Error != "" {
		a.text = object.Message
		if a.text == "" {
			a.text = object.Error
		}
	}
	if len(a.text) > maxShownAnswer {
		a.text = strings.ToValidUTF8(a.text[:maxShownAnswer], "") + "…"
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.after = time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
	}
	return a
}

func (a answer) String() string {
	text := strconv.Itoa(a.status) + " " + http.StatusText(a.status)
	if a.text != "" {
		text += ": " + a.text
	}
	return text
}

// faults are the beginnings of errors about a point, after the part of InfluxDB that
// reports them.
var faults = []string{
	"partial write: ", "field type conflict", "points beyond retention policy", "unable to parse '",
	"max-series-per-database limit exceeded", "max-values-per-tag limit exceeded",
}

// ofPoint reports whether a point is at fault. An error that is not known to be about a
// point may be about the request: then the points need not be.
func (a answer) ofPoint() bool {
	if a.status == http.StatusRequestEntityTooLarge {
		return true
	}
	if a.status < 400 {
		return false
	}
	text := a.text
	for _, origin := range []string{"unexpected error writing points to database: ", "failure writing points to database: ", "write failed: ", "engine: "} {
		text = strings.TrimPrefix(text, origin)
	}
	for _, fault := range faults {
		if strings.HasPrefix(text, fault) {
			return !strings.Contains(text, "is pending deletion") // a shard that will be recreated
		}
	}
	return false
}

func (a answer) temporary() bool {
	if a.ofPoint() {
		return false
	}
	switch a.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return a.status >= 500 && !strings.Contains(a.text, "retention policy not found") || strings.Contains(a.text, "is pending deletion")
}

func (a answer) advice() string {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "Check the token, which must be allowed to write to the bucket"
	case http.StatusNotFound:
		return "Check the names of the bucket and the organisation, and the address"
	}
	return "Correct the address, the bucket or the line, and run it again"
}
