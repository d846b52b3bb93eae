package peers_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const telegrafVersion = "1.37.2"

// telegrafPlugins are the build tags of Telegraf's tools/custom_builder.
const telegrafPlugins = "custom,inputs.kafka_consumer,parsers.avro,processors.defaults,processors.starlark," +
	"aggregators.starlark,serializers.influx,outputs.influxdb_v2"

// telegraf builds Telegraf from its source into the user's cache folder, once.
func telegraf(t testing.TB) string {
	t.Helper()
	const program = "telegraf"
	dir, err := buildcache.Get(t.Context(), "telegraf-"+telegrafVersion, program, nil, nil, func(ctx context.Context, dir string) error {
		golang, err := process.Look("go", "building Telegraf", "https://go.dev/dl")
		if err != nil {
			return err
		}
		t.Logf("building Telegraf %s from its source: one to three minutes, once", telegrafVersion)
		_, err = buildcache.Run(ctx, dir, buildcache.GoEnvironment("GOBIN="+dir, "CGO_ENABLED=0"), nil,
			golang, "install", "-trimpath", "-tags", telegrafPlugins,
			"-ldflags", "-s -w -X github.com/influxdata/telegraf/internal.Version="+telegrafVersion,
			"github.com/influxdata/telegraf/cmd/telegraf@v"+telegrafVersion)
		if err != nil {
			return err
		}
		out, err := buildcache.Run(ctx, dir, nil, nil, filepath.Join(dir, program), "version")
		if err == nil && !strings.Contains(string(out), telegrafVersion) {
			err = fmt.Errorf("it says %q, not %s", out, telegrafVersion)
		}
		return err
	})
	if err != nil {
		testenv.SkipIfMissing(t, err)
		t.Fatalf("getting Telegraf: %v", err)
	}
	return filepath.Join(dir, program)
}
