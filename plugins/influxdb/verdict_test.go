package influxdb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

var judgedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestJudge(t *testing.T) {
	want := map[int]verdict{
		204: verdictStored,
		413: verdictSplit,
		400: verdictRejected, 422: verdictRejected,
		408: verdictRetry, 425: verdictRetry, 429: verdictRetry, 100: verdictRetry, 0: verdictRetry,
	}
	for status := range 1000 {
		expected, named := want[status]
		switch {
		case named:
		case status >= 500 || status < 200:
			expected = verdictRetry
		default:
			expected = verdictMisconfigured
		}
		if got := judge(answer{status: status}, judgedAt); got.verdict != expected || got.status != status {
			t.Errorf("%d gives %v", status, got)
		}
	}
	for name, test := range map[string]struct {
		err  error
		want verdict
	}{
		"reset":               {errors.New("read: connection reset by peer"), verdictRetry},
		"time-out":            {fmt.Errorf("posting: %w", context.DeadlineExceeded), verdictRetry},
		"certificate":         {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, verdictMisconfigured},
		"plain HTTP":          {fmt.Errorf("doing: %w", http.ErrSchemeMismatch), verdictMisconfigured},
		"204 and a reset":     {errors.New("reset"), verdictRetry},
		"no TLS on that port": {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, verdictMisconfigured},
	} {
		if got := judge(answer{err: test.err, status: map[bool]int{true: 204}[strings.HasPrefix(name, "204")]}, judgedAt); got.verdict != test.want {
			t.Errorf("%s gives %v", name, got)
		}
	}
}

// TestJudgeRefusal breaks if points are refused for what is no fault of theirs, or
// if a point can stop the stream by words that it holds.
func TestJudgeRefusal(t *testing.T) {
	for text, want := range map[string]verdict{
		"gzip: invalid checksum": verdictRetry,
		"unexpected EOF":         verdictRetry,
		"partial write: shard 12 is pending deletion dropped=3":                                         verdictRetry,
		"failure writing points to database: partial write: shard 7 is pending deletion dropped=3":      verdictRetry,
		"Please provide either orgID or org":                                                            verdictMisconfigured,
		"write buffer error: cannot write to soft-deleted database 'x'":                                 verdictMisconfigured,
		"write buffer error: catalog update error: Adding a new database would exceed limit of 5":       verdictMisconfigured,
		"unable to parse 'm unexpected EOF 1': missing fields":                                          verdictRejected,
		"partial write: unable to parse 'shard 1 is pending deletion': missing fields":                  verdictRejected,
		"write buffer error: line protocol parse failed: Found trailing content: 'gzip: missing db'":    verdictRejected,
		"Update to schema would exceed number of columns per table limit of 500 columns":                verdictRejected,
		"failure writing points to database: partial write: points beyond retention policy dropped=100": verdictRejected,
	} {
		if got := judge(answer{status: 400, body: []byte(messageBody(text))}, judgedAt); got.verdict != want {
			t.Errorf("%s: %v, want %v", text, got.verdict, want)
		}
	}
}

func TestReason(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		want   string
	}{
		"2.x":             {answer{status: 404, body: []byte(`{"code":"not found","message":"bucket \"x\" not found"}`)}, `bucket "x" not found`},
		"1.8":             {answer{status: 404, body: []byte(`{"error":"database not found: \"x\""}`)}, `database not found: "x"`},
		"3":               {answer{status: 400, body: []byte(`{"error":"partial write of line protocol occurred","data":[{"line_number":2}]}`)}, "partial write of line protocol occurred"},
		"error object":    {answer{status: 400, body: []byte(`{"error":{"why":1}}`)}, `{"why":1}`},
		"header":          {answer{status: 400, header: http.Header{"X-Influxdb-Error": {"why"}}}, "why"},
		"text":            {answer{status: 502, body: []byte("<h1>Bad\r\nGateway</h1>\n")}, "<h1>Bad  Gateway</h1>"},
		"nothing":         {answer{status: 503}, "status 503 Service Unavailable"},
		"unknown nothing": {answer{status: 799}, "status 799"},
		"redirect":        {answer{status: 307, header: http.Header{"Location": {"https://other.test/"}}, body: []byte("moved")}, "redirected to https://other.test/"},
		"control":         {answer{status: 400, body: []byte("a\x1b[31mb\u0085c\xff")}, `a\x1b[31mb\u0085c` + "\ufffd"},
		"time-out":        {answer{err: fmt.Errorf("x: %w", context.DeadlineExceeded)}, "no answer in time"},
	} {
		if got := judge(test.answer, judgedAt).reason; got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"7":                              7 * time.Second,
		" 30 ":                           30 * time.Second,
		"61":                             time.Minute,
		"9223372036854775807":            time.Minute,
		"99999999999999999999999":        time.Minute,
		"-5":                             0,
		"1.5":                            0,
		"soon":                           0,
		"Fri, 02 Jan 2026 03:04:25 GMT":  20 * time.Second,
		"Friday, 02-Jan-26 03:04:25 GMT": 20 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT":  0,
		"Sat, 03 Jan 2026 03:04:05 GMT":  time.Minute,
	} {
		h := http.Header{}
		h.Set("Retry-After", value)
		if got := retryAfter(h, judgedAt); got != want {
			t.Errorf("%q gives %s, want %s", value, got, want)
		}
	}
}

// FuzzJudge breaks if anything but a 204 ever counts as stored, or if what a
// server says gets unbounded or in several lines into logs and metadata.
func FuzzJudge(f *testing.F) {
	f.Add(204, "", "", "", "")
	f.Add(200, "1", "", `{"error":"x"}`, "")
	f.Add(400, "", "partial", "", "")
	f.Add(204, "", "", "", "reset")
	f.Add(503, "Fri, 02 Jan 2026 03:04:25 GMT", "", "retention policy not found: x", "")
	f.Fuzz(func(t *testing.T, status int, after, header, body, failure string) {
		a := answer{status: status, header: http.Header{"Retry-After": {after}, "X-Influxdb-Error": {header}}, body: []byte(body)}
		if failure != "" {
			a.err = errors.New(failure)
		}
		d := judge(a, judgedAt)
		if (d.verdict == verdictStored) != (status == 204 && failure == "") {
			t.Fatalf("%d %q is %v", status, failure, d.verdict)
		}
		if d.verdict >= verdicts || d.verdict.String() == "" {
			t.Fatalf("verdict %d", d.verdict)
		}
		if d.after < 0 || d.after > maxRetryAfter {
			t.Fatalf("Retry-After %q waits %s", after, d.after)
		}
		if d.verdict == verdictStored {
			return
		}
		if d.reason == "" && failure == "" || len(d.reason) > letter.MaxText+3*letter.MaxText || strings.ContainsAny(d.reason, "\r\n\x1b\x00") || !utf8.ValidString(d.reason) {
			t.Fatalf("reason %q", d.reason)
		}
		if classOf(d, d.reason) == "" || explain(d, testConfig()) == "" && failure == "" {
			t.Fatal("no class, or no explanation")
		}
	})
}
