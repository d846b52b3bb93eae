package influxdb

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// TestPageIsNamedAsSuch breaks if somebody who reads the log takes the words of a
// gateway for InfluxDB's, or has to read HTML.
func TestPageIsNamedAsSuch(t *testing.T) {
	const named = "a web page, not InfluxDB's answer: "
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for _, test := range []struct {
		name   string
		answer answer
		want   string
	}{
		{"firewall", answer{status: 403, header: html, body: []byte("<html><head><title>403 Forbidden</title></head><body>Request blocked. Incident 4711</body></html>")}, named + "403 Forbidden Request blocked. Incident 4711"},
		{"no content type", answer{status: 417, body: []byte("\n<!DOCTYPE html><p>Expectation&nbsp;failed &amp; gone")}, named + "Expectation failed & gone"},
		{"script and style", answer{status: 503, header: html, body: []byte("<style>p{}</style><script>if (a<b) {}</script><!-- <p> -->Wait</p>")}, named + "Wait"},
		{"text that says HTML", answer{status: 503, header: html, body: []byte("no healthy upstream")}, "no healthy upstream"},
		{"no text", answer{status: 403, header: html, body: []byte("<html></html>")}, strings.TrimSpace(named)},
	} {
		if got := strings.TrimSpace(judge(test.answer, judgedAt).reason); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestCompressedAnswerIsRead breaks if an answer that a gateway has compressed is
// shown as bytes, or not understood, or if it can fill the memory.
func TestCompressedAnswerIsRead(t *testing.T) {
	const words = `{"code":"invalid","message":"unable to parse 'x': missing fields"}`
	pack := map[string]func(io.Writer) io.WriteCloser{
		"gzip":   func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"x-gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"":       func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"Deflate": func(w io.Writer) io.WriteCloser {
			return zlib.NewWriter(w)
		},
		"deflate": func(w io.Writer) io.WriteCloser {
			z, err := flate.NewWriter(w, 1)
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
		"zstd": func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
	}
	for encoding, writer := range pack {
		for _, content := range []string{words, words + strings.Repeat(" ", 4<<20)} {
			var packed bytes.Buffer
			w := writer(&packed)
			_, _ = io.WriteString(w, content)
			_ = w.Close()
			got := decompressed(packed.Bytes(), encoding)
			if !bytes.HasPrefix(got, []byte(words)) || len(got) > maxAnswer {
				t.Errorf("%q, %d bytes: %d bytes, %.80q", encoding, len(content), len(got), got)
			}
		}
	}
	for _, encoding := range []string{"gzip", "deflate", "zstd", "br", ""} {
		if got := decompressed([]byte("as it is"), encoding); string(got) != "as it is" && encoding != "deflate" {
			t.Errorf("%q: %q", encoding, got)
		}
	}
}

// TestNoSecretIsEchoed breaks if a server can bring a secret of the configuration
// into logs or dead letters, in whatever form it repeats it, cut in half included.
func TestNoSecretIsEchoed(t *testing.T) {
	conf := testConfig()
	conf.token = `to<ken>/+"7&`
	conf.headers = map[string]string{"X-Api-Key": "key-of-the-gateway", "X-Auth": "Bearer another-one"}
	conf.proxy, _ = url.Parse("http://user:proxy-word@proxy.test:3128")
	basic := testConfig()
	basic.username, basic.password = "writer", "pass word"
	colon := testConfig()
	colon.token = "writer:colon-word"
	quote := func(s string) string { return strings.Trim(fmt.Sprintf("%q", s), `"`) }
	for _, test := range []struct {
		conf    config
		secrets []string
	}{
		{conf, []string{conf.token, url.QueryEscape(conf.token), quote(conf.token), "to&lt;ken&gt;/+&#34;7&amp;", "key-of-the-gateway", "another-one", "proxy-word"}},
		{basic, []string{"pass word", "pass+word", "pass%20word", base64.StdEncoding.EncodeToString([]byte("writer:pass word"))}},
		{colon, []string{"writer:colon-word", "colon-word"}},
	} {
		hide := masking(test.conf)
		for _, secret := range test.secrets {
			for _, before := range []int{0, 10, letter.MaxText - len(secret)/2, letter.MaxText, 16*letter.MaxText - len(secret)/2} {
				text := strings.Repeat("x", before) + secret + " end"
				for name, a := range map[string]answer{
					"body":     {status: 400, body: []byte(text)},
					"page":     {status: 403, body: []byte("<html>" + text)},
					"header":   {status: 400, header: http.Header{"X-Influxdb-Error": {text}}},
					"location": {status: 302, header: http.Header{"Location": {"https://a.test/" + text}}},
					"line":     {status: 400, body: []byte(messageBody("unable to parse '" + text + "': bad"))},
				} {
					a.hide = hide
					d := judge(a, judgedAt)
					reason := d.reason
					if name == "line" {
						reason = blamed(d, 1, func(int) []byte { return []byte(text) }).reason(0, d)
					}
					for n := len(secret); n > len(secret)/2+1; n-- {
						if strings.Contains(reason, secret[:n]) && !strings.Contains("writer:", secret[:n]) {
							t.Errorf("%s of %q behind %d bytes: %.200q", name, secret, before, reason)
							break
						}
					}
				}
			}
		}
	}
	if masking(testConfig()) != nil {
		t.Error("there is nothing to mask")
	}
}

// TestCleanIsBounded breaks if a server can write more than one short line of
// printable characters into logs and metadata.
func TestCleanIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.String().Draw(t, "piece"), rapid.IntRange(0, 5000).Draw(t, "times"))
		}), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		got := letter.Clean(text, nil)
		if len(got) > letter.MaxText+16 || !utf8.ValidString(got) {
			t.Fatalf("%d bytes", len(got))
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Fatalf("%U in %q", r, got)
			}
		}
	})
	if got := letter.Clean("\u202eabc\u2028d", nil); got != `\u202eabc\u2028d` {
		t.Errorf("got %s", got)
	}
}

