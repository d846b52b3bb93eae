package main

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
	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

// componentConfig returns the configuration of a component, reduced to the
// fields of spec.
func componentConfig(w *service.WalkedComponent, spec *service.ConfigSpec) (*service.ParsedConfig, error) {
	text, err := ownYAML(w)
	if err != nil {
		return nil, err
	}
	return spec.ParseYAML(text, nil)
}

// ownYAML returns the settings of a component, without those around it such as its label.
func ownYAML(w *service.WalkedComponent) (string, error) {
	var whole map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(w.ConfigYAML()), &whole); err != nil {
		return "", err
	}
	own := whole[w.Name]
	text, err := yaml.Marshal(&own)
	return string(text), err
}

// auditKafka are the settings of the connections to brokers.
type auditKafka struct {
	tls  *tls.Config // nil: no TLS
	sasl []auditLogin
}

type auditLogin struct{ mechanism, username, password string }

// auditInputSpec returns the fields that the three inputs share.
func auditInputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().Fields(
		service.NewStringListField("seed_brokers"),
		service.NewStringListField("topics").Default([]any{}),
		service.NewStringField("consumer_group").Default(""),
		service.NewTLSToggledField("tls"),
		service.NewObjectListField("sasl", append(secret.Fields("password", ""),
			service.NewStringField("mechanism"),
			service.NewStringField("username").Default(""),
		)...).Optional(),
	)
}

func (s *auditSettings) readInput(parsed *service.ParsedConfig) (err error) {
	if s.brokers, err = parsed.FieldStringList("seed_brokers"); err != nil {
		return err
	}
	if s.topics, err = parsed.FieldStringList("topics"); err != nil {
		return err
	}
	if s.group, err = parsed.FieldString("consumer_group"); err != nil {
		return err
	}
	settings, enabled, err := parsed.FieldTLSToggled("tls")
	if err != nil {
		return err
	}
	if enabled {
		s.kafka.tls = settings
	}
	if !parsed.Contains("sasl") {
		return nil
	}
	logins, err := parsed.FieldObjectList("sasl")
	if err != nil {
		return err
	}
	for _, login := range logins {
		var l auditLogin
		err := errors.Join(
			fieldInto(&l.mechanism, login.FieldString, "mechanism"),
			fieldInto(&l.username, login.FieldString, "username"),
			secretInto(&l.password, login, "password"),
		)
		if err != nil {
			return err
		}
		s.kafka.sasl = append(s.kafka.sasl, l)
	}
	return nil
}

func auditWindowSpec() *service.ConfigSpec {
	return service.NewConfigSpec().Fields(
		service.NewStringField("message").Default("record"),
		service.NewStringField("encoding").Default("avro"),
		service.NewStringField("mapping").Optional(),
		service.NewStringListField("schema_files").Default([]any{}),
		service.NewObjectField("schema_registry", append(secret.Fields("password", ""),
			service.NewStringField("url"),
			service.NewStringField("username").Default(""),
			service.NewTLSField("tls"),
		)...).Optional(),
		service.NewStringField("emit").Default("windows"),
		service.NewDurationField("window").Default("1s"),
		service.NewDurationField("resolution").Default("1s"),
		service.NewStringField("measurement").Default("tweets"),
		service.NewStringField("coverage_measurement").Optional(),
		service.NewIntField("max_partitions").Default(64),
		service.NewObjectField("timestamp_bounds",
			service.NewStringField("min").Default(""),
			service.NewStringField("max").Default(""),
			service.NewStringField("before_record").Default(""),
			service.NewStringField("after_record").Default(""),
		),
		service.NewStringField("identity").Default("timestamp"),
	)
}

