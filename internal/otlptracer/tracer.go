// Package otlptracer is the distribution's tracer `open_telemetry_collector`: it sends
// Benthos's spans to an OpenTelemetry collector, with OTLP over HTTP.
//
// Redpanda Connect has a tracer of that name, which is not free software. This one has
// the fields that are needed, so a config runs with either. The spans, their batches
// and the encoding are OpenTelemetry's own. Posting them is implemented here, since
// OpenTelemetry's HTTP exporter links all of gRPC.
package otlptracer

import (
	"context"
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Name is the name of the tracer in YAML.
const Name = "open_telemetry_collector"

const (
	fieldService  = "service"
	fieldHTTP     = "http"
	fieldAddress  = "address"
	fieldSecure   = "secure"
	fieldTags     = "tags"
	fieldSampling = "sampling"
	fieldEnabled  = "enabled"
	fieldRatio    = "ratio"
)

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Summary("Sends spans to OpenTelemetry collectors, by OTLP over HTTP.").
		Description("Spans are sent in batches, every 5 seconds. They may be lost: spans that a collector does not accept, or that are created faster than they are sent, are dropped, and the last ones before the end of the process may be missing.").
		Fields(
			service.NewStringField(fieldService).
				Description("Name of the service in the traces.").
				Default("brandpulse-connect"),
			service.NewObjectListField(fieldHTTP,
				service.NewStringField(fieldAddress).
					Description("Host and port of the collector; spans are posted to `/v1/traces`.").
					Example("localhost:4318").
					LintRule(`root = if !this.re_match("^[^/ ]+:[0-9]+$") { [ "address must be like localhost:4318" ] }`),
				service.NewBoolField(fieldSecure).
					Description("Whether to use TLS.").
					Default(false),
			).
				Description("The collectors.").
				LintRule(`root = if this.length() == 0 { [ "`+wrongCollectors+`" ] }`),
			service.NewStringMapField(fieldTags).
				Description("More attributes of the service.").
				Default(map[string]any{}).
				Advanced(),
			service.NewObjectField(fieldSampling,
				service.NewBoolField(fieldEnabled).
					Description("Whether to trace only a part of the messages.").
					Default(false),
				service.NewFloatField(fieldRatio).
					Description("The part of the messages, from 0 to 1.").
					Default(0.85).
					LintRule(`root = if this < 0 || this > 1 { [ "`+wrongRatio+`" ] }`),
			).
				Description("Each message creates a span in each component that it passes, so trace only a part of a fast stream."),
		)
}

const (
	wrongCollectors = "http must name a collector"
	wrongRatio      = "ratio must be from 0 to 1"
)

// Register adds the tracer to an environment under a name.
func Register(env *service.Environment, name string) error {
	return env.RegisterOtelTracerProvider(name, spec(), func(parsed *service.ParsedConfig) (trace.TracerProvider, error) {
		conf, err := configFrom(parsed)
		if err != nil {
			return nil, err
		}
		return newProvider(conf)
	})
}

func init() {
	if err := Register(service.GlobalEnvironment(), Name); err != nil {
		panic(err)
	}
}

type config struct {
	service    string
	version    string
	collectors []collector
	tags       map[string]string
	ratio      float64
}

type collector struct {
	address string
	secure  bool
}

func configFrom(parsed *service.ParsedConfig) (c config, err error) {
	c.version, c.ratio = parsed.EngineVersion(), 1
	if c.service, err = parsed.FieldString(fieldService); err != nil {
		return c, err
	}
	if c.tags, err = parsed.FieldStringMap(fieldTags); err != nil {
		return c, err
	}
	list, err := parsed.FieldObjectList(fieldHTTP)
	if err != nil {
		return c, err
	}
	for _, one := range list {
		var to collector
		if to.address, err = one.FieldString(fieldAddress); err != nil {
			return c, err
		}
		if to.secure, err = one.FieldBool(fieldSecure); err != nil {
			return c, err
		}
		c.collectors = append(c.collectors, to)
	}
	sampled, err := parsed.FieldBool(fieldSampling, fieldEnabled)
	if err != nil {
		return c, err
	}
	if sampled {
		if c.ratio, err = parsed.FieldFloat(fieldSampling, fieldRatio); err != nil {
			return c, err
		}
	}
	switch {
	case len(c.collectors) == 0:
		return c, errors.New(wrongCollectors)
	case !(c.ratio >= 0 && c.ratio <= 1):
		return c, errors.New(wrongRatio)
	}
	return c, nil
}

func newProvider(c config) (*sdktrace.TracerProvider, error) {
	attributes := []attribute.KeyValue{
		attribute.String("service.name", c.service),
		attribute.String("service.version", c.version),
	}
	for name, value := range c.tags {
		attributes = append(attributes, attribute.String(name, value))
	}
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(resource.NewSchemaless(attributes...)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.ratio))),
	}
	for _, to := range c.collectors {
		exporter, err := otlptrace.New(context.Background(), newPoster(to))
		if err != nil {
			return nil, fmt.Errorf("starting the exporter to %s: %w", to.address, err)
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	return sdktrace.NewTracerProvider(options...), nil
}
