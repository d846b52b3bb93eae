package subpartition

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// If this fails, the keys of Kafka's records, which are bytes, are not keys, or messages
// without a key wait for each other as if they had the same one.
func TestKeysOfMessages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.blobl")
	if err := os.WriteFile(file, []byte("root = this.id"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		mapping string
		key     []byte // of the record
		value   string
		want    string // "" for no key
		fails   bool
	}{
		"the key of a record":        {"root = @kafka_key", []byte("k"), "v", "k", false},
		"a record without a key":     {"root = @kafka_key", nil, "v", "", false},
		"a record with an empty key": {"root = @kafka_key", []byte{}, "v", "", false},
		"the key as text":            {"root = @kafka_key.string()", []byte("k"), "v", "k", false},
		"no key as text":             {"root = @kafka_key.string()", nil, "v", "", false},
		"a text of the value":        {"root = this.id", nil, `{"id":"a"}`, "a", false},
		"an empty text":              {"root = this.id", nil, `{"id":""}`, "", false},
		"null":                       {"root = this.id", nil, `{"id":null}`, "", false},
		"the text null":              {"root = this.id", nil, `{"id":"null"}`, "null", false},
		"an expression":              {"this.id", nil, `{"id":"a"}`, "a", false},
		"an expression, null":        {"this.id", nil, `{"id":null}`, "", false},
		"no assignment":              {"if this.id != null { root = this.id }", nil, `{"id":null}`, "", false},
		"a mapping of a file":        {"from \"" + file + "\"", nil, `{"id":"a"}`, "a", false},
		"a mapping of a file, null":  {"from \"" + file + "\"", nil, `{"id":null}`, "", false},
		"missing":                    {"root = this.id", nil, `{}`, "", false},
		"deleted":                    {"root = deleted()", nil, "v", "", false},
		"a number":                   {"root = this.id", nil, `{"id":12345678901}`, "12345678901", false},
		"a fraction":                 {"root = this.id", nil, `{"id":0.5}`, "0.5", false},
		"a boolean":                  {"root = this.id", nil, `{"id":true}`, "true", false},
		"an object":                  {"root = this", nil, `{"id":1}`, "", true},
		"a list":                     {"root = this.id", nil, `{"id":[1]}`, "", true},
		"no JSON":                    {"root = this.id", nil, `oops`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := parse(childYAML + block + "key: '" + c.mapping + "'")
			if err != nil {
				t.Fatal(err)
			}
			m := service.NewMessage(nil)
			contract.SetRecord(m, c.key, []byte(c.value), 1)
			m.SetBytes([]byte(c.value))
			key, keyed, err := conf.key.of(m)
			if key != c.want || keyed != (c.want != "") || (err != nil) != c.fails {
				t.Errorf("the key is %q, %t, %v; want %q", key, keyed, err, c.want)
			}
		})
	}
}
