// Package dashboard serves a page that shows what InfluxDB holds and how the
// pipelines keep up, live. The page is embedded and loads nothing from elsewhere.
package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/dashboard/brandview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/deadview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/pipelineview"
)

// DefaultAddress is where the page is served unless another one is asked for.
const DefaultAddress = "127.0.0.1:8686"

// Options say what to show and where.
type Options struct {
	// Address is HOST:PORT to listen on. Port 0 takes a free one.
	Address string
	// AllowedHosts are names, or NAME:PORT, under which the page may be asked for
	// beside those of this machine.
	AllowedHosts []string

	Influx      brandview.Source
	Pipeline    pipelineview.Source
	DeadLetters deadview.Source
}

// Server serves the page. Make one with Listen.
type Server struct {
	listener net.Listener
	handler  http.Handler
	brand    *brandview.View
	pipeline *pipelineview.View
	dead     *deadview.View
	stopping chan struct{}
}

// Listen checks the options and takes the address, so that it is known and its
// errors come before anything else is done.
func Listen(o Options) (*Server, error) {
	brand, err := brandview.New(o.Influx)
	if err != nil {
		return nil, err
	}
	pipeline, err := pipelineview.New(o.Pipeline)
	if err != nil {
		return nil, err
	}
	dead, err := deadview.New(o.DeadLetters)
	if err != nil {
		pipeline.Close()
		return nil, err
	}
	listener, err := listen(o.Address)
	if err != nil {
		pipeline.Close()
		dead.Close()
		return nil, err
	}
	s := &Server{listener: listener, brand: brand, pipeline: pipeline, dead: dead, stopping: make(chan struct{})}
	s.handler = guard(newHosts(listener.Addr().(*net.TCPAddr), o.AllowedHosts), s.routes())
	return s, nil
}

// URL is the address of the page.
func (s *Server) URL() string {
	address := s.listener.Addr().(*net.TCPAddr)
	if address.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d/", address.Port)
	}
	return "http://" + address.String() + "/"
}

// Serve serves until the context ends.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer s.pipeline.Close()
	defer s.dead.Close()
	defer reading.Wait()
	defer cancel()
	reading.Go(func() { s.brand.Run(ctx) })
	reading.Go(func() { s.pipeline.Run(ctx) })
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      90 * time.Second, // streams set their own, write by write
		IdleTimeout:       time.Minute,
		// The URL lists all chosen brands, at three bytes per byte when escaped.
		MaxHeaderBytes: 128 << 10,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		close(s.stopping) // ends the streams, for which Shutdown would wait
		limit, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer done()
		_ = server.Shutdown(limit)
	}()
	err := server.Serve(s.listener)
	cancel()
	<-ended
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the dashboard: %w", err)
}
