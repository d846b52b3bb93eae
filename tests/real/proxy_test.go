package real_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

var errNotYet = errors.New("not yet")

// proxy stands between an ingest and InfluxDB. It counts how often each line was
// stored, and can keep back the answers, so that the ingest has a request under
// way whose points are stored, and does not know it.
type proxy struct {
	upstream string
	seed     maphash.Seed

	mu       sync.Mutex
	stored   map[uint64]int // by hash of a line: how often InfluxDB has taken it
	twice    int            // lines that it has taken more than once
	under    int            // requests under way
	holdAt   int            // from so many lines on, answers are kept back; 0: never
	heldBack chan struct{}  // gets a value when an answer is
	failure  error
}

// front puts a proxy before a bucket and gives the bucket as seen through it.
func front(t testing.TB, bucket *influxd.Database) (*proxy, *influxd.Database) {
	t.Helper()
	p := &proxy{upstream: bucket.URL, seed: maphash.MakeSeed(), stored: map[uint64]int{}, heldBack: make(chan struct{}, 1)}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		if p.failure != nil {
			t.Errorf("the proxy before InfluxDB: %v", p.failure)
		}
	})
	through := *bucket
	through.URL = server.URL
	return p, &through
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the ingest was killed while it was sending
	}
	p.mu.Lock()
	p.under++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.under--
		p.mu.Unlock()
	}()
	// Without the context of the client: what has reached InfluxDB is carried
	// out, whether the client lives or not.
	request, err := http.NewRequest(r.Method, p.upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		p.fail(err)
		return
	}
	request.Header = r.Header.Clone()
	request.Header.Del("Expect")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		p.fail(err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent && r.URL.Path == "/api/v2/write" {
		lines, err := unpacked(r.Header, body)
		if err != nil {
			p.fail(err)
		}
		if p.count(lines) {
			select {
			case p.heldBack <- struct{}{}:
			default:
			}
			<-r.Context().Done() // the ingest has gone
			return
		}
	}
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // the client may have gone
}

func unpacked(header http.Header, body []byte) ([]byte, error) {
	if header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// count notes lines that InfluxDB has taken, and tells whether their answer is
// to be kept back.
func (p *proxy) count(lines []byte) (hold bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range bytes.Lines(lines) {
		key := maphash.Bytes(p.seed, line)
		p.stored[key]++
		if p.stored[key] == 2 {
			p.twice++
		}
	}
	return p.holdAt > 0 && len(p.stored) >= p.holdAt
}

// hold keeps answers back once InfluxDB has so many different lines; 0 ends it.
func (p *proxy) hold(lines int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holdAt = lines
	select {
	case <-p.heldBack:
	default:
	}
}

// seen gives how many different lines InfluxDB has taken, how many of them more
// than once, and how many requests are under way.
func (p *proxy) seen() (lines, twice, under int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.stored), p.twice, p.under
}

func (p *proxy) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failure = errors.Join(p.failure, err)
}
