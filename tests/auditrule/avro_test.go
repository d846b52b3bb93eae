package auditrule_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// If this fails, the audit and the pipeline differ on the data with which the pipeline
// is compared with fastavro and Apache Avro for Java.
func TestAgreeOnWhatOthersRead(t *testing.T) {
	text, err := os.ReadFile("../../internal/avro/testdata/pairs/pairs.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded []struct {
		Name, Writer, Datum string
		References          []string
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	for _, r := range recorded {
		schema := tweetrule.RegistrySchema{Text: []byte(r.Writer)}
		for _, reference := range r.References {
			schema.References = append(schema.References, []byte(reference))
		}
		datum, err := hex.DecodeString(r.Datum)
		if err != nil {
			t.Fatal(err)
		}
		resolver, err := avro.NewResolver(r.Writer, r.References...)
		pipeline := func(b []byte, t *tweet.Tweet) error {
			if err != nil {
				return err
			}
			return resolver.Decode(b[5:], t)
		}
		p := newPair(t, r.Name, tweetrule.Options{
			Encoding: tweetrule.Confluent,
			Registry: func(uint32) (tweetrule.RegistrySchema, error) { return schema, nil },
		}, pipeline)
		if how := p.differ(append([]byte{0, 0, 0, 0, 1}, datum...)); how != "" {
			t.Error(how)
		}
	}
}
