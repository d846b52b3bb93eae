package sentimentwindow

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
)

const (
	// maxSchemaBytes bounds one answer of the registry.
	maxSchemaBytes = 1 << 20

	registryTimeout = 10 * time.Second
)

type registryConfig struct {
	url      *url.URL // nil: there is no registry
	username string
	password string
	tls      *tls.Config
	// waits: an id that the registry does not have is asked for until it has it.
	waits bool
}

func registryConfigFrom(parsed *service.ParsedConfig, message string) (c registryConfig, err error) {
	u, err := parsed.FieldURL(fieldRegistryURL)
	if err != nil {
		return c, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return c, fmt.Errorf("%s.%s is %q: it must be like http://localhost:8081", fieldRegistry, fieldRegistryURL, u.Redacted())
	}
	c.url = u
	if c.username, err = parsed.FieldString(fieldRegistryUsername); err != nil {
		return c, err
	}
	if c.password, err = parsed.FieldString(fieldRegistryPassword); err != nil {
		return c, err
	}
	if c.tls, err = parsed.FieldTLS(fieldRegistryTLS); err != nil {
		return c, err
	}
	unknown := unknownSchemaUndecodable
	if message == messageRecordBatch {
		unknown = unknownSchemaWait
	}
	if parsed.Contains(fieldUnknownSchema) {
		if unknown, err = parsed.FieldString(fieldUnknownSchema); err != nil {
			return c, err
		}
	}
	if unknown != unknownSchemaWait && unknown != unknownSchemaUndecodable {
		return c, fmt.Errorf("%s.%s is %q: it must be %s or %s", fieldRegistry, fieldUnknownSchema, unknown, unknownSchemaWait, unknownSchemaUndecodable)
	}
	c.waits = unknown == unknownSchemaWait
	return c, nil
}

// registry gets writer's schemas by id. What it says of an id decides whether
// a record is counted, so only an answer that is final may refuse one: a schema
// that cannot be read as a tweet, and, unless waits, the registry's "schema not
// found", which one that has not caught up yet says as well. Until there is such
// an answer the record waits: see schemaCache.
type registry struct {
	client *sr.Client
	waits  bool
}

func newRegistry(c registryConfig) (*registry, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.tls
	opts := []sr.ClientOpt{
		sr.URLs(c.url.String()),
		sr.UserAgent("brandpulse-connect"),
		sr.HTTPClient(&http.Client{
			Timeout:   registryTimeout,
			Transport: cappedBody{transport},
			CheckRedirect: func(next *http.Request, via []*http.Request) error {
				if next.URL.Host != via[0].URL.Host {
					return errors.New("the schema registry redirects to another host")
				}
				return nil
			},
		}),
	}
	if c.username != "" {
		opts = append(opts, sr.BasicAuth(c.username, c.password))
	}
	client, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making the client of the schema registry: %w", err)
	}
	return &registry{client: client, waits: c.waits}, nil
}

// fetch asks once. Its error may pass; what is final stands in the entry.
func (r *registry) fetch(ctx context.Context, id int) (schemaEntry, error) {
	final := func(err error) (schemaEntry, error) {
		return schemaEntry{err: err, until: time.Now().Add(registryForgets)}, nil
	}
	schema, err := r.client.SchemaByID(ctx, id)
	var answer *sr.ResponseError
	switch {
	case errors.As(err, &answer) && answer.ErrorCode == sr.ErrSchemaNotFound.Code:
		if r.waits {
			return schemaEntry{}, errSchemaNotFound
		}
		return final(fmt.Errorf("the schema registry has no schema %d", id))
	case err != nil:
		return schemaEntry{}, err
	case schema.Type != sr.TypeAvro:
		return final(fmt.Errorf("schema %d is %s, not Avro", id, schema.Type))
	case len(schema.References) > 0:
		return final(fmt.Errorf("schema %d refers to other schemas, which is not supported", id))
	}
	resolver, err := avro.NewResolver(schema.Schema)
	if err != nil {
		return final(fmt.Errorf("schema %d: %w", id, err))
	}
	return schemaEntry{resolver: resolver}, nil
}

// cappedBody bounds what an answer may hold.
type cappedBody struct{ http.RoundTripper }

func (c cappedBody) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxSchemaBytes), resp.Body}
	return resp, nil
}
