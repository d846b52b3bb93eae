package influxfault

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// before starts a proxy in front of a fake InfluxDB.
func before(t *testing.T, options influxfake.Options, decide Decide) (*Proxy, *influxfake.Server) {
	t.Helper()
	fake := influxfake.New(options)
	url, stop := fake.Listen()
	t.Cleanup(stop)
	p, err := Listen(url, decide)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, fake
}

// result is what a client sees: a status with headers and body, or an error.
type result struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading the response's body
}

// post sends lines on a connection of its own.
func post(ctx context.Context, p *Proxy, lines string, zip bool) result {
	body := []byte(lines)
	header := http.Header{}
	if zip {
		var buffer bytes.Buffer
		w := gzip.NewWriter(&buffer)
		_, _ = w.Write(body)
		_ = w.Close()
		body = buffer.Bytes()
		header.Set("Content-Encoding", "gzip")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/api/v2/write?org=org&bucket=bucket&precision=ns", bytes.NewReader(body))
	if err != nil {
		return result{err: err}
	}
	request.Header = header
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return result{err: err}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return result{response.StatusCode, response.Header, string(content), err}
}

func mustSee(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ask(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not reached within 10s: %s", what)
		}
	}
}

const (
	lineA = "m f=1i 1"
	lineB = "m f=2i 2"
)

// If this fails, a fault differs from its description, stores what it should not, or is
// not counted, and a test that uses it proves nothing.
func TestEachFaultMatchesItsDescription(t *testing.T) {
	failed := func(want error) func(result) bool {
		return func(r result) bool { return errors.Is(r.err, want) }
	}
	status := func(want int) func(result) bool {
		return func(r result) bool { return r.err == nil && r.status == want }
	}
	for _, c := range []struct {
		fault   Fault
		applied bool
		sees    func(result) bool
	}{
		{fault: Fault{}, applied: true, sees: status(204)},
		{fault: Fault{Kind: ApplyHang}, applied: true, sees: failed(context.DeadlineExceeded)},
		{fault: Fault{Kind: ApplyError}, applied: true, sees: status(500)},
		{fault: Fault{Kind: Hang}, sees: failed(context.DeadlineExceeded)},
		{fault: Fault{Kind: ResetBefore}, sees: failed(syscall.ECONNRESET)},
		{fault: Fault{Kind: ResetAfter}, applied: true, sees: failed(syscall.ECONNRESET)},
		{fault: Fault{Kind: Unavailable, Time: 2 * time.Second}, sees: func(r result) bool { return r.status == 503 && r.header.Get("Retry-After") == "2" }},
		{fault: Fault{Kind: TooMany, Time: 2 * time.Second}, sees: func(r result) bool { return r.status == 429 && r.header.Get("Retry-After") == "2" }},
		{fault: Fault{Kind: Unavailable}, sees: func(r result) bool { return r.status == 503 && r.header.Get("Retry-After") == "" }},
		{fault: Fault{Kind: TooLarge}, sees: status(413)},
		{fault: Fault{Kind: Unauthorized}, sees: status(401)},
		{fault: Fault{Kind: Page}, sees: status(200)},
		{fault: Fault{Kind: Lie}, sees: status(204)},
		{fault: Fault{Kind: HalfAnswer}, applied: true, sees: func(r result) bool { return r.err != nil && r.status == 0 }},
		{fault: Fault{Kind: HalfError}, applied: true, sees: func(r result) bool {
			return r.status == 502 && errors.Is(r.err, io.ErrUnexpectedEOF) && strings.HasPrefix(r.body, "<html>")
		}},
		{fault: Fault{Kind: SlowRequest, Time: 50 * time.Millisecond}, applied: true, sees: status(204)},
		{fault: Fault{Kind: SlowAnswer, Time: 50 * time.Millisecond}, applied: true, sees: status(204)},
	} {
		t.Run(c.fault.Kind.String(), func(t *testing.T) {
			t.Parallel()
			p, fake := before(t, influxfake.Options{}, Always(c.fault))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			r := post(ctx, p, lineA+"\n"+lineB+"\n", false)
			if !c.sees(r) {
				t.Errorf("the client sees %+v: %v", r, r.err)
			}
			if took := time.Since(began); c.fault.Kind != Unavailable && c.fault.Kind != TooMany && took < c.fault.Time {
				t.Errorf("it took %s", took)
			}
			stored := fake.Stored()
			stats := p.Stats()
			if want := map[bool]int{true: 2, false: 0}[c.applied]; len(stored) != want || stats.Lines != want || stats.Stored != want/2 || stats.Twice != 0 {
				t.Errorf("InfluxDB has stored %v, the proxy counts %+v", stored, stats)
			}
			if stats.Requests != 1 || stats.Happened(c.fault.Kind) != 1 {
				t.Errorf("%+v", stats)
			}

			// Faults apply to points only, not to connection tests or queries.
			if r := post(t.Context(), p, "", false); r.status != 204 || p.Stats().Requests != 1 {
				t.Errorf("a request without points gets %+v, %+v", r, p.Stats())
			}
			response, err := http.Get(p.URL + "/ping")
			if err != nil || response.StatusCode != 204 {
				t.Errorf("/ping: %v %v", response, err)
			}
			mustSee(t, "no request is in the proxy", func() bool { return p.Stats().Under == 0 })
		})
	}
}

