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
	// maxResponseBytes bounds one response of the registry, decompressed. A schema
	// is text in JSON there, and so takes more bytes than it has.
	maxResponseBytes = 2 * avro.MaxSchemaBytes
	// maxErrorPageBytes is what is read of an error, which is cut rather than refused.
	maxErrorPageBytes = 64 << 10
	// maxRedirects is how often a request may be redirected, on the same host.
	maxRedirects = 3
	// maxReferences bounds the schemas that a schema refers to, in all.
	maxReferences = 100
	// lookupTimeout bounds all requests for one schema.
	lookupTimeout = 3 * registryTimeout
	// maxSaid bounds what a log line repeats of the registry's words.
	maxSaid = 200
)

// registryClient asks a registry that may be hostile, or none at all.
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
		return nil, fmt.Errorf("making the client of the schema registry: %w", err)
	}
	return &registryClient{client, secretsOf(c)}, nil
}

// checkRedirect keeps the credentials with the host that they are for: a request
// that is redirected has them, too.
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

// writerSchema is what a registry has under an id.
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

// finalError is an error that asking again does not change.
type finalError struct{ error }

// get asks for a schema and those that it refers to.
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

// reference is a version of a subject, which does not change.
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
	room   int // bytes that may come
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
			return finalError{fmt.Errorf("it refers to %s, and only a numbered version stays the same", at)}
		case len(r.seen) >= maxReferences:
			return finalError{fmt.Errorf("it refers to more than %d schemas", maxReferences)}
		}
		r.seen[at] = false
		// A version that was deleted still has records.
		found, err := r.client.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), at.subject, at.version)
		var answer *sr.ResponseError
		switch {
		case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
			// A registry takes a schema after those that it refers to, so waiting for
			// it to catch up is of no use.
			return finalError{fmt.Errorf("it refers to %s, which the registry does not have", at)}
		case err != nil:
			return fmt.Errorf("getting the schema %s that it refers to: %w", at, err)
		}
		if r.room -= len(found.Schema.Schema); r.room < 0 {
			return finalError{fmt.Errorf("with the schemas that it refers to it has more than %d bytes", avro.MaxSchemaBytes)}
		}
		if err := r.collect(ctx, found.References); err != nil {
			return err
		}
		r.seen[at] = true
		r.texts = append(r.texts, found.Schema.Schema)
	}
	return nil
}

// notFound reports whether the registry says that it does not have a schema.
func notFound(err error) bool {
	var answer *sr.ResponseError
	return errors.As(err, &answer) && answer.ErrorCode == sr.ErrSchemaNotFound.Code
}

// ofSchema reports whether an error is about the schema that was asked for, rather
// than about the registry as a whole: it does not accept the credentials, is
// overloaded, or somebody before it does not reach it.
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

// said is an error in words for a log line: in short, without control characters,
// and without the credentials, whoever repeats them.
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
	// Before it is cut, since a part of a secret would not be recognised.
	return fmt.Sprintf("%.*q", maxSaid, c.secrets.Replace(text))
}

// secretsOf replaces the forms in which the credentials may come back.
func secretsOf(c registryConfig) *strings.Replacer {
	if c.password == "" {
		return strings.NewReplacer()
	}
	const hidden = "***"
	basic := base64.StdEncoding.EncodeToString([]byte(c.username + ":" + c.password))
	return strings.NewReplacer(basic, hidden, c.password, hidden, url.QueryEscape(c.password), hidden, url.PathEscape(c.password), hidden)
}

var errTooLarge = fmt.Errorf("its response is larger than %d bytes", maxResponseBytes)

// cappedBody bounds what a response may hold.
type cappedBody struct{ http.RoundTripper }

func (c cappedBody) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		// Its beginning tells what is wrong.
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

// cappedReader fails where more comes than there is room for.
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
