package main

import (
	"os"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/configcreate"
	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// If this fails, create prints a configuration that lint rejects.
func TestEachComponentCanBeCreated(t *testing.T) {
	full := schema("", "")
	text, err := full.MarshalJSONV0()
	if err != nil {
		t.Fatal(err)
	}
	linter, err := configlint.New(full, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	expressions := []string{
		"", "kafka_batches/sentiment_window/influxdb", "kafka_batches/mapping/influxdb", "redpanda/sentiment_window/influxdb",
		"tweet_generator/sentiment_window/influxdb", "tweet_generator//redpanda", "file,http_server/mapping,sentiment_window/stdout,influxdb",
		"influxdb", "sentiment_window", " tweet_generator / / influxdb ",
	}
	whole := len(expressions)
	env := components().GenerateSchema("", "").XFlattened()
	for place, kind := range []string{"inputs", "processors", "outputs"} {
		for _, name := range env[kind] {
			expressions = append(expressions, strings.Repeat("/", place)+name)
		}
	}
	for i, expression := range expressions {
		for _, small := range []bool{false, true} {
			if small && i >= whole {
				continue // small output is a part of the full one
			}
			created, err := configcreate.Create(configcreate.Options{Schema: text, Expression: expression, Small: small})
			if err != nil {
				t.Errorf("%s: %v", expression, err)
				continue
			}
			for _, f := range linter.All([]byte(created)).Findings {
				t.Errorf("create %s, small %v: %s\nin line %d of\n%s", expression, small, f.What, f.Line, created)
			}
		}
	}
}
