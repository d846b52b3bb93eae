package sentimentwindow

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

const canary = "canary pass/word"

func clientOf(t *testing.T, address string) *registryClient {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newRegistryClient(registryConfig{url: u, username: "reg", password: canary})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A registry that is hostile must cost little, get the credentials nowhere else
// and say nothing in the log that is long, forged or secret.
func TestHostileRegistries(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	large := func(w http.ResponseWriter) {
		for range 64 {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<20)); err != nil {
				return
			}
		}
	}
	basic := base64.StdEncoding.EncodeToString([]byte("reg:" + canary))
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		says   string
		asked  int32
	}{
		"redirects to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "redirects more than 3 times", 4},
		"redirects for ever": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		}, "redirects more than 3 times", 4},
		"redirects to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}, "redirects to another host", 1},
		"redirects to another scheme": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host, http.StatusFound)
		}, `redirects from http to "https"`, 1},
		"a large schema": {func(w http.ResponseWriter, _ *http.Request) { large(w) }, "larger than 2097152 bytes", 1},
		"a large error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			large(w)
		}, "status 500", 1},
		"a bomb in gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 256 {
				_, _ = io.WriteString(z, strings.Repeat(" ", 1<<20))
			}
			_ = z.Close()
		}, "larger than 2097152 bytes", 1},
		"half a million brackets": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"schema":`+strings.Repeat("[", 500_000))
		}, "unable to decode", 1},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>\x1b[31m login\r\nforged line</html>")
		}, "unable to decode", 1},
		"control characters": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error_code":50001,"message":"\u001b]0;pwn\u0007\r\nlevel=error msg=forged `+strings.Repeat("x", 10_000)+`"}`)
		}, `status 500: "\x1b]0;pwn\a\r\nlevel=error`, 1},
		"the credentials": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, "%s %s %s %s", strings.Repeat("y", 195), r.Header.Get("Authorization"), canary, url.QueryEscape(canary))
		}, "status 403", 1},
		"the credentials at first": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, "%s %s", canary, r.Header.Get("Authorization"))
		}, `status 403: "*** Basic ***"`, 1},
		"a broken response": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
		}, "unable to read response body", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				tc.answer(w, r)
			}))
			defer server.Close()
			c := clientOf(t, server.URL)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.get(t.Context(), 1)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("it gives a schema")
			}
			if is := (finalError{}); errors.As(err, &is) {
				t.Errorf("%v is final: records would go to the dead letters", err)
			}
			text := c.said(err).Error()
			if !strings.Contains(text, tc.says) || len(text) > 1000 {
				t.Errorf("it says %q, want %q in at most 1000 bytes", text, tc.says)
			}
			for _, secret := range []string{canary, basic, "canary", basic[:12]} {
				if strings.Contains(text, secret) {
					t.Errorf("it says %q, in which there is %q", text, secret)
				}
			}
			if strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("it says %q, with control characters", text)
			}
			if n := asked.Load(); n != tc.asked {
				t.Errorf("it was asked %d times, want %d", n, tc.asked)
			}
			// The server's own 64 MB are in there, of one string each.
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 100<<20 {
				t.Errorf("%d bytes were allocated", grown)
			}
		})
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("another host was asked %d times", n)
	}
}

// subjects is a registry of schemas by path.
func subjects(t *testing.T, answers map[string]any) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = map[string]any{"error_code": 40402, "message": "Version not found"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server
}

func referTo(name, subject string, version int) map[string]any {
	return map[string]any{"name": name, "subject": subject, "version": version}
}

