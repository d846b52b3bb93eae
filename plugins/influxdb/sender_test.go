package influxdb

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestTooLargeRequestIsHalved breaks if a request that is too large is sent again
// as it is, or if points are refused that would fit by themselves.
func TestTooLargeRequestIsHalved(t *testing.T) {
	fake := influxfake.New(influxfake.Options{MaxBytes: 100})
	rejected := &bin{}
	o, _ := startOutput(t, testConfig(), fake, rejected)
	large := `m,t=v s="` + strings.Repeat("x", 100) + `" 1700000000000000000`
	lines := append(linesOf(0, 50), large)
	if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
		t.Fatal(err)
	}
	mustStore(t, fake, lines[:50])
	if got := rejected.lines(); !slices.Equal(got, []string{large}) {
		t.Fatalf("refused: %q", got)
	}
	if status, _ := rejected.messages[0].MetaGet(contract.InfluxDBStatus); status != "413" {
		t.Errorf("status %q", status)
	}
	tries := 0
	for _, r := range fake.Requests() {
		if slices.Contains(r.Lines, large) && len(r.Lines) == 1 {
			tries++
		}
	}
	if tries != 1 {
		t.Errorf("the large point was tried %d times by itself", tries)
	}
}

// TestWaits breaks if Retry-After or the back-off is not kept to, or if the stream
// sleeps longer than the server wants.
func TestWaits(t *testing.T) {
	after := func(value string) influxfake.Fault {
		return influxfake.Fault{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {value}}}
	}
	for name, test := range map[string]struct {
		faults    []influxfake.Fault
		from, to  time.Duration
		attempts  int
		wantInLog string
	}{
		"back-off doubles":       {slices.Repeat([]influxfake.Fault{{Status: 500}}, 4), 750 * ms, 2250 * ms, 5, ""},
		"back-off has a limit":   {slices.Repeat([]influxfake.Fault{{Reset: true}}, 20), 63 * time.Second, 225 * time.Second, 21, "connection reset"},
		"Retry-After in seconds": {[]influxfake.Fault{after("20")}, 20 * time.Second, 22 * time.Second, 2, "status 503"},
		"Retry-After as a date":  {[]influxfake.Fault{after("Sat, 01 Jan 2000 00:00:30 GMT")}, 30 * time.Second, 33 * time.Second, 2, ""},
		"Retry-After of a day":   {[]influxfake.Fault{after("86400")}, 60 * time.Second, 66 * time.Second, 2, ""},
		"Retry-After is shorter": {slices.Repeat([]influxfake.Fault{after("1")}, 10), 24 * time.Second, 150 * time.Second, 11, ""},
		// The last wait between two tries to connect is at most 1.5 times max_interval.
		"a setting to be mended":  {[]influxfake.Fault{{Status: 401}, {Status: 403}}, 10 * time.Second, 27 * time.Second, 3, "token is missing or wrong"},
		"200 is no success":       {[]influxfake.Fault{{Status: 200}, {Status: 200}}, 10 * time.Second, 27 * time.Second, 3, "not a response of InfluxDB"},
		"time-out":                {[]influxfake.Fault{{Hang: true, Apply: true}}, 5 * time.Second, 6 * time.Second, 2, "no answer in time"},
		"applied, then an error":  {[]influxfake.Fault{{Status: 500, Apply: true}}, 50 * ms, 150 * ms, 2, ""},
		"answer after the points": {[]influxfake.Fault{{Reset: true, Apply: true}}, 50 * ms, 150 * ms, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := influxfake.New(influxfake.Options{Fault: func(n int, _ []string) influxfake.Fault {
					if n >= 0 && n < len(test.faults) {
						return test.faults[n]
					}
					return influxfake.Fault{}
				}})
				conf := testConfig()
				conf.backoffInitial, conf.backoffMax = 100*ms, 10*time.Second
				o, log := startOutput(t, conf, fake, nil)
				began := time.Now()
				if err := write(t.Context(), o, service.MessageBatch{message(lineOf(1))}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < test.from || took > test.to {
					t.Errorf("took %s, not %s to %s", took, test.from, test.to)
				}
				if n := len(fake.Requests()); n != test.attempts {
					t.Errorf("%d requests, want %d", n, test.attempts)
				}
				mustStore(t, fake, []string{lineOf(1)})
				if text := log.String(); !strings.Contains(text, test.wantInLog) || !strings.Contains(text, "accepts points again") {
					t.Errorf("log: %s", text)
				} else if n := strings.Count(text, "No data is lost"); n > 1+int(time.Since(began)/notePeriod) {
					t.Errorf("%d lines in the log: %s", n, text)
				}
			})
		})
	}
}

