package dashboard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/dashboard/brandview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/pipelineview"
)

// start serves the dashboard of an InfluxDB that says the same at all times.
func start(t *testing.T, allowed ...string) *Server {
	t.Helper()
	influx := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"results":[{"series":[{"tags":{"brand":"A","sentiment":"positive"},"values":[[%d,3]]}]}]}`, time.Now().UnixNano())
	}))
	t.Cleanup(influx.Close)
	return serve(t, Options{
		Address: "127.0.0.1:0", AllowedHosts: allowed,
		Influx: brandview.Source{URL: influx.URL, Token: "secret", Bucket: "b", Measurement: "m"},
	})
}

func serve(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		begin := time.Now()
		cancel()
		serving.Wait()
		// What would break: the program does not end while a page is open.
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("ending took %s", took)
		}
	})
	return s
}

func get(t *testing.T, s *Server, path string, change func(*http.Request)) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.URL(), "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// What would break: another site reads what the dashboard shows, through a name
// that points here, through a frame, or by asking from its own page.
func TestWhoMayAsk(t *testing.T) {
	s := start(t, "wall.example", "proxy.example:8443")
	port := s.URL()[strings.LastIndex(s.URL(), ":")+1 : len(s.URL())-1]
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, c := range map[string]struct {
		path   string
		change func(*http.Request)
		want   int
	}{
		"the page":                      {"/", nil, 200},
		"as localhost":                  {"/", host("localhost:" + port), 200},
		"as LOCALHOST":                  {"/", host("LOCALHOST:" + port), 200},
		"by IPv6":                       {"/", host("[::1]:" + port), 200},
		"another port":                  {"/", host("localhost:1"), 421},
		"no port":                       {"/", host("localhost"), 421},
		"another name":                  {"/", host("evil.example:" + port), 421},
		"a name that begins alike":      {"/", host("localhost.evil.example:" + port), 421},
		"a name that is allowed":        {"/", host("wall.example"), 200},
		"and any port of it":            {"/", host("wall.example:81"), 200},
		"a name and port":               {"/", host("proxy.example:8443"), 200},
		"but not another port":          {"/", host("proxy.example:8444"), 421},
		"data, by another name":         {"/api/brand/tweets?range=1m", host("evil.example:" + port), 421},
		"data":                          {"/api/brand/tweets?range=1m", nil, 200},
		"data, from the page":           {"/api/brand/tweets?range=1m", header("Sec-Fetch-Site", "same-origin"), 200},
		"data, from another site":       {"/api/brand/tweets?range=1m", header("Sec-Fetch-Site", "cross-site"), 403},
		"data, from another port":       {"/api/brand/tweets?range=1m", header("Sec-Fetch-Site", "same-site"), 403},
		"data, with another origin":     {"/api/brand/tweets?range=1m", header("Origin", "http://evil.example"), 403},
		"data, with no origin at all":   {"/api/brand/tweets?range=1m", header("Origin", "null"), 403},
		"data, with our origin":         {"/api/brand/tweets?range=1m", header("Origin", "http://127.0.0.1:"+port), 200},
		"a stream, from another site":   {"/api/brand/events?range=1m", header("Sec-Fetch-Site", "cross-site"), 403},
		"a stream, with other origin":   {"/api/pipeline/events", header("Origin", "http://evil.example"), 403},
		"for its health":                {"/health", nil, 200},
		"for its health, by HEAD":       {"/health", func(r *http.Request) { r.Method = http.MethodHead }, 200},
		"for the page, by HEAD":         {"/", func(r *http.Request) { r.Method = http.MethodHead }, 200},
		"a stream, by HEAD":             {"/api/pipeline/events", func(r *http.Request) { r.Method = http.MethodHead }, 405},
		"to write":                      {"/", func(r *http.Request) { r.Method = http.MethodPost }, 405},
		"to write data":                 {"/api/brand/tweets?range=1m", func(r *http.Request) { r.Method = http.MethodDelete }, 405},
		"for the options":               {"/", func(r *http.Request) { r.Method = http.MethodOptions }, 405},
		"for something else":            {"/etc/passwd", nil, 404},
		"above the page":                {"/..%2f..%2fdashboard.go", nil, 404},
		"for a range that is none":      {"/api/brand/events?range=2m", nil, 400},
		"for a brand that is none":      {"/api/brand/events?range=1m&brand=", nil, 400},
		"for a brand with controls":     {"/api/brand/tweets?range=1m&brand=T%0Dea%01%00%7F%C2%85", nil, 200},
		"for a brand that is no UTF-8":  {"/api/brand/events?range=1m&brand=%FF", nil, 400},
		"for a brand of 513 bytes":      {"/api/brand/events?range=1m&brand=" + strings.Repeat("a", 513), nil, 400},
		"for all brands, by long names": {"/api/brand/tweets?range=1m" + strings.Repeat("&brand="+strings.Repeat("%C3%A9", 256), 40), nil, 200},
		"for too many brands":           {"/api/brand/events?range=1m" + strings.Repeat("&brand=a", 41), nil, 400},
		"for a moment that is none":     {"/api/brand/moment?range=1m&at=x", nil, 400},
		"for one that is far away":      {"/api/brand/moment?range=1m&at=9223372036854775807", nil, 400},
		"for one that is far the past":  {"/api/brand/moment?range=1m&at=-9223372036854775808", nil, 400},
		"a period":                      {"/api/brand/period?from=1000&to=2000&brand=A", nil, 200},
		"a period, from another site":   {"/api/brand/period?from=1000&to=2000", header("Sec-Fetch-Site", "cross-site"), 403},
		"a period, by another name":     {"/api/brand/period?from=1000&to=2000", host("evil.example:" + port), 421},
		"for a period without an end":   {"/api/brand/period?range=1m", nil, 400},
		"for a period of a second":      {"/api/brand/period?from=1000&to=1001", nil, 400},
		"for a period of two years":     {"/api/brand/period?from=1000&to=63072000", nil, 400},
		"for a period that is none":     {"/api/brand/period?from=%3Cb%3E&to=2000", nil, 400},
		"the end of a live range":       {"/api/brand/period?range=1m&until=2000", nil, 200},
		"for events of what has ended":  {"/api/brand/events?from=1000&to=2000", nil, 400},
		"a moment of a period":          {"/api/brand/moment?from=1000&to=2000&at=1500", nil, 200},
		"a search":                      {"/api/brand/tweets?range=1m&q=coffee&sentiment=negative", nil, 200},
		"for a search that is too long": {"/api/brand/tweets?range=1m&q=" + strings.Repeat("a", 101), nil, 400},
		"for a sentiment that is none":  {"/api/brand/tweets?range=1m&sentiment=angry", nil, 400},
		"dead letters":                  {"/api/dead-letters?n=5", nil, 200},
		"dead letters, from elsewhere":  {"/api/dead-letters?n=5", header("Sec-Fetch-Site", "cross-site"), 403},
		"dead letters, by another name": {"/api/dead-letters?n=5", host("evil.example:" + port), 421},
		"to write dead letters":         {"/api/dead-letters?n=5", func(r *http.Request) { r.Method = http.MethodPost }, 405},
		"for too many dead letters":     {"/api/dead-letters?n=201", nil, 400},
		"for no dead letters":           {"/api/dead-letters?n=0", nil, 400},
		"for any dead letters":          {"/api/dead-letters", nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			response := get(t, s, c.path, c.change)
			if response.StatusCode != c.want {
				t.Errorf("%s, want %d", response.Status, c.want)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Set-Cookie": "",
				"Access-Control-Allow-Origin": "",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// events reads a stream.
type events struct {
	lines *bufio.Scanner
	close func()
}

func open(t *testing.T, s *Server, path, lastID string) *events {
	t.Helper()
	response := get(t, s, path, func(r *http.Request) {
		if lastID != "" {
			r.Header.Set("Last-Event-ID", lastID)
		}
	})
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %v", response.Status, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 8<<20)
	return &events{lines: lines, close: func() { response.Body.Close() }}
}

func (e *events) next(t *testing.T) (id, data string) {
	t.Helper()
	for e.lines.Scan() {
		switch name, value, _ := strings.Cut(e.lines.Text(), ": "); name {
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if data != "" {
				return id, data
			}
		}
	}
	t.Fatalf("the stream has ended: %v", e.lines.Err())
	return "", ""
}

// What would break: a page whose connection was cut shows gaps, or one that comes
// back to another process mixes two of them.
func TestAStreamGoesOnWhereItWas(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/api/brand/events?range=1m", "/api/pipeline/events"} {
		first := open(t, s, path, "")
		_, data := first.next(t)
		if !strings.Contains(data, `"whole":true`) {
			t.Fatalf("%s begins with a part: %s", path, data)
		}
		id, data := first.next(t)
		if !strings.Contains(data, `"whole":false`) {
			t.Fatalf("%s goes on with the whole: %s", path, data)
		}
		first.close()
		if _, data := open(t, s, path, id).next(t); !strings.Contains(data, `"whole":false`) {
			t.Errorf("%s gives the whole again to who has it: %s", path, data)
		}
		_, revision, _ := strings.Cut(id, "-")
		for _, other := range []string{"other-" + revision, "", "nonsense", strings.Replace(id, "-", "-9999999", 1)} {
			if _, data := open(t, s, path, other).next(t); !strings.Contains(data, `"whole":true`) {
				t.Errorf("%s gives a part to who comes with %q: %s", path, other, data)
			}
		}
	}
}

// What would break: pages that are left open take all there is.
func TestStreamsAreBounded(t *testing.T) {
	s := start(t)
	var all []*events
	for range maxStreams {
		all = append(all, open(t, s, "/api/pipeline/events", ""))
	}
	if got := get(t, s, "/api/brand/events?range=1m", nil).StatusCode; got != 503 {
		t.Errorf("one more gives %d, want 503", got)
	}
	for _, e := range all {
		e.close()
	}
	for begin := time.Now(); get(t, s, "/api/pipeline/events", nil).StatusCode != 200; time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("no stream is free after all have gone")
		}
	}
}

// What would break: pages that are refused make queries all the same.
func TestWhoIsRefusedMakesNoQueries(t *testing.T) {
	var queries, scrapes atomic.Int64
	influx := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		queries.Add(1)
		fmt.Fprint(w, `{"results":[{}]}`)
	}))
	defer influx.Close()
	pipeline := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { scrapes.Add(1) }))
	defer pipeline.Close()
	s := serve(t, Options{
		Address: "127.0.0.1:0", Influx: brandview.Source{URL: influx.URL, Bucket: "b", Measurement: "m"},
		Pipeline: pipelineview.Source{Metrics: []string{pipeline.URL}},
	})
	refused := func(path, host string, want int) {
		t.Helper()
		for range 100 {
			response := get(t, s, path, func(r *http.Request) { r.Host = host })
			response.Body.Close()
			if response.StatusCode != want {
				t.Fatalf("%s: %s", path, response.Status)
			}
		}
	}
	own := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/")
	begin := time.Now()
	refused("/api/brand/events?range=1m", "evil.example", 421)
	refused("/api/brand/events?range=2m", own, 400)
	for range maxStreams {
		open(t, s, "/api/pipeline/events", "")
	}
	refused("/api/brand/events?range=1m", own, 503)
	refused("/api/pipeline/events", own, 503)
	if n := queries.Load(); n != 0 {
		t.Errorf("%d queries, and nobody who looks at the brands was let in", n)
	}
	if n, most := scrapes.Load(), 2+int64(time.Since(begin)/time.Second); n > most {
		t.Errorf("%d scrapes in %s", n, time.Since(begin))
	}
}

// What would break: the policy forbids what the page needs, or the page loads
// something from elsewhere.
func TestThePageKeepsToItsPolicy(t *testing.T) {
	files, err := embedded.ReadDir("assets")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	s := start(t)
	kinds := map[string]string{".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
	for _, file := range files {
		response := get(t, s, "/"+file.Name(), nil)
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("%s: %s, %v", file.Name(), response.Status, err)
		}
		if want := kinds[path.Ext(file.Name())]; !strings.HasPrefix(response.Header.Get("Content-Type"), want) || want == "" {
			t.Errorf("%s is %s", file.Name(), response.Header.Get("Content-Type"))
		}
		again := get(t, s, "/"+file.Name(), func(r *http.Request) { r.Header.Set("If-None-Match", response.Header.Get("ETag")) })
		if again.StatusCode != 304 {
			t.Errorf("%s is sent again though it has not changed: %s", file.Name(), again.Status)
		}
		for _, forbidden := range []string{`innerHTML`, `outerHTML`, `insertAdjacentHTML`, `document\.write`, `\beval\(`, `new Function`, `setAttribute\("style"`, `<style`, ` style="`, ` on[a-z]+="`, `<script>`, `(src|href)="https?:`, `url\("?https?:`, `import .* from "https?:`} {
			if found := regexp.MustCompile(forbidden).Find(body); found != nil {
				t.Errorf("%s has %s", file.Name(), found)
			}
		}
	}
}