// A schema that refers to others must count like one that has them in itself.
func TestSchemasThatReferToOthers(t *testing.T) {
	enum := `{"type":"enum","name":"Sentiment","namespace":"com.acme","symbols":["positive","negative","neutral"]}`
	times := `{"type":"record","name":"Times","namespace":"com.acme","fields":[{"name":"mood","type":"Sentiment"}]}`
	writer := func(extra string) string {
		return `{"type":"record","name":"Tweet","namespace":"com.acme","fields":[{"name":"id","type":"string"},{"name":"text","type":"string"},{"name":"brand","type":"string"},` +
			`{"name":"sentiment","type":"com.acme.Sentiment"},{"name":"timestamp","type":"long"}` + extra + `]}`
	}
	many := make([]any, maxReferences+1)
	for i := range many {
		many[i] = referTo("x", "mood", i+1)
	}
	answers := map[string]any{
		"/schemas/ids/1": map[string]any{"schema": writer(""), "references": []any{referTo("com.acme.Sentiment", "mood", 1)}},
		// Times refers to the same version of mood.
		"/schemas/ids/2": map[string]any{"schema": writer(`,{"name":"times","type":["null","com.acme.Times"]}`), "references": []any{referTo("com.acme.Times", "times", 3), referTo("com.acme.Sentiment", "mood", 1)}},
		"/schemas/ids/3": map[string]any{"schema": writer(""), "references": []any{referTo("com.acme.Sentiment", "mood", -1)}},
		"/schemas/ids/4": map[string]any{"schema": writer(""), "references": []any{referTo("com.acme.Loop", "loop", 1)}},
		"/schemas/ids/5": map[string]any{"schema": writer(""), "references": many},
		"/schemas/ids/6": map[string]any{"schema": writer(""), "references": []any{referTo("com.acme.Sentiment", "gone", 1)}},
		"/schemas/ids/7": map[string]any{"schema": writer(""), "references": []any{referTo("com.acme.Sentiment", "large", 1)}},
		"/schemas/ids/8": map[string]any{"schema": "syntax", "schemaType": "PROTOBUF"},

		"/subjects/mood/versions/1":  map[string]any{"schema": enum},
		"/subjects/times/versions/3": map[string]any{"schema": times, "references": []any{referTo("com.acme.Sentiment", "mood", 1)}},
		"/subjects/loop/versions/1":  map[string]any{"schema": enum, "references": []any{referTo("com.acme.Loop", "loop", 1)}},
		"/subjects/large/versions/1": map[string]any{"schema": enum + strings.Repeat(" ", avro.MaxSchemaBytes)},
	}
	for i := range maxReferences + 1 {
		answers[fmt.Sprintf("/subjects/mood/versions/%d", i+1)] = map[string]any{"schema": enum}
	}
	c := clientOf(t, subjects(t, answers).URL)
	for id, says := range map[int]string{1: "", 2: "", 3: "only a numbered version", 4: "refers to itself", 5: "more than 100 schemas", 6: "which the registry does not have", 7: "more than 1048576 bytes", 8: "PROTOBUF, not Avro"} {
		got, err := c.get(t.Context(), id)
		if says != "" {
			is := finalError{}
			if err == nil || !strings.Contains(err.Error(), says) || !errors.As(err, &is) {
				t.Errorf("schema %d: got %v, want %q", id, err, says)
			}
			continue
		}
		if err != nil {
			t.Errorf("schema %d: %v", id, err)
			continue
		}
		r, err := avro.NewResolver(got.Schema.Schema, got.references...)
		if err != nil {
			t.Errorf("schema %d: %v", id, err)
			continue
		}
		b := datum("Tea", tweet.Negative, 5)
		if id == 2 {
			b = append(b, 0)
		}
		var tw tweet.Tweet
		if err := r.Decode(b, &tw); err != nil || tw.Sentiment != tweet.Negative {
			t.Errorf("schema %d: got %+v, %v", id, tw, err)
		}
	}
}

// The cache must not grow with the ids that records name, nor with their schemas.
func TestRegistryCacheIsBounded(t *testing.T) {
	r := &schemaCache{known: map[int]schemaEntry{}}
	for id := range 5000 {
		r.keep(id, schemaEntry{size: id % 3 * avro.MaxSchemaBytes})
		kept := 0
		for _, e := range r.known {
			kept += e.size
		}
		if kept != r.kept || kept > maxKeptBytes || len(r.known) > maxSchemas {
			t.Fatalf("%d schemas with %d bytes are kept, and %d are counted", len(r.known), kept, r.kept)
		}
	}
	r.keep(4999, schemaEntry{size: 7})
	r.keep(4999, schemaEntry{size: 9})
	if len(r.known) > 0 && r.known[4999].size != 9 {
		t.Error("the entry is not replaced")
	}
}

