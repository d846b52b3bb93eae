package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/dashboard/pipelineview"
	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

const (
	// runningGroup is the group of the check of a pipeline that runs already.
	runningGroup = "the running pipeline"
	// watchedFor is how long its metrics are read: a rate needs two readings, a second
	// apart.
	watchedFor = 3 * time.Second
)

// running returns what the dashboard would say about the pipeline at the address of the
// HTTP server.
func (p *patient) running(ctx context.Context) doctor.Finding {
	h := p.http()
	switch {
	case !h.enabled || !h.answers(ctx):
		return doctor.Skipped("no pipeline is running at the address of the HTTP server, %s", h.address)
	case h.hasTLS() || h.basicAuth:
		return doctor.Skipped("a pipeline is running at %s; its metrics are only read from an HTTP server without TLS and without basic_auth", h.address)
	}
	metrics := "http://" + h.address + "/metrics"
	view, err := pipelineview.New(pipelineview.Source{Metrics: []string{metrics}})
	if err != nil {
		return doctor.Skipped("%v", err)
	}
	defer view.Close()
	done := view.Watch()
	defer done()
	watching, cancel := context.WithTimeout(ctx, watchedFor)
	defer cancel()
	view.Run(watching)
	do := fmt.Sprintf("The dashboard shows the stages side by side: brandpulse-connect dashboard --metrics %s.", metrics)
	u := view.Look(0)
	seen := u.Verdict.Title + ". " + u.Verdict.Detail
	if len(u.Skew) > 0 {
		seen += " Skew: " + strings.Join(u.Skew, " ")
	}
	switch u.Verdict.Level {
	case pipelineview.LevelOK:
		return doctor.OK("%s", seen)
	case pipelineview.LevelBusy:
		return doctor.Warning(do, "%s", seen)
	case pipelineview.LevelBad:
		return doctor.Failed(do, "%s", seen)
	default:
		return doctor.Skipped("%s", seen)
	}
}

// bottleneck is the result of running, unless it follows from something that has failed
// itself.
func bottleneck(f doctor.Finding, report *doctor.Report) doctor.Result {
	r := doctor.Result{ID: doctor.PipelineBottleneck, Group: runningGroup, Finding: f}
	if report.Cause != "" && (f.Status == doctor.StatusFailed || f.Status == doctor.StatusWarning) {
		r.Because, r.Finding = report.Cause, doctor.Skipped("needs %s", report.Cause)
	}
	return r
}

// answers reports whether a pipeline's HTTP server answers at the address. With
// basic_auth it asks for a password, of which the configuration has only a hash.
func (h httpSettings) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	scheme := "http"
	if h.hasTLS() {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+h.address+"/ping", nil)
	if err != nil {
		return false
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the address need not be a name of the certificate, and nothing is sent
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	if h.basicAuth && response.StatusCode == http.StatusUnauthorized {
		return strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Basic")
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 16))
	return string(body) == "pong"
}
