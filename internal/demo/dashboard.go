package demo

import (
	"context"
	"fmt"
	"sync"

	"github.com/brandpulse/brandpulse-connect/internal/dashboard"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/brandview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/deadview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/pipelineview"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// serveDashboard serves the dashboard and returns its address, empty if none is wanted.
// If its usual port is taken, for instance by another dashboard, it uses a free one.
func serveDashboard(ctx context.Context, o Options, k *kafka, db *influxd.Database, pipes *pipelines) (page string, closeFn func(), err error) {
	if !o.Dashboard {
		return "", func() {}, nil
	}
	options := dashboard.Options{
		Address: dashboard.DefaultAddress,
		Influx:  brandview.Source{URL: db.URL, Token: db.Token, Org: db.Org, Bucket: db.Bucket, Measurement: "tweets", Texts: textsMeasurement},
		Pipeline: pipelineview.Source{
			Metrics: pipes.metrics(),
			Kafka:   brokerList(k.brokers), Topic: k.topic, Group: k.group,
			Ended: pipes.silent,
		},
		DeadLetters: deadview.Source{Kafka: brokerList(k.brokers), Topic: k.dead},
	}
	server, err := dashboard.Listen(options)
	if err != nil {
		options.Address = "127.0.0.1:0"
		if server, err = dashboard.Listen(options); err != nil {
			return "", nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx); err != nil {
			fmt.Fprintln(o.Out, err)
		}
	})
	return server.URL(), func() { cancel(); serving.Wait() }, nil
}

func metricsOf(address string) string { return "http://" + address + "/metrics" }
