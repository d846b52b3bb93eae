// A program with one plugin, which writes a reading to InfluxDB.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/redpanda-data/benthos/v4/public/service"

	// One plugin and its dependencies.
	_ "github.com/brandpulse/brandpulse-connect/plugins/influxdb"
)

const pipeline = `
influxdb:
  url: "${INFLUXDB_URL:http://127.0.0.1:8086}"
  token_env: INFLUXDB_TOKEN
  org: "${INFLUXDB_ORG:home}"
  bucket: home
  measurement: temperature
  tags: root.room = this.room
  fields: root.celsius = this.celsius
  timestamp: root = this.time.ts_parse("2006-01-02T15:04:05Z07:00")
  on_reject: block
`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	builder := service.NewStreamBuilder()
	send, err := builder.AddProducerFunc()
	if err != nil {
		return err
	}
	if err := builder.AddOutputYAML(pipeline); err != nil {
		return err
	}
	stream, err := builder.Build()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()

	// send returns once InfluxDB has stored the point.
	reading := `{"room":"kitchen","celsius":21.5,"time":"2026-01-02T03:04:05Z"}`
	if err := send(ctx, service.NewMessage([]byte(reading))); err != nil {
		return err
	}
	fmt.Println("stored")
	if err := stream.Stop(ctx); err != nil {
		return err
	}
	return <-ended
}
