package influxbench

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// preBuilt is the limit for all that write over HTTP: it posts bodies that were
// made, and compressed, before the clock starts.
var preBuilt = writer{"pre-built bodies", func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func()) {
	bodies := p.lines(pointsPerRequest)
	if zipped {
		zip := newZipper()
		for i, body := range bodies {
			bodies[i] = bytes.Clone(zip.pack(body))
		}
	}
	post := newPoster(t, to, zipped)
	run = func() {
		share(len(bodies), func() func(i int) {
			return func(i int) { post.body(bodies[i]) }
		})
	}
	return run, post.client.CloseIdleConnections
}}

// share has the numbers below n done by as many goroutines as requests may be
// under way, each with what start gives it.
func share(n int, start func() (do func(i int))) {
	var (
		wait sync.WaitGroup
		next atomic.Int64
	)
	for range requestsInFlight {
		wait.Go(func() {
			do := start()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wait.Wait()
}

// poster posts bodies. It does not try again: what is not stored is missed when
// the points are counted.
type poster struct {
	t      testing.TB
	client *http.Client
	header http.Header
	url    string
}

func newPoster(t testing.TB, to *influxd.Database, zipped bool) *poster {
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * requestsInFlight, DisableCompression: true}
	query := url.Values{"org": {to.Org}, "bucket": {to.Bucket}, "precision": {"ns"}}
	p := &poster{
		t:      t,
		client: &http.Client{Transport: transport},
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		url:    to.URL + "/api/v2/write?" + query.Encode(),
	}
	if zipped {
		p.header.Set("Content-Encoding", "gzip")
	}
	if to.Token != "" {
		p.header.Set("Authorization", "Token "+to.Token)
	}
	return p
}

func (p *poster) body(body []byte) {
	request, err := http.NewRequest(http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return
	}
	request.Header = p.header.Clone()
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Error(err)
		return
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusNoContent {
		p.t.Errorf("%s: %s %v", response.Status, answer, err)
	}
}

// zipper compresses as the output `influxdb` does.
type zipper struct {
	buf bytes.Buffer
	zip *gzip.Writer
}

func newZipper() *zipper {
	z := new(zipper)
	z.zip, _ = gzip.NewWriterLevel(&z.buf, gzip.BestSpeed) // errs on a wrong level alone
	return z
}

// pack gives bytes that hold until the next call.
func (z *zipper) pack(body []byte) []byte {
	z.buf.Reset()
	z.zip.Reset(&z.buf)
	_, _ = z.zip.Write(body) // a bytes.Buffer takes all
	_ = z.zip.Close()
	return z.buf.Bytes()
}
