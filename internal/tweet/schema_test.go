package tweet_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/hamba/avro/v2/pkg/crc64"
	twmb "github.com/twmb/avro"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// If this fails, the single-object header names a schema that nobody has. hamba/avro's
// own fingerprint is not a reference: it keeps logicalType in the canonical form
// (0x8d2952f57ad1e20e), which the specification removes. Its CRC is applied to the
// canonical form of the specification; fastavro 1.13 (Python) returns the same number.
func TestFingerprintIsOfTheSchema(t *testing.T) {
	canonical := `{"name":"com.brandpulse.Tweet","type":"record","fields":[` +
		`{"name":"id","type":"string"},{"name":"text","type":"string"},{"name":"brand","type":"string"},` +
		`{"name":"sentiment","type":{"name":"com.brandpulse.Sentiment","type":"enum","symbols":["positive","negative","neutral"]}},` +
		`{"name":"timestamp","type":"long"}]}`
	if got := string(twmb.MustParse(schemas.Tweet).Canonical()); got != canonical {
		t.Errorf("canonical form of schemas/tweet.avsc:\n got %s\nwant %s", got, canonical)
	}
	sum := crc64.Sum([]byte(canonical))
	if got, want := fmt.Sprintf("%016x", tweet.Fingerprint), fmt.Sprintf("%x", sum); got != want {
		t.Errorf("Fingerprint is %s, want %s", got, want)
	}
}

// The order of the fields and symbols is hard-coded in the codec. If this fails, the
// schema was changed but the code was not.
func TestSchemaIsTheOneTheCodecImplements(t *testing.T) {
	var record struct {
		Fields []struct {
			Name string
			Type any
		}
	}
	if err := json.Unmarshal([]byte(schemas.Tweet), &record); err != nil {
		t.Fatal(err)
	}
	var fields, types, symbols []string
	for _, f := range record.Fields {
		fields = append(fields, f.Name)
		switch typ := f.Type.(type) {
		case string:
			types = append(types, typ)
		case map[string]any:
			types = append(types, typ["type"].(string))
			if list, ok := typ["symbols"].([]any); ok {
				for _, s := range list {
					symbols = append(symbols, s.(string))
				}
			}
		}
	}
	if want := []string{"id", "text", "brand", "sentiment", "timestamp"}; !slices.Equal(fields, want) {
		t.Errorf("fields %v, the codec writes %v", fields, want)
	}
	if want := []string{"string", "string", "string", "enum", "long"}; !slices.Equal(types, want) {
		t.Errorf("types %v, the codec writes %v", types, want)
	}
	if len(symbols) != tweet.NumSentiments {
		t.Fatalf("symbols %v, the codec knows %d", symbols, tweet.NumSentiments)
	}
	for i, s := range symbols {
		if got := tweet.Sentiment(i).String(); got != s {
			t.Errorf("symbol %d is %s in the schema and %s in the code", i, s, got)
		}
		if parsed, ok := tweet.ParseSentiment(s); !ok || parsed != tweet.Sentiment(i) {
			t.Errorf("ParseSentiment(%q) = %v, %v", s, parsed, ok)
		}
	}
}
