// Package influxfault is a reverse proxy for tests. Between a client and a real
// InfluxDB, it does to requests that write what networks, gateways and faulty servers
// do: see Kind. All other requests pass.
//
// It applies requests even if the client has disconnected, and records those that
// InfluxDB has answered with 204.
package influxfault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Proxy is a proxy that listens on 127.0.0.1. Its methods are safe for use by several
// goroutines at once, except Leave, Return and Close.
type Proxy struct {
	// URL is the address of the proxy, which never changes.
	URL string

	upstream  string
	transport *http.Transport
	address   string // address that it listens on
	server    *http.Server
	handlers  sync.WaitGroup // requests in the proxy; added to with mu held while open

	ctx  context.Context // ends with the proxy, and so do all waits
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool
	decide  Decide
	release chan struct{} // closed by Release
	stats   Stats
	failure error // the first failure

	ledger *ledger
}

// Listen starts a proxy in front of the InfluxDB at a URL. If decide is nil, all
// requests pass.
func Listen(upstream string, decide Decide) (*Proxy, error) {
	return listen(upstream, decide, newLedger())
}

// Beside starts another proxy in front of the same InfluxDB, for another client, with
// its own faults. The two share their record of lines, so each knows the lines that
// arrived at the other.
func (p *Proxy) Beside(decide Decide) (*Proxy, error) {
	return listen(p.upstream, decide, p.ledger)
}

func listen(upstream string, decide Decide, ledger *ledger) (*Proxy, error) {
	p := &Proxy{
		upstream:  upstream,
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute},
		address:   "127.0.0.1:0",
		decide:    decide,
		release:   make(chan struct{}),
		ledger:    ledger,
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if err := p.Return(); err != nil {
		return nil, err
	}
	return p, nil
}

// Return listens again after Leave, on the same port.
func (p *Proxy) Return() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("listening for a faulty proxy: %w", err)
	}
	p.address = listener.Addr().String()
	p.URL = "http://" + p.address
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func(server *http.Server) {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.fail(fmt.Errorf("serving: %w", err))
		}
	}(p.server)
	return nil
}

// Leave closes all connections and refuses new ones. Requests that are to be applied
// still are.
func (p *Proxy) Leave() error {
	if err := p.server.Close(); err != nil {
		return fmt.Errorf("closing a faulty proxy: %w", err)
	}
	return nil
}

// Close stops the proxy once the requests that it is applying are applied. It returns
// the first failure of the proxy itself, which makes its counters unreliable.
func (p *Proxy) Close() error {
	p.stop()
	err := p.Leave()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.handlers.Wait()
	p.transport.CloseIdleConnections()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(err, p.failure)
}

// SetFaults replaces the function that chooses faults; nil: all requests pass.
func (p *Proxy) SetFaults(decide Decide) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = decide
}

// Release releases the requests and responses that are held.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.release)
	p.release = make(chan struct{})
}

// Stats returns the counters so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := p.stats
	stats.Lines, stats.Twice = p.ledger.counts()
	return stats
}

// enter counts a request in, unless the proxy is closed.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.handlers.Add(1)
	}
	return !p.closed
}

// next chooses the fault of a request.
func (p *Proxy) next(r *http.Request) Fault {
	p.mu.Lock()
	request := Request{Number: -1, Bytes: r.ContentLength}
	if r.ContentLength != 0 {
		request.Number = p.stats.Requests
		p.stats.Requests++
	}
	decide := p.decide
	p.mu.Unlock()
	if decide == nil {
		return Fault{}
	}
	return decide(request)
}

// change updates the counters.
func (p *Proxy) change(do func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do(&p.stats)
}

func (p *Proxy) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		p.failure = err
	}
}
