package linewrite

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// server answers requests by do, which gets the lines of each.
func server(t *testing.T, do func(lines []string) (status int, body string)) *Writer {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/api/v2/write" || r.URL.RawQuery != "bucket=b&org=o&precision=ns" || r.Header.Get("Authorization") != "Token t" {
			t.Errorf("%s with %s", r.URL, r.Header)
		}
		status, text := do(strings.Split(string(body), "\n"))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	w, err := New(Options{URL: s.URL, Bucket: "b", Org: "o", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	w.wait = time.Millisecond
	return w
}

// If this fails, a line is taken for stored that is not, or for rejected although it is
// good.
func TestEachLineHasAResult(t *testing.T) {
	var stored map[string]bool
	whole := false // whether a request with a bad line stores nothing, as in 2.x
	w := server(t, func(lines []string) (int, string) {
		bad := slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "bad") })
		for _, l := range lines {
			if !strings.HasPrefix(l, "bad") && !(bad && whole) {
				stored[l] = true
			}
		}
		if bad {
			return 400, `{"error":"partial write: field type conflict"}`
		}
		return 204, ""
	})
	rapid.Check(t, func(t *rapid.T) {
		stored, whole = map[string]bool{}, rapid.Bool().Draw(t, "whole")
		var lines [][]byte
		want := map[int]Refusal{}
		good := map[string]bool{}
		for i := range rapid.IntRange(1, 40).Draw(t, "lines") {
			kind := rapid.SampledFrom([]string{"good", "bad"}).Draw(t, "kind")
			lines = append(lines, fmt.Appendf(nil, "%s %d", kind, i))
			if kind == "bad" {
				want[i] = Refusal{Why: "partial write: field type conflict"}
			} else {
				good[string(lines[i])] = true
			}
		}
		refused, err := w.Write(context.Background(), lines)
		if err != nil || !maps.Equal(refused, want) || !maps.Equal(stored, good) {
			t.Fatalf("refused %v, stored %v, %v", refused, stored, err)
		}
	})
}

// If this fails, a wrong setting or an answer of a proxy makes lines pass for rejected or
// stored, or a server that is busy ends the replay at once.
func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		status   int
		body     string
		refused  bool
		requests int
		says     string
	}{
		{204, "", false, 1, ""},
		{422, `{"code":"unprocessable entity","message":"failure writing points to database: partial write: points beyond retention policy dropped=1"}`, true, 1, ""},
		{400, `{"code":"invalid","message":"unable to parse 'x': missing fields"}`, true, 1, ""},
		{500, `{"code":"internal error","message":"unexpected error writing points to database: partial write: field type conflict"}`, true, 1, ""},
		{413, "", true, 1, ""},
		{200, "<html>", false, 1, "200 OK"},
		{400, `{"error":"database is required"}`, false, 1, "database is required"},
		{401, `{"code":"unauthorized","message":"unauthorized access"}`, false, 1, "Check the token"},
		{404, `{"code":"not found","message":"bucket \"b\" not found"}`, false, 1, "Check the names"},
		{302, "", false, 1, "302 Found"},
		{503, "busy", false, attempts, "may be stored or not"},
		{429, "", false, attempts, "may be stored or not"},
		{500, `{"error":"partial write: shard 5 is pending deletion"}`, false, attempts, "may be stored or not"},
	} {
		requests := 0
		w := server(t, func([]string) (int, string) { requests++; return test.status, test.body })
		refused, err := w.Write(t.Context(), [][]byte{[]byte("x")})
		if (len(refused) == 1) != test.refused || requests != test.requests || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%d %s: refused %v, %d requests, %v", test.status, test.body, refused, requests, err)
		}
		if test.refused && refused[0].Why == "" {
			t.Errorf("%d %s: refused without a reason", test.status, test.body)
		}
	}
}

// If this fails, a line passes for one that is not stored although a request with it may
// be applied yet.
func TestARejectedLineOfAnUnansweredRequestIsInDoubt(t *testing.T) {
	const reject = `{"error":"partial write: field type conflict"}`
	for _, test := range []struct {
		first    func(w http.ResponseWriter)
		doubtful bool
	}{
		{func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		{func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, true},
		{func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, false},
		{func(w http.ResponseWriter) { http.Error(w, reject, http.StatusBadRequest) }, false},
	} {
		requests := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests++; requests == 1 {
				test.first(w)
				return
			}
			http.Error(w, reject, http.StatusBadRequest)
		}))
		t.Cleanup(s.Close)
		w, err := New(Options{URL: s.URL, Bucket: "b"})
		if err != nil {
			t.Fatal(err)
		}
		w.wait = time.Millisecond
		refused, err := w.Write(t.Context(), [][]byte{[]byte("x"), []byte("y")})
		want := Refusal{Why: "partial write: field type conflict", Doubtful: test.doubtful}
		if err != nil || len(refused) != 2 || refused[0] != want || refused[1] != want {
			t.Errorf("refused %v, %v, want %v of each", refused, err, want)
		}
	}
	w, err := New(Options{URL: "http://127.0.0.1:1", Bucket: "b"}) // nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	w.wait = time.Millisecond
	if _, unanswered, err := w.insist(t.Context(), []byte("x")); err == nil || unanswered {
		t.Errorf("a request that was never sent is in doubt: %v, %v", unanswered, err)
	}
}

// If this fails, Ctrl-C does not say that the lines may be stored, or waits for the next attempt.
func TestAnInterruptedWriteMayBeStored(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := server(t, func([]string) (int, string) {
		time.AfterFunc(50*time.Millisecond, cancel) // while it waits for the next attempt
		return 503, "busy"
	})
	w.wait = time.Minute
	_, err := w.Write(ctx, [][]byte{[]byte("x")})
	if err == nil || !strings.Contains(err.Error(), "it responds 503 Service Unavailable: busy. Run it again") {
		t.Errorf("it says %v", err)
	}
}

// If this fails, a password in an address is printed.
func TestNewRefusesAddresses(t *testing.T) {
	for _, address := range []string{"", "localhost:8086", "ftp://user:hunter2@host", "http://user:hunter2@ho st"} {
		if _, err := New(Options{URL: address}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
