package sentimentwindow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// decoder reads one wire form. The tweet may alias the message. An error is
// final for these bytes, unless the context has ended.
type decoder func(ctx context.Context, m *service.Message, t *tweet.Tweet) error

func newDecoder(c config, log *service.Logger) (decoder, error) {
	switch c.encoding {
	case encodingSingleObject:
		return newSingleObjectDecoder(c.schemaFiles)
	case encodingConfluent:
		reg, err := newRegistry(c.registry, log)
		if err != nil {
			return nil, err
		}
		return confluentDecoder(reg), nil
	case encodingJSON:
		if c.mapping != nil {
			return mappedDecoder(c.mapping), nil
		}
		return decodeJSON, nil
	}
	if len(c.schemaFiles) == 0 {
		return decodeAvro, nil
	}
	resolver, _, err := readSchema(c.schemaFiles[0])
	if err != nil {
		return nil, err
	}
	return resolvedDecoder(resolver), nil
}

func decodeAvro(_ context.Context, m *service.Message, t *tweet.Tweet) error {
	b, err := m.AsBytes()
	if err != nil {
		return err
	}
	if err := t.DecodeAvro(b); err != nil {
		return avroError(b, err)
	}
	return nil
}

func resolvedDecoder(r *avro.Resolver) decoder {
	return func(_ context.Context, m *service.Message, t *tweet.Tweet) error {
		b, err := m.AsBytes()
		if err != nil {
			return err
		}
		if err := r.Decode(b, t); err != nil {
			return avroError(b, err)
		}
		return nil
	}
}

// avroError adds the way out to the commonest mistake.
func avroError(b []byte, err error) error {
	if trimmed := bytes.TrimSpace(b); len(trimmed) > 1 && trimmed[0] == '{' && trimmed[len(trimmed)-1] == '}' {
		return fmt.Errorf("%w (it looks like JSON: if the whole topic is, set `%s: %s`)", err, fieldEncoding, encodingJSON)
	}
	return err
}

// newSingleObjectDecoder knows our own schema and those of the files.
func newSingleObjectDecoder(files []string) (decoder, error) {
	known := make(map[uint64]*avro.Resolver, len(files))
	for _, file := range files {
		r, fingerprint, err := readSchema(file)
		if err != nil {
			return nil, err
		}
		known[fingerprint] = r
	}
	return func(_ context.Context, m *service.Message, t *tweet.Tweet) error {
		b, err := m.AsBytes()
		if err != nil {
			return err
		}
		fingerprint, datum, ok := tweet.SplitSingleObject(b)
		switch r := known[fingerprint]; {
		case !ok:
			return errors.New("it does not begin with the mark c3 01 of Avro's single-object encoding")
		case fingerprint == tweet.Fingerprint:
			return t.DecodeAvro(datum)
		case r == nil:
			return fmt.Errorf("its schema %016x is not known: name its file in %s", fingerprint, fieldSchemaFiles)
		default:
			return r.Decode(datum, t)
		}
	}, nil
}

func confluentDecoder(reg *registry) decoder {
	return func(ctx context.Context, m *service.Message, t *tweet.Tweet) error {
		b, err := m.AsBytes()
		if err != nil {
			return err
		}
		id, datum, ok := tweet.SplitConfluent(b)
		if !ok {
			return errors.New("it does not begin with the header of a schema registry, a zero byte and a schema id")
		}
		r, err := reg.resolver(ctx, int(id))
		if err != nil {
			return err
		}
		return r.Decode(datum, t)
	}
}

func readSchema(file string) (r *avro.Resolver, fingerprint uint64, err error) {
	schema, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the schema: %w", err)
	}
	if r, err = avro.NewResolver(string(schema)); err == nil {
		fingerprint, err = avro.Fingerprint(string(schema))
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the schema %s: %w", file, err)
	}
	return r, fingerprint, nil
}

func decodeJSON(_ context.Context, m *service.Message, t *tweet.Tweet) error {
	if m.HasStructured() && !m.HasBytes() {
		v, err := m.AsStructured()
		if err != nil {
			return err
		}
		return fromObject(v, t)
	}
	b, err := m.AsBytes()
	if err != nil {
		return err
	}
	return t.DecodeJSON(b)
}
