package brandview

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func serve(t *testing.T, status int, body string) (*client, *http.Request) {
	t.Helper()
	var got http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = *r
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := newClient(Source{URL: server.URL, Token: "secret", Bucket: "brandpulse/month", Measurement: "tweets"})
	if err != nil {
		t.Fatal(err)
	}
	return c, &got
}

const rows = `{"results":[{"series":[{"name":"tweets","tags":{"brand":"A","sentiment":"positive"},"columns":["time","sum"],"values":[[100000000000,3],[105000000000,4]]}],"partial":true}]}
{"results":[{"series":[{"name":"tweets","tags":{"brand":"A","sentiment":"negative"},"columns":["time","sum"],"values":[[105000000000,7.0]]},{"name":"tweets","tags":{"brand":"","sentiment":"neutral"},"columns":["time","sum"],"values":[[100000000000,2]]},{"name":"tweets","tags":{"brand":"A","sentiment":"angry"},"columns":["time","sum"],"values":[[100000000000,5]]}]}]}
`

func TestCountsOfAnAnswer(t *testing.T) {
	c, request := serve(t, 200, rows)
	a, err := c.counts(t.Context(), 5, 100, 110)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]Counts{"A": {{3, 0, 0}, {4, 7, 0}}, "": {{0, 0, 2}, {}}}
	if diff := cmp.Diff(want, a.brands); diff != "" {
		t.Error(diff)
	}
	if a.stray != 5 {
		t.Errorf("%d tweets have a sentiment that is none, want 5", a.stray)
	}
	if request.Form.Get("db") != "brandpulse" || request.Form.Get("rp") != "month" || request.Header.Get("Authorization") != "Token secret" {
		t.Errorf("asked %v with %q", request.Form, request.Header.Get("Authorization"))
	}
	if got := request.Form.Get("params"); got != `{"from":100000000000,"to":110000000000}` {
		t.Errorf("the bounds are %s", got)
	}
}

// What would break: an answer that was cut off is taken for few tweets.
func TestAnswersThatAreNone(t *testing.T) {
	first, _, _ := strings.Cut(rows, "\n")
	for name, c := range map[string]struct {
		status int
		body   string
		kind   string
	}{
		"refused":       {401, `{"error":"authorization failed"}`, Refused},
		"forbidden":     {403, `{"code":"forbidden","message":"insufficient permissions"}`, Refused},
		"no bucket v1":  {200, `{"results":[{"statement_id":0,"error":"database not found: brandpulse"}]}`, Missing},
		"no bucket v2":  {404, `{"code":"not found","message":"no dbrp mapping found"}`, Missing},
		"a proxy":       {502, `<html>Bad gateway`, Failing},
		"a redirect":    {307, ``, Failing},
		"not JSON":      {200, `<html>`, Failing},
		"cut off":       {200, first, Failing},
		"nothing":       {200, ``, Failing},
		"rows no times": {200, `{"results":[{"series":[{"values":[[null,3]]}]}]}`, Failing},
		"other columns": {200, `{"results":[{"series":[{"values":[[100000000000,3,4]]}]}]}`, Failing},
		"an error":      {200, `{"error":"timeout reached"}`, Failing},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := serve(t, c.status, c.body)
			_, err := client.counts(t.Context(), 5, 100, 110)
			var problem *Problem
			if !errors.As(err, &problem) || problem.Kind != c.kind {
				t.Errorf("%v, want a problem of the kind %s", err, c.kind)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the token is in %v", err)
			}
		})
	}
	client, err := newClient(Source{URL: "http://127.0.0.1:1", Token: "secret", Bucket: "b", Measurement: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.counts(t.Context(), 5, 100, 110); problemOf(err).Kind != Unreachable {
		t.Errorf("%v, want a problem of the kind %s", err, Unreachable)
	}
}

// Brands beyond a bound are counted all the same, as one.
func TestManyBrandsAreBounded(t *testing.T) {
	a := answer{step: 1, from: 0, to: 2, brands: map[string][]Counts{}}
	for i := range 2 * maxAnswerBrands {
		a.windows(fmt.Sprint(i))[1][0]++
	}
	var total int64
	for _, windows := range a.brands {
		total += windows[1].Total()
	}
	if len(a.brands) > maxAnswerBrands+1 || total != 2*maxAnswerBrands {
		t.Errorf("%d brands with %d tweets", len(a.brands), total)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "localhost:8086", "ftp://x", "http://user:secret@x", "http://x?u=1", "http://"} {
		if _, err := newClient(Source{URL: address, Bucket: "b", Measurement: "m"}); err == nil {
			t.Errorf("%q is taken", address)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in %v", err)
		}
	}
}

// Whatever a server sends must end in rows or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(rows))
	f.Add([]byte(`{"results":[{"series":[{"tags":null,"values":[[1,"x",null,true]]}]}]}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		_ = readAnswer(strings.NewReader(string(body)), func(r row) error {
			for _, v := range r.values {
				integer(v)
			}
			return nil
		})
	})
}

// What would break: a sample of texts in a measurement of its own is not shown, or in
// another order or number than the newest.
func TestTextsOfTwoMeasurementsAreOneList(t *testing.T) {
	const answer = `{"results":[{"series":[{"name":"tweet_texts","columns":["time","text","brand","sentiment"],"values":[[9000000000,"newest","A","neutral"],[3000000000,"old","A","neutral"]]},{"name":"tweets","columns":["time","text","brand","sentiment"],"values":[[7000000000,"newer","B","positive"],[1000000000,"oldest","B","positive"]]}]}]}
`
	for _, c := range []struct{ texts, from string }{
		{"", `FROM "tweets" WHERE`},
		{"tweets", `FROM "tweets" WHERE`},
		{"tweet_texts", `FROM "tweets", "tweet_texts" WHERE`},
		{`a"b`, `FROM "tweets", "a\"b" WHERE`},
	} {
		server, request := serve(t, 200, answer)
		source := server.source
		source.Texts = c.texts
		client, err := newClient(source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.texts(t.Context(), textQuery{to: 10, limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		want := []Tweet{{9000, "newest", "A", "neutral"}, {7000, "newer", "B", "positive"}, {3000, "old", "A", "neutral"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if statement := request.Form.Get("q"); !strings.Contains(statement, c.from) {
			t.Errorf("texts in %q: asked %s, want %s", c.texts, statement, c.from)
		}
	}
	if _, err := newClient(Source{URL: "http://a", Bucket: "b", Measurement: "tweets", Texts: "a\nb"}); err == nil {
		t.Error("a name with a line break is taken")
	}
}
