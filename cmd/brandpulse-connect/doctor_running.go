package main

import (
	"context"
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
	if !h.enabled || !isBenthos(ctx, h.address) {
		return doctor.Skipped("no pipeline is running at the address of the HTTP server, %s", h.address)
	}
	view, err := pipelineview.New(pipelineview.Source{Metrics: []string{"http://" + h.address + "/metrics"}})
	if err != nil {
		return doctor.Skipped("%v", err)
	}
	defer view.Close()
	done := view.Watch()
	defer done()
	watching, cancel := context.WithTimeout(ctx, watchedFor)
	defer cancel()
	view.Run(watching)
	const do = "The dashboard shows the stages side by side: brandpulse-connect dashboard --metrics http://ADDRESS/metrics."
	switch v := view.Look(0).Verdict; v.Level {
	case pipelineview.LevelOK:
		return doctor.OK("%s. %s", v.Title, v.Detail)
	case pipelineview.LevelBusy:
		return doctor.Warning(do, "%s. %s", v.Title, v.Detail)
	case pipelineview.LevelBad:
		return doctor.Failed(do, "%s. %s", v.Title, v.Detail)
	default:
		return doctor.Skipped("%s. %s", v.Title, v.Detail)
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
