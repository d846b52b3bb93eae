package sentimentwindow

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

const (
	// maxKeptBytes bounds the texts of the cached schemas.
	maxKeptBytes = 16 << 20

	registryTimeout = 10 * time.Second
)

// Errors of lint and of the constructor.
const (
	wrongRegistryURL      = "url must be like http://localhost:8081"
	wrongRegistryQuery    = "url must not hold a query: it would be logged; set username and password"
	wrongRegistryPassword = "password needs username"
	// insteadOfUser follows the message about a malformed URL.
	insteadOfUser = ", or set username and password"
)

type registryConfig struct {
	url      *url.URL // nil: there is no registry
	username string
	password string
	tls      *tls.Config
	// waits is true if records wait for a schema that the registry does not have.
	waits bool
}

func registryConfigFrom(parsed *service.ParsedConfig, message string) (c registryConfig, err error) {
	u, err := secret.URL(parsed, fieldRegistryURL)
	if err != nil {
		return c, fmt.Errorf("%s: %w%s", fieldRegistry, err, insteadOfUser)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return c, fmt.Errorf("%s: %s", fieldRegistry, wrongRegistryQuery)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return c, fmt.Errorf("%s: %s", fieldRegistry, wrongRegistryURL)
	}
	c.url = u
	if c.username, err = parsed.FieldString(fieldRegistryUsername); err != nil {
		return c, err
	}
	if c.password, err = secret.From(parsed, fieldRegistryPassword); err != nil {
		return c, fmt.Errorf("%s: %w", fieldRegistry, err)
	}
	if c.username == "" && c.password != "" {
		return c, fmt.Errorf("%s: %s", fieldRegistry, wrongRegistryPassword)
	}
	if c.tls, err = parsed.FieldTLS(fieldRegistryTLS); err != nil {
		return c, err
	}
	if user := u.User; user != nil {
		// Errors of the client contain its URL, and it does not hide the password.
		if c.username == "" {
			c.username = user.Username()
			c.password, _ = user.Password()
		}
		plain := *u
		plain.User = nil
		c.url = &plain
	}
	unknown := unknownSchemaUndecodable
	if message == contract.RecordBatch {
		unknown = unknownSchemaWait
	}
	if parsed.Contains(fieldUnknownSchema) {
		if unknown, err = parsed.FieldString(fieldUnknownSchema); err != nil {
			return c, err
		}
	}
	if err := lintrule.CheckEnum(fieldUnknownSchema, unknown, unknownSchemaWait, unknownSchemaUndecodable); err != nil {
		return c, fmt.Errorf("%s: %w", fieldRegistry, err)
	}
	c.waits = unknown == unknownSchemaWait
	return c, nil
}

// registry looks up writer's schemas by id. The result decides whether a record is
// counted, so only a final response may make it a dead letter: a schema that is not
// that of a tweet or, unless waits is set, "schema not found", which a registry that
// lags behind responds as well. Until there is a final response the record waits: see
// schemaCache.
type registry struct {
	client *registryClient
	waits  bool
}

func newRegistry(c registryConfig) (*registry, error) {
	client, err := newRegistryClient(c)
	if err != nil {
		return nil, err
	}
	return &registry{client: client, waits: c.waits}, nil
}

// fetch requests a schema once. Its error may be temporary; a final one is in the entry.
func (r *registry) fetch(ctx context.Context, id int) (schemaEntry, error) {
	final := func(err error) (schemaEntry, error) {
		return schemaEntry{err: err, until: time.Now().Add(registryForgets)}, nil
	}
	schema, err := r.client.get(ctx, id)
	var is finalError
	switch {
	case notFound(err) && r.waits:
		return schemaEntry{}, errSchemaNotFound
	case notFound(err):
		return final(fmt.Errorf("the schema registry has no schema %d", id))
	case errors.As(err, &is):
		return final(fmt.Errorf("schema %d: %w", id, is))
	case ofSchema(err):
		return schemaEntry{}, schemaError{r.client.said(err)}
	case silent(err):
		return schemaEntry{}, silence{r.client.said(err)}
	case err != nil:
		return schemaEntry{}, r.client.said(err)
	}
	resolver, err := avro.NewResolver(schema.Schema.Schema, schema.references...)
	if err != nil {
		return final(fmt.Errorf("schema %d: %w", id, err))
	}
	return schemaEntry{resolver: resolver, size: schema.size()}, nil
}
