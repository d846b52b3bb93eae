// Command getservers gets the real servers of the tests, and librdkafka, into the user's
// cache folder, so that no test waits minutes for a build. It reports and skips those for
// which programs are missing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/readback/librdkafka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed := false
	for _, server := range []struct {
		name string
		get  func(progress func(line string)) (string, error)
	}{
		{"InfluxDB " + influxd.V1, func(p func(string)) (string, error) { return influxd.Get(ctx, influxd.V1, p) }},
		{"InfluxDB " + influxd.V2, func(p func(string)) (string, error) { return influxd.Get(ctx, influxd.V2, p) }},
		{"Apache Kafka " + kafkad.Version, func(p func(string)) (string, error) { return kafkad.Get(ctx, p) }},
		{"librdkafka " + librdkafka.Version, func(p func(string)) (string, error) { return librdkafka.Get(ctx, p) }},
	} {
		begun := time.Now()
		where, err := server.get(progress())
		var missing *process.MissingError
		switch {
		case errors.As(err, &missing):
			fmt.Printf("%s: left out: %v\n", server.name, err)
		case err != nil:
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", server.name, err)
		default:
			fmt.Printf("%s: %s (%s)\n", server.name, where, time.Since(begun).Round(time.Second))
		}
	}
	if failed {
		os.Exit(1) //nolint:gocritic // nothing is left to clean up
	}
}

// progress prints a line at most every five seconds: a build has a thousand.
func progress() func(line string) {
	var last time.Time
	return func(line string) {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			fmt.Println("  ", line)
		}
	}
}