func (s *auditSettings) readWindow(parsed *service.ParsedConfig) error {
	if parsed.Contains("mapping") {
		if err := fieldInto(&s.mapping, parsed.FieldString, "mapping"); err != nil {
			return err
		}
	}
	if s.coverageSet = parsed.Contains("coverage_measurement"); s.coverageSet {
		if err := fieldInto(&s.coverage, parsed.FieldString, "coverage_measurement"); err != nil {
			return err
		}
	}
	err := errors.Join(
		fieldInto(&s.message, parsed.FieldString, "message"),
		fieldInto(&s.encoding, parsed.FieldString, "encoding"),
		fieldInto(&s.schemaFiles, parsed.FieldStringList, "schema_files"),
		fieldInto(&s.emit, parsed.FieldString, "emit"),
		fieldInto(&s.window, parsed.FieldDuration, "window"),
		fieldInto(&s.resolution, parsed.FieldDuration, "resolution"),
		fieldInto(&s.measurement, parsed.FieldString, "measurement"),
		fieldInto(&s.maxPartitions, parsed.FieldInt, "max_partitions"),
		s.readBounds(parsed.Namespace("timestamp_bounds")),
		fieldInto(&s.identity, parsed.FieldString, "identity"),
	)
	if err != nil || !parsed.Contains("schema_registry") {
		return err
	}
	s.registry, err = auditRegistry(parsed.Namespace("schema_registry"))
	return err
}

func (s *auditSettings) readBounds(parsed *service.ParsedConfig) error {
	for name, into := range map[string]*time.Time{"min": &s.bounds.Min, "max": &s.bounds.Max} {
		text, err := parsed.FieldString(name)
		if err == nil && text != "" {
			*into, err = time.Parse(time.RFC3339, text)
		}
		if err != nil {
			return fmt.Errorf("timestamp_bounds.%s: %w", name, err)
		}
	}
	for name, into := range map[string]**time.Duration{"before_record": &s.bounds.Before, "after_record": &s.bounds.After} {
		text, err := parsed.FieldString(name)
		if err == nil && text != "" {
			var length time.Duration
			length, err = time.ParseDuration(text)
			*into = &length
		}
		if err != nil {
			return fmt.Errorf("timestamp_bounds.%s: %w", name, err)
		}
	}
	return nil
}

func auditRegistry(parsed *service.ParsedConfig) (*sr.Client, error) {
	var url, username, password string
	settings, err := parsed.FieldTLS("tls")
	err = errors.Join(err,
		fieldInto(&url, parsed.FieldString, "url"),
		fieldInto(&username, parsed.FieldString, "username"),
		secretInto(&password, parsed, "password"),
	)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = settings
	options := []sr.ClientOpt{sr.URLs(url), sr.HTTPClient(&http.Client{Transport: boundedBodies{transport}, Timeout: 10 * time.Second})}
	if username != "" {
		options = append(options, sr.BasicAuth(username, password))
	}
	return sr.NewClient(options...)
}

// maxRegistryBytes bounds a response of the registry: a schema has at most a MiB.
const maxRegistryBytes = 2 << 20

// boundedBodies truncates longer responses, which makes their JSON invalid.
type boundedBodies struct{ http.RoundTripper }

func (b boundedBodies) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxRegistryBytes), response.Body}
	return response, nil
}

// schemaNotFound is the error code of a registry for an id that it does not
// have.
const schemaNotFound = 40403

// maxReferences is how many schemas one may refer to, directly and indirectly.
const maxReferences = 100

// schemaOf returns a function that requests a schema and those that it refers to
// from the registry; nil if there is no registry.
func (s *auditSettings) schemaOf(ctx context.Context) func(id uint32) (tweetrule.RegistrySchema, error) {
	if s.registry == nil {
		return nil
	}
	return func(id uint32) (schema tweetrule.RegistrySchema, err error) {
		if id > 1<<31-1 {
			return schema, tweetrule.ErrNoSchema
		}
		found, err := s.registry.SchemaByID(ctx, int(id))
		if err == nil && found.Type != sr.TypeAvro {
			err = tweetrule.ErrNoSchema
		}
		if err == nil {
			schema.Text = []byte(found.Schema)
			schema.References, err = s.referred(ctx, found.References, map[string]bool{})
		}
		var answer *sr.ResponseError
		switch {
		case errors.As(err, &answer) && answer.ErrorCode == schemaNotFound:
			err = tweetrule.ErrNoSchema
		case err != nil && !errors.Is(err, tweetrule.ErrNoSchema):
			err = fmt.Errorf("requesting schema %d from the schema registry: %.500s", id, err.Error())
		}
		return schema, err
	}
}