func TestAddressesToListenOn(t *testing.T) {
	influx := brandview.Source{URL: "http://127.0.0.1:1", Bucket: "b", Measurement: "m"}
	taken := start(t)
	for address, want := range map[string]string{
		taken.listener.Addr().String(): "another program listens there, perhaps another dashboard. Choose another --address, such as --address 127.0.0.1:0, which picks a free port",
		"127.0.0.1":                    `cannot listen on "127.0.0.1": missing port in address. Set --address HOST:PORT, such as --address 127.0.0.1:8686; port 0 picks a free one`,
		"":                             "missing port in address. Set --address HOST:PORT",
		"127.0.0.1:99999":              `the port "99999" is not a number from 0 to 65535. Set --address HOST:PORT`,
		"127.0.0.1:x":                  `the port "x" is not a number from 0 to 65535. Set --address HOST:PORT`,
		"127.0.0.1:":                   `the port "" is not a number from 0 to 65535. Set --address HOST:PORT`,
		"nohost.invalid:8686":          "Choose another --address, such as --address 127.0.0.1:0",
		"192.0.2.1:8686":               "no network interface of this machine has that address. Choose another --address, such as --address 127.0.0.1:0",
	} {
		if _, err := Listen(Options{Address: address, Influx: influx}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--address %q: %v, want %q", address, err, want)
		}
	}
	if _, err := Listen(Options{Address: "127.0.0.1:0", Influx: brandview.Source{URL: "nonsense"}}); err == nil {
		t.Error("an InfluxDB that is none is taken")
	}
}
