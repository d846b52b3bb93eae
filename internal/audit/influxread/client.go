package influxread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Query languages.
const (
	InfluxQL = "influxql"
	Flux     = "flux"
)

// The server must begin to respond within this time. The length of the response is
// limited by the caller's context only.
const headerTimeout = 2 * time.Minute

func newClient(o Options) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headerTimeout
	transport.TLSClientConfig = o.TLS
	if o.Proxy != nil {
		transport.Proxy = http.ProxyURL(o.Proxy)
	}
	return &http.Client{Transport: transport, CheckRedirect: sameHost}
}

// sameHost rejects redirects that would send the token to another host, or turn a query
// into a GET of another path.
func sameHost(request *http.Request, via []*http.Request) error {
	switch first := via[0]; {
	case request.URL.Host != first.URL.Host || request.URL.Scheme != first.URL.Scheme:
		return fmt.Errorf("InfluxDB redirects to another server, %s://%s, which is not followed. Set the address to that of the server itself", request.URL.Scheme, request.URL.Host)
	case request.Method != first.Method || len(via) > 5:
		return errors.New("InfluxDB responds with a redirect that a query cannot follow")
	}
	return nil
}

// choose selects the language that the server understands.
func (r *Reader) choose(ctx context.Context) error {
	response, err := r.send(ctx, http.MethodGet, "/ping", nil, "", nil)
	if err != nil {
		return fmt.Errorf("requesting the version of InfluxDB at %s: %w", r.base.Redacted(), err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)) // so that the connection is kept
	r.version = strings.TrimPrefix(response.Header.Get("X-Influxdb-Version"), "v")
	language := r.options.Language
	if language == "" {
		// A proxy may hide the version. Only 1.x has user names, and only 2.x has
		// organisations.
		switch major, _, _ := strings.Cut(r.version, "."); major {
		case "1", "3":
			language = InfluxQL
		case "2":
			language = Flux
		default:
			language = Flux
			if r.options.Username != "" || r.options.Org == "" {
				language = InfluxQL
			}
		}
	}
	r.language = language
	switch language {
	case InfluxQL:
		r.rows = r.influxQL
	case Flux:
		r.rows = r.flux
	default:
		return fmt.Errorf("unknown query language %q: it must be %s or %s", language, InfluxQL, Flux)
	}
	return nil
}

// send makes one request. The caller must close the body of the response.
func (r *Reader) send(ctx context.Context, method, path string, values url.Values, contentType string, body io.Reader) (*http.Response, error) {
	u := r.base.JoinPath(path)
	u.RawQuery = values.Encode()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "brandpulse-connect")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for name, value := range r.options.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	switch {
	case r.options.Username != "":
		request.SetBasicAuth(r.options.Username, r.options.Password)
	case r.options.Token != "":
		request.Header.Set("Authorization", "Token "+r.options.Token)
	}
	response, err := r.http.Do(request)
	if err != nil {
		// The error would contain the address and the whole query.
		var whole *url.Error
		if errors.As(err, &whole) {
			err = whole.Err
		}
		return nil, err
	}
	return response, nil
}

// refusal returns the error that a response describes.
func (r *Reader) refusal(response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<10))
	if err != nil {
		return fmt.Errorf("InfluxDB responds with %s, and then: %w", response.Status, err)
	}
	var answer struct{ Message, Error string }
	text := strings.TrimSpace(string(body))
	if json.Unmarshal(body, &answer) == nil && answer.Message+answer.Error != "" {
		text = answer.Message
		if text == "" {
			text = answer.Error
		}
	}
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += ": the token must be allowed to read the bucket " + r.options.Bucket
	}
	return fmt.Errorf("InfluxDB responds with %s: %w", response.Status, said(text))
}

// NoBucketError is an error of a server that does not have the bucket or, in 1.x, the
// database or its retention policy.
type NoBucketError struct{ said string }

// Error returns the server's own words.
func (e *NoBucketError) Error() string { return e.said }

// said returns an error that a server describes.
func said(text string) error {
	for _, part := range []string{"database not found", "retention policy not found", "dbrp mapping not found", "bucket not found", "could not find bucket"} {
		if strings.Contains(text, part) {
			return &NoBucketError{text}
		}
	}
	return errors.New(text)
}