// TestHostileAnswerIsReadInTime breaks if reading an answer of 1 MiB, made for it,
// takes time that grows with its square, or with its product with the request.
func TestHostileAnswerIsReadInTime(t *testing.T) {
	ends := strings.Repeat("': ", maxAnswer/3)
	var nested, same, keys []string
	for i := range 1200 {
		nested = append(nested, strings.Repeat("': ", i+1))
	}
	for range 4000 {
		same = append(same, "m f=1 1")
	}
	for i := range 4000 {
		var fields []string
		for j := range 20 {
			fields = append(fields, fmt.Sprintf("f%d_%d=1", i, j))
		}
		keys = append(keys, "m "+strings.Join(fields, ",")+" 1")
	}
	for name, test := range map[string]struct {
		text  string
		lines []string
	}{
		"places where a line could end": {"unable to parse '" + ends, same},
		"lines within lines":            {strings.Repeat("unable to parse '"+ends[:3700], 250), nested},
		"the same line":                 {strings.Repeat("unable to parse 'm f=1 1': x", maxAnswer/28), same},
		"many fields":                   {"field type conflict: input field " + strings.Repeat(`"f`, maxAnswer/2), keys},
		"field after field":             {strings.Repeat("field type conflict: input field ", maxAnswer/33), keys},
	} {
		began := time.Now()
		d := judge(answer{status: 400, body: []byte(test.text[:min(len(test.text), maxAnswer)])}, judgedAt)
		blamed(d, len(test.lines), func(i int) []byte { return []byte(test.lines[i]) })
		if took := time.Since(began); took > 15*time.Second { // it takes 0.3 s, and took minutes
			t.Errorf("%s: %s", name, took)
		} else {
			t.Logf("%s: %s", name, took)
		}
	}
}

// TestClientReadsWhatAGatewayCompresses is the same through the client.
func TestClientReadsWhatAGatewayCompresses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusForbidden)
		z := gzip.NewWriter(w)
		fmt.Fprintf(z, "<html><body>blocked, %s", r.Header.Get("Authorization"))
		_ = z.Close()
	}))
	defer server.Close()
	conf := testConfig()
	conf.token = "this-is-the-token"
	conf.url, _ = url.Parse(server.URL)
	c := newClient(conf)
	defer c.close()
	a, _ := c.post(t.Context(), "b", nil)
	if got := judge(a, judgedAt).reason; got != "a web page, not InfluxDB's answer: blocked, Token ***" {
		t.Errorf("got %q", got)
	}
}
