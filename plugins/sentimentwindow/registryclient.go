package sentimentwindow

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
)

const (
	// maxResponseBytes bounds one response of the registry, decompressed. It contains the
	// schema as a JSON string, with escapes.
	maxResponseBytes = 2 * avro.MaxSchemaBytes
	// maxErrorPageBytes is how much of an error response is read.
	maxErrorPageBytes = 64 << 10
	// maxRedirects is how often a request may be redirected, on the same host.
	maxRedirects = 3
	// maxReferences bounds the schemas that a schema refers to, directly or not.
	maxReferences = 100
	// lookupTimeout bounds all requests for one schema.
	lookupTimeout = 3 * registryTimeout
	// maxSaid bounds what a log line quotes from the registry.
	maxSaid = 200
)

// registryClient sends requests to a registry that may be hostile, or another server.
type registryClient struct {
	client  *sr.Client
	secrets *strings.Replacer
}

func newRegistryClient(c registryConfig) (*registryClient, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.tls
	opts := []sr.ClientOpt{
		sr.URLs(c.url.String()),
		sr.UserAgent("brandpulse-connect"),
		sr.HTTPClient(&http.Client{
			Timeout:       registryTimeout,
			Transport:     cappedBody{transport},
			CheckRedirect: checkRedirect,
		}),
	}
	if c.username != "" {
		opts = append(opts, sr.BasicAuth(c.username, c.password))
	}
	client, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the client of the schema registry: %w", err)
	}
	return &registryClient{client, secretsOf(c)}, nil
}

// checkRedirect does not let credentials leave their host: a redirected request includes
// them.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case next.URL.Host != first.Host:
		return errors.New("the schema registry redirects to another host, which is not followed")
	case next.URL.Scheme != first.Scheme:
		return fmt.Errorf("the schema registry redirects from %s to %.20q, which is not followed", first.Scheme, next.URL.Scheme)
	case len(via) > maxRedirects:
		return fmt.Errorf("the schema registry redirects more than %d times", maxRedirects)
	}
	return nil
}

// writerSchema is the schema of an id.
type writerSchema struct {
	sr.Schema
	references []string // texts, each after those that it refers to itself
}

func (w *writerSchema) size() int {
	n := len(w.Schema.Schema)
	for _, r := range w.references {
		n += len(r)
	}
	return n
}

// finalError is an error that a retry cannot change.
type finalError struct{ error }

// get requests a schema and those that it refers to.
func (c *registryClient) get(ctx context.Context, id int) (w writerSchema, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if w.Schema, err = c.client.SchemaByID(ctx, id); err != nil {
		return w, err
	}
	if w.Type != sr.TypeAvro {
		return w, finalError{fmt.Errorf("it is %s, not Avro", w.Type)}
	}
	r := referred{client: c.client, seen: map[reference]bool{}, room: avro.MaxSchemaBytes - len(w.Schema.Schema)}
	if err := r.collect(ctx, w.References); err != nil {
		return w, err
	}
	w.references = r.texts
	return w, nil
}

// reference is a version of a subject, which is immutable.
type reference struct {
	subject string
	version int
}

func (r reference) String() string { return fmt.Sprintf("%.100q, version %d", r.subject, r.version) }

// referred collects the schemas that a schema refers to.
type referred struct {
	client *sr.Client
	seen   map[reference]bool // true once it is in texts
	texts  []string
	room   int // remaining bytes
}

func (r *referred) collect(ctx context.Context, references []sr.SchemaReference) error {
	for _, one := range references {
		at := reference{one.Subject, one.Version}
		done, seen := r.seen[at]
		switch {
		case done:
			continue
		case seen:
			return finalError{fmt.Errorf("it refers to %s, which refers to itself", at)}
		case at.version < 1:
			return finalError{fmt.Errorf("it refers to %s: a reference needs a version number, since only a numbered version is immutable", at)}
		case len(r.seen) >= maxReferences:
			return finalError{fmt.Errorf("it refers to more than %d schemas", maxReferences)}
		}
		r.seen[at] = false
		// A version that was deleted still has records.
		found, err := r.client.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), at.subject, at.version)
		var answer *sr.ResponseError
		switch {
		case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
			// A registry accepts a schema only after those that it refers to, so waiting
			// would not help.
			return finalError{fmt.Errorf("it refers to %s, which the registry does not have", at)}
		case err != nil:
			return fmt.Errorf("getting the schema %s that it refers to: %w", at, err)
		}
		if r.room -= len(found.Schema.Schema); r.room < 0 {
			return finalError{fmt.Errorf("it has more than %d bytes, including the schemas that it refers to", avro.MaxSchemaBytes)}
		}
		if err := r.collect(ctx, found.References); err != nil {
			return err
		}
		r.seen[at] = true
		r.texts = append(r.texts, found.Schema.Schema)
	}
	return nil
}

// notFound reports whether the registry responded that it has no such schema.
func notFound(err error) bool {
	var answer *sr.ResponseError
	return errors.As(err, &answer) && answer.ErrorCode == sr.ErrSchemaNotFound.Code
}

// ofSchema reports whether an error is about the requested schema, rather than about the
// registry as a whole, such as wrong credentials, overload, or a gateway that cannot
// reach it.
func ofSchema(err error) bool {
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return errors.Is(err, errTooLarge)
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return true
}

// said returns an error for a log line: short, without control characters, and without
// credentials.
func (c *registryClient) said(err error) error {
	text := err.Error()
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		text = fmt.Sprintf("it responds with status %d: %s", answer.StatusCode, c.quote(text))
	} else if len(text) > 2*maxSaid || strings.ContainsFunc(text, unicode.IsControl) {
		text = c.quote(text)
	}
	return errors.New(c.secrets.Replace(text))
}

func (c *registryClient) quote(text string) string {
	// Secrets are replaced before truncation: a part of one would not be recognised.
	return fmt.Sprintf("%.*q", maxSaid, c.secrets.Replace(text))
}

// secretsOf returns a replacer for all forms of the credentials.
func secretsOf(c registryConfig) *strings.Replacer {
	if c.password == "" {
		return strings.NewReplacer()
	}
	const hidden = "***"
	basic := base64.StdEncoding.EncodeToString([]byte(c.username + ":" + c.password))
	return strings.NewReplacer(basic, hidden, c.password, hidden, url.QueryEscape(c.password), hidden, url.PathEscape(c.password), hidden)
}

var errTooLarge = fmt.Errorf("its response is larger than %d bytes", maxResponseBytes)

// cappedBody bounds the size of a response.
type cappedBody struct{ http.RoundTripper }

func (c cappedBody) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		// The beginning of an error page is enough.
		resp.Body = readCloser{io.LimitReader(resp.Body, maxErrorPageBytes), resp.Body}
		return resp, nil
	}
	resp.Body = readCloser{&cappedReader{resp.Body, maxResponseBytes}, resp.Body}
	return resp, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// cappedReader fails if there are more bytes than allowed.
type cappedReader struct {
	io.Reader
	room int
}

func (c *cappedReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b[:min(len(b), c.room+1)])
	if c.room -= n; c.room < 0 {
		return 0, errTooLarge
	}
	return n, err
}
