package sentimentwindow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// decoder reads one wire format. The tweet may alias its input. An error is final for
// this input, unless it is errPostponed or the context has ended.
type decoder struct {
	// value reads the bytes of a message or the value of a record. It is nil if a
	// message is required.
	value func(ctx context.Context, b []byte, t *tweet.Tweet) error
	// message reads a message whose metadata or structure matters, or is nil.
	message func(ctx context.Context, m *service.Message, t *tweet.Tweet) error
	// plain is true if value is plainAvro.
	plain bool
	// schemas is set if value may wait for a schema. Its context then carries the
	// Delivery of the message.
	schemas *schemaCache
}

func (d *decoder) decodeMessage(ctx context.Context, m *service.Message, t *tweet.Tweet) error {
	if d.message != nil {
		return d.message(ctx, m, t)
	}
	b, err := m.AsBytes()
	if err != nil {
		return err
	}
	return d.value(ctx, b, t)
}

// decodeRecord reads a record of the batch at o.
func (d *decoder) decodeRecord(ctx context.Context, o *contract.Position, rec *recordbatch.Record, t *tweet.Tweet) error {
	if d.value != nil {
		return d.value(ctx, rec.Value, t)
	}
	return d.message(ctx, recordMessage(o, rec), t)
}

func newDecoder(c config, log *service.Logger, metrics *schemaMetrics) (decoder, error) {
	switch c.encoding {
	case encodingSingleObject:
		return newSingleObjectDecoder(c.schemaFiles)
	case encodingConfluent:
		reg, err := newRegistry(c.registry)
		if err != nil {
			return decoder{}, err
		}
		return confluentDecoder(newSchemaCache(c.registry.url.Redacted(), log, metrics, reg.fetch)), nil
	case encodingJSON:
		if c.mapping != nil {
			return decoder{message: mappedDecoder(c.mapping)}, nil
		}
		return decoder{value: decodeJSON, message: decodeJSONMessage}, nil
	}
	if len(c.schemaFiles) == 0 {
		return decoder{value: decodeAvro, plain: true}, nil
	}
	resolver, _, err := readSchema(c.schemaFiles[0])
	if err != nil {
		return decoder{}, err
	}
	return resolvedDecoder(resolver), nil
}

func decodeAvro(_ context.Context, b []byte, t *tweet.Tweet) error { return plainAvro(b, t) }

func plainAvro(b []byte, t *tweet.Tweet) error {
	if err := t.DecodeAvro(b); err != nil {
		return avroError(b, err)
	}
	return nil
}

func resolvedDecoder(r *avro.Resolver) decoder {
	return decoder{value: func(_ context.Context, b []byte, t *tweet.Tweet) error {
		if err := r.Decode(b, t); err != nil {
			return avroError(b, err)
		}
		return nil
	}}
}

// avroError adds advice for the most common mistakes.
func avroError(b []byte, err error) error {
	if trimmed := bytes.TrimSpace(b); len(trimmed) > 1 && trimmed[0] == '{' && trimmed[len(trimmed)-1] == '}' {
		return fmt.Errorf("%w (it looks like JSON: if the whole topic is JSON, set `%s: %s`)", err, fieldEncoding, encodingJSON)
	}
	if id, _, ok := tweet.SplitConfluent(b); ok {
		return fmt.Errorf("%w (it begins like a record of Confluent's serializers, with a zero byte and the schema id %d: if the whole topic does, set `%s: %s`)", err, id, fieldEncoding, encodingConfluent)
	}
	return err
}

// newSingleObjectDecoder returns a decoder for the built-in schema and those of the files.
func newSingleObjectDecoder(files []string) (decoder, error) {
	own, err := avro.NewResolver(schemas.Tweet)
	if err != nil {
		return decoder{}, err
	}
	known := make(map[uint64]*avro.Resolver, len(files))
	for _, file := range files {
		r, fingerprint, err := readSchema(file)
		if err != nil {
			return decoder{}, err
		}
		// The fingerprint ignores logical types, and thus the unit of the timestamp.
		if before := known[fingerprint]; before != nil && before.Units() != r.Units() || fingerprint == tweet.Fingerprint && r.Units() != own.Units() {
			return decoder{}, fmt.Errorf("reading the schema %s: its timestamp has another unit than that of a schema with the same fingerprint, %016x, so the unit of a record is ambiguous", file, fingerprint)
		}
		known[fingerprint] = r
	}
	return decoder{value: func(_ context.Context, b []byte, t *tweet.Tweet) error {
		fingerprint, datum, ok := tweet.SplitSingleObject(b)
		switch r := known[fingerprint]; {
		case !ok:
			return errors.New("it does not begin with the bytes c3 01 of Avro's single-object encoding")
		case fingerprint == tweet.Fingerprint:
			return t.DecodeAvro(datum)
		case r == nil:
			return fmt.Errorf("its schema %016x is unknown: add its file to %s", fingerprint, fieldSchemaFiles)
		default:
			return r.Decode(datum, t)
		}
	}}, nil
}

func confluentDecoder(schemas *schemaCache) decoder {
	return decoder{schemas: schemas, value: func(ctx context.Context, b []byte, t *tweet.Tweet) error {
		id, datum, ok := tweet.SplitConfluent(b)
		if !ok {
			return errors.New("it does not begin with the header of a schema registry, a zero byte and a schema id")
		}
		r, err := schemas.resolver(ctx, int(id))
		if err != nil {
			return err
		}
		return r.Decode(datum, t)
	}}
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

func decodeJSON(_ context.Context, b []byte, t *tweet.Tweet) error {
	err := t.DecodeJSON(b)
	if errors.Is(err, tweet.ErrNotInteger) {
		return fmt.Errorf("%w (`%s` can convert it)", err, fieldMapping)
	}
	return err
}

func decodeJSONMessage(ctx context.Context, m *service.Message, t *tweet.Tweet) error {
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
	return decodeJSON(ctx, b, t)
}