// If this fails, half a response with a body looks like a whole one without.
func TestHalfAResponseWithABody(t *testing.T) {
	p, fake := before(t, influxfake.Options{Refuse: func(string) string { return "never" }}, Always(Fault{Kind: HalfAnswer}))
	r := post(t.Context(), p, lineA, false)
	if r.status != 422 || !errors.Is(r.err, io.ErrUnexpectedEOF) || r.body == "" || len(fake.Stored()) != 0 {
		t.Errorf("%+v", r)
	}
	if stats := p.Stats(); stats.Happened(HalfAnswer) != 1 || stats.Stored != 0 || stats.Lines != 0 {
		t.Errorf("after a rejected request: %+v", stats)
	}
}

// If this fails, a crash of the client undoes what InfluxDB stores, so no test ever
// sees a duplicate.
func TestReceivedRequestsAreAppliedWithoutTheClient(t *testing.T) {
	arrived := make(chan struct{})
	p, fake := before(t, influxfake.Options{Fault: func(int, []string) influxfake.Fault {
		close(arrived)
		return influxfake.Fault{Delay: 100 * time.Millisecond}
	}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if r := post(ctx, p, lineA, true); !errors.Is(r.err, context.Canceled) {
		t.Fatalf("%+v", r)
	}
	mustSee(t, "the line is stored", func() bool { return fake.Stored()[lineA] == 1 && p.Stats().Stored == 1 })
}

// If this fails, a part of a body is applied as if it were the whole.
func TestPartOfABodyIsNotApplied(t *testing.T) {
	p, fake := before(t, influxfake.Options{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/api/v2/write?org=org&bucket=bucket", reader)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(writer, lineA+"\n")
		mustSee(t, "the request is in the proxy", func() bool { return p.Stats().Under == 1 })
		cancel()
		_ = writer.CloseWithError(context.Canceled) // the transport waits for the server
	}()
	if _, err := http.DefaultTransport.RoundTrip(request); err == nil {
		t.Fatal("answered")
	}
	mustSee(t, "the request has ended", func() bool { return p.Stats().Unread == 1 })
	if stored := fake.Stored(); len(stored) != 0 {
		t.Errorf("stored %v", stored)
	}
}

// If this fails, a late duplicate arrives early, or never.
func TestHeldRequestIsAppliedLate(t *testing.T) {
	p, fake := before(t, influxfake.Options{}, Always(Fault{Kind: HoldRequest}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := post(ctx, p, lineA, false); !errors.Is(r.err, context.DeadlineExceeded) {
		t.Fatalf("%+v", r)
	}
	p.SetFaults(nil)
	if r := post(t.Context(), p, lineA+"\n"+lineB, true); r.status != 204 {
		t.Fatalf("%+v", r)
	}
	if stats := p.Stats(); stats.Held != 1 || stats.Twice != 0 || fake.Stored()[lineA] != 1 {
		t.Fatalf("%+v", stats)
	}
	p.Release()
	mustSee(t, "the held line is stored again", func() bool {
		stats := p.Stats()
		return fake.Stored()[lineA] == 2 && stats.Lines == 2 && stats.Twice == 1 && stats.Held == 0
	})
}

// If this fails, a client is killed before its points are stored, or still gets the
// response.
func TestHeldAnswerWaitsForReleaseOrTheEndOfTheClient(t *testing.T) {
	p, fake := before(t, influxfake.Options{}, Always(Fault{Kind: HoldAnswer}))
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan result, 2)
	go func() { results <- post(ctx, p, lineA, false) }()
	mustSee(t, "the answer is held", func() bool { return p.Stats().Held == 1 })
	if fake.Stored()[lineA] != 1 {
		t.Error("not stored")
	}
	cancel()
	<-results
	mustSee(t, "the request has ended", func() bool { return p.Stats().Under == 0 })

	go func() { results <- post(t.Context(), p, lineB, false) }()
	mustSee(t, "the answer is held", func() bool { return p.Stats().Held == 1 })
	p.Release()
	if r := <-results; r.status != 204 {
		t.Errorf("%+v", r)
	}
}

func TestLeaveRefusesConnectionsUntilReturn(t *testing.T) {
	p, _ := before(t, influxfake.Options{}, Always(Fault{Kind: ApplyHang}))
	results := make(chan result)
	go func() { results <- post(t.Context(), p, lineA, false) }()
	mustSee(t, "the request hangs", func() bool { return p.Stats().Happened(ApplyHang) == 1 })
	if err := p.Leave(); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.err == nil {
		t.Errorf("%+v", r)
	}
	if r := post(t.Context(), p, lineA, false); !errors.Is(r.err, syscall.ECONNREFUSED) {
		t.Errorf("%+v", r)
	}
	if err := p.Return(); err != nil {
		t.Fatal(err)
	}
	p.SetFaults(nil)
	if r := post(t.Context(), p, lineA, false); r.status != 204 {
		t.Errorf("%+v", r)
	}
}

// If this fails, a proxy that cannot reach InfluxDB looks like one that simulates a
// fault.
func TestFailureOfTheProxyItselfIsReported(t *testing.T) {
	p, err := Listen("http://127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := post(t.Context(), p, lineA, false); r.status != 502 {
		t.Errorf("%+v", r)
	}
	if err := p.Close(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("closed with %v", err)
	}
}
