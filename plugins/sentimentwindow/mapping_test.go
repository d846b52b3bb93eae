package sentimentwindow

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// A mapping must not make two brands one: the parser before it turns bytes that
// are not UTF-8 and halves of surrogate pairs into U+FFFD, and keeps the last of two
// members with one name. The same values are refused with and without it, in the
// same words, whatever a message is.
func TestJSONIsRefusedAlikeWithAMapping(t *testing.T) {
	const now = 1_700_000_000_123
	whole := `{"id":"i","text":"t","brand":"B","sentiment":"negative","timestamp":1700000000123,"x":{"y":[1]}}`
	for name, tc := range map[string]struct{ old, replacement, says string }{
		"Latin-1 in the brand":       {`"B"`, "\"Caf\xe9\"", "invalid UTF-8"},
		"a byte in another member":   {`[1]`, "\"\xff\"", "invalid UTF-8"},
		"a lone surrogate":           {`"B"`, `"\ud83d"`, "surrogate"},
		"a lone surrogate, nested":   {`[1]`, `["\udc00"]`, "surrogate"},
		"a lone surrogate in a name": {`"y"`, `"\ud800"`, "surrogate"},
		"a doubled brand":            {`"B"`, `"B","brand":"C"`, "duplicate"},
		"a doubled name, nested":     {`[1]`, `[{"a":1,"\u0061":2}]`, "duplicate"},
		"sound":                      {`"B"`, `"\ud83d\ude00 Café"`, ""},
	} {
		value := []byte(strings.Replace(whole, tc.old, tc.replacement, 1))
		said := map[string]string{}
		for setting, yaml := range map[string]string{
			"plain":         "encoding: json",
			"mapped":        "encoding: json\nmapping: root = this",
			"by content":    "encoding: json\nmapping: 'root = content().parse_json(use_number: true)'",
			"plain batches": "encoding: json\nmessage: record_batch",
			"batches":       "encoding: json\nmessage: record_batch\nmapping: root = this",
		} {
			p := testProcessor(t, yaml)
			m := kafkaMessage("tweets", 0, 7, value)
			if strings.Contains(yaml, contract.RecordBatch) {
				m = batchMessage(t, "tweets", 0, recordbatch.Header{}, recordAt(0, value, now))
			}
			_, refused := process(t, p, m)
			if (len(refused) == 1) != (tc.says != "") {
				t.Errorf("%s, %s: %d messages are refused", name, setting, len(refused))
				continue
			}
			if tc.says == "" {
				continue
			}
			got := refused[0].GetError().Error()
			if !strings.Contains(got, tc.says) {
				t.Errorf("%s, %s: %q does not say %q", name, setting, got, tc.says)
			}
			if b, err := refused[0].AsBytes(); err != nil || string(b) != string(value) {
				t.Errorf("%s, %s: the dead letter holds %q, %v", name, setting, b, err)
			}
			_, said[setting], _ = strings.Cut(got, "reading JSON")
			if said[setting] != said["plain"] && said["plain"] != "" {
				t.Errorf("%s: %s says %q, plain %q", name, setting, said[setting], said["plain"])
			}
		}
	}
}

// A mapping may read what is not JSON, and messages that have no bytes.
func TestMappingOfOtherThings(t *testing.T) {
	fields := `root.sentiment = "neutral"
root.timestamp = 1700000000123
`
	indented := strings.ReplaceAll("\n"+fields, "\n", "\n  ")
	p := testProcessor(t, "encoding: json\nmapping: |\n  root.brand = content().string().split(\";\").index(0)"+indented)
	if _, refused := process(t, p, kafkaMessage("tweets", 0, 0, []byte("Tea;1"))); len(refused) != 0 {
		t.Errorf("refused: %v", refused[0].GetError())
	}
	structured := service.NewMessage(nil)
	structured.SetStructured(map[string]any{"company": "Tea"})
	p = testProcessor(t, "encoding: json\nmapping: |\n  root.brand = this.company"+indented)
	if _, refused := process(t, p, structured); len(refused) != 0 {
		t.Errorf("refused: %v", refused[0].GetError())
	}
}
