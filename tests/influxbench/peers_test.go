package influxbench

import (
	"sync"
	"testing"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/telegraf/plugins/serializers/influx"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// clientRecords is WriteAPI of influxdb-client-go with lines.
var clientRecords = writer{"influxdb-client-go, WriteRecord", func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func()) {
	records := p.records()
	return withClient(t, to, zipped, func(api api.WriteAPI) {
		for _, record := range records {
			api.WriteRecord(record)
		}
	})
}}

// clientPoints is WriteAPI of influxdb-client-go with points.
var clientPoints = writer{"influxdb-client-go, WritePoint", func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func()) {
	points := p.clientPoints()
	return withClient(t, to, zipped, func(api api.WriteAPI) {
		for _, point := range points {
			api.WritePoint(point)
		}
	})
}}

// withClient writes with a WriteAPI, which makes one request at a time. Its
// channel of errors is read, as it must be.
func withClient(t testing.TB, to *influxd.Database, zipped bool, write func(api.WriteAPI)) (run, end func()) {
	client := influxdb2.NewClientWithOptions(to.URL, to.Token,
		influxdb2.DefaultOptions().SetBatchSize(pointsPerRequest).SetUseGZip(zipped))
	api := client.WriteAPI(to.Org, to.Bucket)
	errs := api.Errors()
	var wait sync.WaitGroup
	wait.Go(func() {
		for err := range errs {
			t.Error(err)
		}
	})
	run = func() {
		write(api)
		api.Flush()
	}
	return run, func() {
		client.Close() // closes errs
		wait.Wait()
	}
}

// telegrafSerializer makes bodies of batches of metrics by
// plugins/serializers/influx, which Telegraf's output influxdb_v2 writes with.
// They are compressed and posted as the others are. It is not the whole of
// Telegraf, whose metrics pass through channels and a buffer first.
var telegrafSerializer = writer{"Telegraf's serializer", func(t testing.TB, p points, to *influxd.Database, zipped bool) (run, end func()) {
	metrics := p.metrics()
	post := newPoster(t, to, zipped)
	run = func() {
		share((len(metrics)+pointsPerRequest-1)/pointsPerRequest, func() func(i int) {
			serializer, zip := &influx.Serializer{}, newZipper()
			if err := serializer.Init(); err != nil {
				t.Error(err)
			}
			return func(i int) {
				body, err := serializer.SerializeBatch(metrics[i*pointsPerRequest : min(len(metrics), (i+1)*pointsPerRequest)])
				if err != nil {
					t.Error(err)
					return
				}
				if zipped {
					body = zip.pack(body)
				}
				post.body(body)
			}
		})
	}
	return run, post.client.CloseIdleConnections
}}
