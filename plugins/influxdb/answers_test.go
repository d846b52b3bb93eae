package influxdb

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestJudgeRecordedAnswers breaks if an answer that a real server has given is
// taken for another one. tests/influxanswers records them.
func TestJudgeRecordedAnswers(t *testing.T) {
	wrong := map[string]struct {
		verdict verdict
		fix     string // words of the explanation
	}{
		"no such bucket":                             {mend, "create_bucket"},
		"no such bucket, no points":                  {mend, "create_bucket"},
		"no bucket":                                  {mend, ""},
		"no such organisation":                       {mend, "org must be"},
		"no organisation":                            {refused, "set org"},
		"no such retention policy":                   {mend, "create_bucket"},
		"wrong token":                                {mend, "token is missing or wrong"},
		"wrong token, no points":                     {mend, "token is missing or wrong"},
		"no token":                                   {mend, "token is missing or wrong"},
		"a token that may only read":                 {mend, "must be allowed to write"},
		"a token that may only read, no such bucket": {mend, "create_bucket"},
	}
	classes := map[string]string{
		"malformed":        classMalformed,
		"two malformed":    classMalformed,
		"type conflict":    classConflict,
		"beyond retention": classRetention,
		"NaN":              classMalformed,
		"time below":       classMalformed,
	}
	for _, version := range []string{influxfake.V1, influxfake.V2} {
		exchanges, err := influxfake.ReadExchanges("testdata/answers/" + version + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exchanges {
			header := http.Header{}
			for name, value := range e.Answer.Header {
				header.Set(name, value)
			}
			a := answer{status: e.Answer.Status, header: header, body: []byte(e.Answer.Body)}
			d := judge(a, judgedAt)
			want, fix := refused, ""
			if expected, ok := wrong[e.Name]; ok {
				want, fix = expected.verdict, expected.fix
			}
			if e.Answer.Status == http.StatusNoContent {
				want, fix = done, ""
			}
			if d.verdict != want {
				t.Errorf("%s, %s: %v, want %v", version, e.Name, d.verdict, want)
			}
			if text := explain(d, testConfig()); !strings.Contains(text, fix) {
				t.Errorf("%s, %s: explained as %s", version, e.Name, text)
			}
			for beginning, class := range classes {
				if strings.HasPrefix(e.Name, beginning) && classOf(d.status, d.reason) != class {
					t.Errorf("%s, %s: class %s", version, e.Name, classOf(d.status, d.reason))
				}
			}
		}
	}
}
