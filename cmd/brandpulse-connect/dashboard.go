package main

import (
	"fmt"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/dashboard"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/brandview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/deadview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/pipelineview"
)

func dashboardCommand() *cli.Command {
	return &cli.Command{
		Name:  "dashboard",
		Usage: "Serve a live page with the counts and the pipelines' state",
		Description: `
Shows the brand view (tweets per second by sentiment, shares, net sentiment,
spikes and inversions, the latest tweets) from InfluxDB, and the pipeline view
(rates per stage, lag, latencies, dead letters) from the metrics of running
pipelines. With --kafka it also shows the newest dead letters. It only reads: a
token that may read the bucket is enough. It has no login, so by default it
listens on this machine only.

   brandpulse-connect dashboard \
     --metrics http://127.0.0.1:4195/metrics,http://127.0.0.1:4196/metrics
   brandpulse-connect dashboard --influxdb-url http://localhost:8086 --influxdb-token admin:secret
   brandpulse-connect dashboard --metrics http://127.0.0.1:4195/metrics \
     --kafka 127.0.0.1:9092 --topic tweets --group brandpulse \
     --dead-letters tweets_dead`[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "address", Value: dashboard.DefaultAddress, Usage: "`HOST:PORT` to listen on; port 0 picks a free port"},
			&cli.StringSliceFlag{Name: "allowed-host", Usage: "`NAME` or NAME:PORT under which browsers may open the page, besides this machine's own names; may be repeated"},
			&cli.StringFlag{Name: "influxdb-url", EnvVars: []string{"INFLUXDB_URL"}, Value: "http://127.0.0.1:8086", Usage: "`URL` of InfluxDB, 1.8 or 2.x"},
			&cli.StringFlag{Name: "influxdb-token", EnvVars: []string{"INFLUXDB_TOKEN"}, Usage: "token that may read the bucket; user:password for 1.8. Prefer the environment variable: other users can see flags"},
			&cli.StringFlag{Name: "influxdb-org", EnvVars: []string{"INFLUXDB_ORG"}, Value: "brandpulse", Usage: "organisation in 2.x"},
			&cli.StringFlag{Name: "influxdb-bucket", EnvVars: []string{"INFLUXDB_BUCKET"}, Value: "brandpulse", Usage: "bucket; in 1.8 a database, or DATABASE/POLICY"},
			&cli.StringFlag{Name: "measurement", EnvVars: []string{"MEASUREMENT"}, Value: "tweets", Usage: "measurement of the counts"},
			&cli.StringFlag{Name: "texts-measurement", EnvVars: []string{"TEXTS_MEASUREMENT"}, Value: "tweet_texts", Usage: "measurement of a sample of tweets with their texts, as texts.yaml stores it; texts in --measurement are shown too"},
			&cli.StringSliceFlag{Name: "metrics", Usage: "`URL` of a pipeline's Prometheus metrics, such as http://127.0.0.1:4195/metrics; several with commas, or repeated"},
			&cli.StringFlag{Name: "kafka", Usage: "`BROKERS`, separated by commas, to read the size of the topic, the lag and the dead letters from; without TLS or login"},
			&cli.StringFlag{Name: "topic", EnvVars: []string{"TOPIC"}, Value: "tweets", Usage: "topic in Kafka"},
			&cli.StringFlag{Name: "group", EnvVars: []string{"CONSUMER_GROUP"}, Usage: "consumer group whose lag is shown"},
			&cli.StringFlag{Name: "dead-letters", EnvVars: []string{"DEAD_TOPIC"}, Value: "tweets_dead", Usage: "`TOPIC` of the dead letters, the newest of which are shown with --kafka; empty shows none"},
		},
		OnUsageError: usageError,
		Action:       runDashboard,
	}
}

func runDashboard(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("dashboard takes no arguments, got %q", c.Args().Slice())
	}
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	kafka := commaSeparated(c.String("kafka"))
	server, err := dashboard.Listen(dashboard.Options{
		Address:      c.String("address"),
		AllowedHosts: c.StringSlice("allowed-host"),
		Influx: brandview.Source{
			URL:         c.String("influxdb-url"),
			Token:       c.String("influxdb-token"),
			Org:         c.String("influxdb-org"),
			Bucket:      c.String("influxdb-bucket"),
			Measurement: c.String("measurement"),
			Texts:       c.String("texts-measurement"),
		},
		Pipeline: pipelineview.Source{
			Metrics: c.StringSlice("metrics"),
			Kafka:   kafka,
			Topic:   c.String("topic"),
			Group:   c.String("group"),
		},
		DeadLetters: deadview.Source{Kafka: kafka, Topic: c.String("dead-letters")},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "Dashboard  %s\n", server.URL())
	return server.Serve(ctx)
}

func commaSeparated(text string) (parts []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
