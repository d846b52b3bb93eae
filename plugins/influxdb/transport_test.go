package influxdb

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// cable passes connections to a server. broken stops all bytes on those that are
// there, without a word to either end, as a network break does.
type cable struct {
	listener net.Listener
	target   string
	opened   atomic.Int64
	mu       sync.Mutex
	dead     chan struct{} // closed by broken
}

func newCable(t *testing.T, target string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, target: target, dead: make(chan struct{})}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", c.target)
			if err != nil {
				_ = near.Close()
				continue
			}
			c.opened.Add(1)
			t.Cleanup(func() { _, _ = near.Close(), far.Close() })
			c.mu.Lock()
			dead := c.dead
			c.mu.Unlock()
			go pass(far, near, dead)
			go pass(near, far, dead)
		}
	}()
	return c
}

func pass(to, from net.Conn, dead chan struct{}) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-dead:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			_ = to.Close()
			return
		}
	}
}

func (c *cable) broken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.dead)
	c.dead = make(chan struct{})
}

// TestTimeOutLeadsToANewConnection breaks if a resend uses a connection that a
// network break has left without a peer: with HTTP/2 each one would, for ever, and
// with HTTP/1.1 one for each idle connection.
func TestTimeOutLeadsToANewConnection(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			var seen atomic.Value
			var slow atomic.Bool
			fake := influxfake.New(influxfake.Options{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen.Store(r.Proto)
				if slow.Load() {
					time.Sleep(100 * time.Millisecond)
				}
				fake.ServeHTTP(w, r)
			}))
			server.EnableHTTP2 = proto == "HTTP/2.0"
			server.StartTLS()
			defer server.Close()
			line := newCable(t, server.Listener.Addr().String())
			conf := testConfig()
			conf.url = &url.URL{Scheme: "https", Host: line.listener.Addr().String()}
			conf.tls = &tls.Config{InsecureSkipVerify: true}
			conf.timeout = time.Second
			conf.requestsInFlight = 4
			o := newOutput(conf, nil, nil, service.MockResources().Metrics())
			defer o.Close(t.Context())

			// Several at once, so that HTTP/1.1 has several connections.
			slow.Store(true)
			var wait sync.WaitGroup
			for i := range 4 {
				wait.Go(func() {
					if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(i))}); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			slow.Store(false)
			if seen.Load() != proto {
				t.Fatalf("the server has seen %s", seen.Load())
			}
			before := line.opened.Load()
			line.broken()
			began := time.Now()
			if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(9))}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 2*conf.timeout {
				t.Errorf("stored %s after the break: the second request was to have a new connection", took)
			}
			if n := line.opened.Load() - before; n != 1 {
				t.Errorf("%d new connections", n)
			}
		})
	}
}

// TestAnswerThatStopsLeadsToANewConnection breaks if an answer that stops in the
// middle leaves the next requests on its connection.
func TestAnswerThatStopsLeadsToANewConnection(t *testing.T) {
	var addresses sync.Map
	var n atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addresses.Store(r.RemoteAddr, true)
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	conf := testConfig()
	conf.url, _ = url.Parse(server.URL)
	conf.tls = &tls.Config{InsecureSkipVerify: true}
	conf.timeout = 300 * time.Millisecond
	o := newOutput(conf, nil, nil, service.MockResources().Metrics())
	defer o.Close(t.Context())
	if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(1))}); err != nil {
		t.Fatal(err)
	}
	connections := 0
	addresses.Range(func(any, any) bool { connections++; return true })
	if connections != 2 {
		t.Errorf("%d connections", connections)
	}
}
