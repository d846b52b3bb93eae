package influxdb

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// answerFiles are the files of testdata/answers: of tests/influxanswers, and two
// that are written by hand from what InfluxData documents and from its sources.
var answerFiles = []string{influxfake.V1, influxfake.V2, influxfake.V1 + "-limits", "2-documented", "3-documented"}

// explained is words that the log must have of a setting that is wrong, by the
// beginning of the name of the exchange with /api/v2/write.
var explained = []struct{ name, words string }{
	{"a bucket that does not exist", "create_bucket"},
	{"a retention policy that does not exist", "create_bucket"},
	{"an organisation that does not exist", "org must be"},
	{"without an organisation", "set org"},
	{"a wrong token", "token is missing or wrong"},
	{"without a token", "token is missing or wrong"},
	{"a token without write permission, a bucket that does not exist", "create_bucket"},
	{"a token without write permission", "permission to write"},
	{"Basic authentication, wrong", "token is missing or wrong"},
	{"Cloud Serverless: without a token", "token is missing or wrong"},
	{"Core 3.8 and later: without a token", "token is missing or wrong"},
}

func readAnswers(t *testing.T, file string) []influxfake.Exchange {
	t.Helper()
	exchanges, err := influxfake.ReadExchanges(filepath.Join("testdata", "answers", file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return exchanges
}

// decisionOn is what the output makes of a recorded answer.
func decisionOn(e influxfake.Exchange) decision {
	header := http.Header{}
	for name, value := range e.Answer.Header {
		header.Set(name, influxfake.Expand(value))
	}
	body := influxfake.Expand(e.Answer.Body)
	return judge(answer{status: e.Answer.Status, header: header, body: []byte(body[:min(len(body), maxAnswer)])}, judgedAt)
}

// outcomeOf is the verdict, for a refusal with the class of its reason.
func outcomeOf(e influxfake.Exchange) string {
	if e.Method == http.MethodGet {
		return "no write"
	}
	d := decisionOn(e)
	if d.verdict != verdictRejected {
		return d.verdict.String()
	}
	return d.verdict.String() + " " + classOf(d, d.reason)
}

// TestJudgeRecordedAnswers breaks if an answer that a real server has given, or
// that is documented, is taken for another one, or if nobody has said what is to
// be made of it.
func TestJudgeRecordedAnswers(t *testing.T) {
	for _, file := range answerFiles {
		left := map[string]map[string]bool{}
		for path, names := range outcomes[file] {
			left[path] = map[string]bool{}
			for name := range names {
				left[path][name] = true
			}
		}
		for _, e := range readAnswers(t, file) {
			want, ok := outcomes[file][e.Path()][e.Name]
			if got := outcomeOf(e); !ok || got != want {
				t.Errorf("%s, %s, %s: got %q, want %q", file, e.Path(), e.Name, got, want)
			}
			if ok && !left[e.Path()][e.Name] {
				t.Errorf("%s, %s, %s: is there twice", file, e.Path(), e.Name)
			}
			delete(left[e.Path()], e.Name)
			if i := slices.IndexFunc(explained, func(x struct{ name, words string }) bool { return strings.HasPrefix(e.Name, x.name) }); i >= 0 && e.Path() == "/api/v2/write" && e.Answer.Status != http.StatusNoContent {
				if text := explain(decisionOn(e), testConfig()); !strings.Contains(text, explained[i].words) {
					t.Errorf("%s, %s: explained as %s", file, e.Name, text)
				}
			}
		}
		for path, names := range left {
			for name := range names {
				t.Errorf("%s, %s, %s: no such exchange", file, path, name)
			}
		}
	}
}

// TestOnlyA204IsDone breaks if the output takes for stored what a server, asked to
// write, has not answered with 204, or if a documented answer has no source.
func TestOnlyA204IsDone(t *testing.T) {
	for _, file := range answerFiles {
		documented := strings.HasSuffix(file, "-documented")
		for _, e := range readAnswers(t, file) {
			if outcome := outcomeOf(e); (outcome == "stored") != (e.Answer.Status == http.StatusNoContent) && e.Method != http.MethodGet {
				t.Errorf("%s, %s, %s: status %d is %s", file, e.Path(), e.Name, e.Answer.Status, outcome)
			}
			if documented != (e.Source != "") || documented != (e.As == "") {
				t.Errorf("%s, %s, %s: recorded or documented?", file, e.Path(), e.Name)
			}
			if e.Kind == "" {
				t.Errorf("%s, %s, %s: has no kind", file, e.Path(), e.Name)
			}
		}
	}
}