// A password in the URL is as good as one in its field, and errors show neither.
func TestPasswordInTheURLOfTheRegistry(t *testing.T) {
	var got atomic.Pointer[string]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		user += ":" + password
		got.Store(&user)
		w.WriteHeader(http.StatusTeapot)
	}))
	address := strings.Replace(server.URL, "http://", "http://reg:canary@", 1)
	p := testProcessor(t, "encoding: avro_confluent\nschema_registry: {url: \""+address+"\"}")
	if p.conf.registry.url.User != nil {
		t.Error("the URL has the password still")
	}
	c, err := newRegistryClient(p.conf.registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.get(t.Context(), 1); err == nil || *got.Load() != "reg:canary" {
		t.Errorf("the registry got %q, %v", *got.Load(), err)
	}
	server.Close()
	if _, err := c.get(t.Context(), 1); err == nil || strings.Contains(c.said(err).Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

// Files of schemas with one fingerprint must agree on the unit of the timestamp,
// as the header of a single object does not say it.
func TestSchemaFilesInDifferentUnits(t *testing.T) {
	micros := strings.Replace(schemas.Tweet, "timestamp-millis", "timestamp-micros", 1)
	local := strings.Replace(schemas.Tweet, "timestamp-millis", "local-timestamp-millis", 1)
	for _, tc := range []struct {
		files []string
		says  string
	}{
		{[]string{micros}, "another unit"},
		{[]string{local}, ""},
		{[]string{newerSchema, strings.Replace(newerSchema, `"timestamp", "type": "long"`, `"timestamp", "type": {"type": "long", "logicalType": "timestamp-nanos"}`, 1)}, "another unit"},
		{[]string{newerSchema, newerSchema}, ""},
	} {
		var files []string
		for _, schema := range tc.files {
			files = append(files, writeSchema(t, schema))
		}
		_, err := newSingleObjectDecoder(files)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("got %v, want %q", err, tc.says)
		}
	}
}

// Producers that have moved on: what Avro reads of their records counts, and a
// record that it does not read takes no other along.
func TestRecordsOfEvolvedSchemas(t *testing.T) {
	const now = 1_700_000_000_123
	evolved := func(old, replacement string) map[string]any {
		return map[string]any{"schema": strings.Replace(schemas.Tweet, old, replacement, 1)}
	}
	nullable := strings.Replace(schemas.Tweet, `{"type": "long", "logicalType": "timestamp-millis"}`, `["null", {"type": "long", "logicalType": "timestamp-millis"}]`, 1)
	answers := map[string]any{
		"/schemas/ids/1": evolved(`"text", "type": "string"`, `"text", "type": ["null", "string"]`),
		"/schemas/ids/2": map[string]any{"schema": nullable},
		"/schemas/ids/3": evolved(`"neutral"]`, `"neutral", "mixed"]`),
		"/schemas/ids/4": evolved("timestamp-millis", "timestamp-micros"),
	}
	value := func(id byte, parts ...any) []byte {
		b := []byte{0, 0, 0, 0, id}
		for _, part := range parts {
			switch v := part.(type) {
			case string:
				b = append(tweet.AppendLong(b, int64(len(v))), v...)
			case int:
				b = tweet.AppendLong(b, int64(v))
			}
		}
		return b
	}
	p := testProcessor(t, "message: record_batch\nencoding: avro_confluent\nschema_registry: {url: "+subjects(t, answers).URL+"}")
	var records []recordbatch.Record
	for i, v := range [][]byte{
		value(1, "i", 1, "t", "Tea", 1, now), value(1, "i", 0, "Tea", 1, now), // the text is null
		value(2, "i", "t", "Tea", 1, 1, now), value(2, "i", "t", "Tea", 1, 0),
		value(3, "i", "t", "Tea", 1, now), value(3, "i", "t", "Tea", 3, now),
		value(4, "i", "t", "Tea", 1, now*1000+999),
	} {
		records = append(records, recordAt(int64(i), v, now))
	}
	folds, refused := process(t, p, batchMessage(t, "tweets", 0, recordbatch.Header{}, records...))
	if len(folds) != 1 {
		t.Fatalf("%d folds", len(folds))
	}
	b, err := folds[0].AsBytes()
	if want := "tweets,brand=Tea,sentiment=negative count=4i 1700000000000000000"; err != nil || !strings.Contains(string(b), want) {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
	for i, says := range []string{"the text is null", "the timestamp is null", `the sentiment is "mixed"`} {
		if i >= len(refused) || !strings.Contains(refused[i].GetError().Error(), says) {
			t.Errorf("%d are refused, the one at %d not because %s", len(refused), i, says)
		}
	}
}