// referred returns the schemas of references, each after those that it refers to
// itself. seen has the schemas visited so far, true for those that are complete.
func (s *auditSettings) referred(ctx context.Context, references []sr.SchemaReference, seen map[string]bool) (texts [][]byte, err error) {
	for _, r := range references {
		at := fmt.Sprintf("%d of %s", r.Version, r.Subject)
		switch complete, visited := seen[at]; {
		case complete:
			continue
		case visited, r.Version < 1, len(seen) >= maxReferences:
			return nil, tweetrule.ErrNoSchema
		}
		seen[at] = false
		found, err := s.registry.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), r.Subject, r.Version)
		var answer *sr.ResponseError
		if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
			err = tweetrule.ErrNoSchema
		}
		if err != nil {
			return nil, err
		}
		inner, err := s.referred(ctx, found.References, seen)
		if err != nil {
			return nil, err
		}
		texts = append(append(texts, inner...), []byte(found.Schema.Schema))
		seen[at] = true
	}
	return texts, nil
}

func auditOutputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().Fields(secret.Fields("token", "")...).Fields(secret.Fields("password", "")...).Fields(
		service.NewStringField("url"),
		service.NewStringField("version").Default("auto"),
		service.NewStringField("username").Default(""),
		service.NewStringField("org").Default(""),
		service.NewStringField("bucket"),
		service.NewStringMapField("headers").Default(map[string]any{}),
		service.NewTLSToggledField("tls"),
		service.NewURLField("proxy_url").Optional(),
	)
}

func (s *auditSettings) readOutput(parsed *service.ParsedConfig) error {
	if parsed.Contains("proxy_url") {
		if err := fieldInto(&s.influx.Proxy, func(path ...string) (*url.URL, error) { return secret.URL(parsed, path...) }, "proxy_url"); err != nil {
			return err
		}
	}
	settings, enabled, err := parsed.FieldTLSToggled("tls")
	if err != nil {
		return err
	}
	if enabled {
		s.influx.TLS = settings
	}
	return errors.Join(
		fieldInto(&s.influxVersion, parsed.FieldString, "version"),
		fieldInto(&s.influx.URL, parsed.FieldString, "url"),
		secretInto(&s.influx.Token, parsed, "token"),
		fieldInto(&s.influx.Username, parsed.FieldString, "username"),
		secretInto(&s.influx.Password, parsed, "password"),
		fieldInto(&s.influx.Org, parsed.FieldString, "org"),
		fieldInto(&s.influx.Bucket, parsed.FieldString, "bucket"),
		fieldInto(&s.influx.Headers, parsed.FieldStringMap, "headers"),
	)
}

func auditDeadSpec() *service.ConfigSpec {
	return service.NewConfigSpec().Fields(service.NewStringField("topic").Default(""))
}

func (s *auditSettings) readDead(parsed *service.ParsedConfig) error {
	return fieldInto(&s.dead, parsed.FieldString, "topic")
}

// fieldInto stores a field's value in target.
func fieldInto[T any](target *T, field func(path ...string) (T, error), name string) (err error) {
	*target, err = field(name)
	return err
}

// secretInto stores a secret in target, from a variable, a file or the configuration.
func secretInto(target *string, parsed *service.ParsedConfig, name string) (err error) {
	*target, err = secret.From(parsed, name)
	return err
}