// TestFaultOfTheWholeRequestRefusesNoPoint breaks if a proxy, or a setting that
// InfluxDB answers 400 to, sends the whole stream to the refused points.
func TestFaultOfTheWholeRequestRefusesNoPoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault {
			if time.Since(began) < time.Minute {
				return influxfake.Fault{Status: 400, Body: "Client sent an HTTP request to an HTTPS server."}
			}
			return influxfake.Fault{}
		}})
		rejected := &bin{}
		conf := testConfig()
		conf.backoffMax = 10 * time.Second
		o, log := startOutput(t, conf, fake, rejected)
		lines := linesOf(0, 100)
		if err := write(t.Context(), o, service.MessageBatch{message(lines...)}); err != nil {
			t.Fatal(err)
		}
		mustStore(t, fake, lines)
		if len(rejected.messages) > 0 {
			t.Errorf("refused: %q", rejected.lines())
		}
		if text := log.String(); !strings.Contains(text, "change url to https://") {
			t.Errorf("log: %s", text)
		}
	})
}

// TestNeighboursDoNotWaitForTheSearch breaks if callers whose points are stored
// wait until the refused points of others are found.
func TestNeighboursDoNotWaitForTheSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := linesOf(0, 1100)
		began := time.Now()
		fake := influxfake.New(influxfake.Options{
			Refuse: refuse("no", lines[1060:]...),
			Fault:  func(int, []string) influxfake.Fault { return influxfake.Fault{Delay: 100 * ms} },
		})
		conf := testConfig()
		conf.requestsInFlight = 1
		conf.flushPeriod = 5 * time.Second
		o, _ := startOutput(t, conf, fake, &bin{})
		answered := make(chan time.Duration, 3)
		write := func(from, to int) {
			go func() {
				if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines[from:to]...)}); err != nil {
					t.Error(err)
				}
				answered <- time.Since(began)
			}()
			synctest.Wait()
		}
		write(0, 10) // occupies the slot, so that the next two share a request
		write(10, 400)
		write(1000, 1100)
		<-answered
		good, bad := <-answered, <-answered
		if good > time.Second || bad < 3*time.Second {
			t.Errorf("good points after %s, refused ones after %s", good, bad)
		}
	})
}

// TestServerThatClosesOnALargeBody breaks if a request that is too large is sent
// without asking: a server that answers 413 and closes, as InfluxDB and nginx do,
// then looks like a broken network, and the same bytes are sent again for ever.
func TestServerThatClosesOnALargeBody(t *testing.T) {
	fake := influxfake.New(influxfake.Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveOne(conn, fake, 300_000)
		}
	}()
	conf := testConfig()
	conf.gzip = false
	conf.maxPoints = 100_000
	conf.url = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	log := &logBuffer{}
	o := newOutput(conf, nil, service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil))), service.MockResources().Metrics())
	defer o.Close(t.Context())
	lines := linesOf(0, 50_000)
	if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
		t.Fatal(err)
	}
	mustStore(t, fake, lines)
	if text := log.String(); text != "" {
		t.Errorf("log: %s", text)
	}
}

// serveOne answers one request, without reading a body above the limit. What is
// left unread makes the kernel reset the connection when it is closed.
func serveOne(conn net.Conn, handler http.Handler, limit int64) {
	defer conn.Close()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	if request.ContentLength > limit {
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	response := recorder.Result()
	response.Close = true
	_ = response.Write(conn)
}

// TestOneRequestThatNeverPassesDoesNotFillTheLog breaks if a request that fails
// for ever is logged each time that another one passes.
func TestOneRequestThatNeverPassesDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := influxfake.New(influxfake.Options{Fault: func(_ int, lines []string) influxfake.Fault {
			if slices.Contains(lines, lineOf(0)) {
				return influxfake.Fault{Status: 500}
			}
			return influxfake.Fault{}
		}})
		conf := testConfig()
		conf.backoffInitial, conf.backoffMax = 100*ms, 100*ms
		o, log := startOutput(t, conf, fake, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() { _ = o.WriteBatch(ctx, service.MessageBatch{message(lineOf(0))}) }()
		synctest.Wait()
		for i := 1; ctx.Err() == nil; i++ {
			_ = o.WriteBatch(ctx, service.MessageBatch{message(lineOf(i))})
			time.Sleep(50 * ms)
		}
		if n := strings.Count(log.String(), "\n"); n < 6 || n > 14 {
			t.Errorf("%d lines in a minute: %s", n, log)
		}
	})
}
