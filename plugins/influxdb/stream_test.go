package influxdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// stream runs messages through a stream of Benthos with this output, and returns
// the errors by message, the dead letters and the log.
func stream(t *testing.T, output string, messages []service.MessageBatch) (nacks []error, deadLetters []string, log string) {
	t.Helper()
	dead := filepath.Join(t.TempDir(), "dead")
	buffer := &logBuffer{}
	builder := service.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(buffer, &slog.HandlerOptions{Level: slog.LevelDebug})))
	produce, err := builder.AddBatchProducerFunc()
	if err != nil {
		t.Fatal(err)
	}
	if err := builder.AddOutputYAML(strings.ReplaceAll(output, "DEAD", dead)); err != nil {
		t.Fatal(err)
	}
	s, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	nacks = make([]error, len(messages))
	go func() {
		var wait sync.WaitGroup
		for i, batch := range messages {
			wait.Go(func() { nacks[i] = produce(ctx, batch) })
		}
		wait.Wait()
		_ = s.StopWithin(10 * time.Second)
	}()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(dead)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	deadLetters = strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	slices.Sort(deadLetters)
	return nacks, deadLetters, buffer.String()
}

func batches(lines []string, size int) (all []service.MessageBatch) {
	for part := range slices.Chunk(lines, size) {
		all = append(all, service.MessageBatch{message(part...)})
	}
	return all
}

const canary = "CANARY-5f2e"

// TestStream breaks if the output does other than its parts when Benthos runs it:
// acknowledgements, refused points with their metadata, an output within another.
func TestStream(t *testing.T) {
	lines := linesOf(0, 2000)
	bad := []string{lines[7], lines[8], lines[1500]}
	good := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(bad, line) })
	for name, output := range map[string]string{
		"rejected": `
influxdb:
  url: URL
  token: TOKEN
  org: org
  bucket: bucket
  rejected:
    processors:
      - mapping: root = content().string() + " | " + meta("influxdb_status").string() + " " + meta("influxdb_reason")
    file: { path: "DEAD", codec: lines }`,
		"nack under fallback": `
fallback:
  - influxdb:
      url: URL
      token: TOKEN
      org: org
      bucket: bucket
      on_reject: nack
  - file: { path: "DEAD", codec: lines }
    processors:
      - mapping: root = content().string().trim() + " | 422 " + meta("fallback_error")`,
	} {
		t.Run(name, func(t *testing.T) {
			fake := influxfake.New(influxfake.Options{Token: canary, Refuse: conflict(bad...), Fault: storm(1, 0)})
			address, stop := fake.Listen()
			defer stop()
			size := 100
			if name != "rejected" {
				size = 1 // a nack is for a message, not a line of it
			}
			nacks, dead, log := stream(t, strings.NewReplacer("URL", address, "TOKEN", canary).Replace(output), batches(lines, size))
			if err := errors.Join(nacks...); err != nil {
				t.Error(err)
			}
			mustStore(t, fake, good)
			if len(dead) != len(bad) {
				t.Fatalf("dead letters: %q", dead)
			}
			for i, line := range slices.Sorted(slices.Values(bad)) {
				if !strings.HasPrefix(dead[i], line+" | 422 ") || !strings.Contains(dead[i], "field type conflict") {
					t.Errorf("dead letter %q", dead[i])
				}
			}
			if strings.Contains(log, canary) {
				t.Error("the token is in the log")
			}
		})
	}
}

// TestStopOfAStreamLeavesDeadLettersEmpty breaks if points that InfluxDB has said
// nothing against go to the dead letters, or are acknowledged, because the stream
// stops while it is away: directly, or through outputs that act on an error.
func TestStopOfAStreamLeavesDeadLettersEmpty(t *testing.T) {
	for name, output := range map[string]string{
		"rejected": `
influxdb:
  url: URL
  org: org
  bucket: bucket
  rejected:
    file: { path: "DEAD", codec: lines }`,
		"fallback": `
fallback:
  - influxdb:
      url: URL
      org: org
      bucket: bucket
      on_reject: nack
  - file: { path: "DEAD", codec: lines }`,
		"drop_on": `
drop_on:
  error: true
  output:
    influxdb:
      url: URL
      org: org
      bucket: bucket`,
	} {
		t.Run(name, func(t *testing.T) {
			connected := make(chan struct{}, 1000)
			fake := influxfake.New(influxfake.Options{Fault: func(n int, _ []string) influxfake.Fault {
				if n < 0 {
					return influxfake.Fault{}
				}
				connected <- struct{}{}
				return influxfake.Fault{Status: 503}
			}})
			address, stop := fake.Listen()
			defer stop()
			dead := filepath.Join(t.TempDir(), "dead")
			builder := service.NewStreamBuilder()
			builder.SetLogger(slog.New(slog.DiscardHandler))
			produce, err := builder.AddBatchProducerFunc()
			if err != nil {
				t.Fatal(err)
			}
			if err := builder.AddOutputYAML(strings.NewReplacer("URL", address, "DEAD", dead).Replace(output)); err != nil {
				t.Fatal(err)
			}
			s, err := builder.Build()
			if err != nil {
				t.Fatal(err)
			}
			for _, batch := range batches(linesOf(0, 100), 10) {
				go func() {
					if err := produce(context.Background(), batch); err == nil {
						t.Error("acknowledged, but not stored")
					}
				}()
			}
			ran := make(chan error)
			go func() { ran <- s.Run(context.Background()) }()
			<-connected
			began := time.Now()
			if err := s.StopWithin(4 * time.Second); err != nil {
				t.Errorf("stopping: %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("stopping took %s", took)
			}
			<-ran
			if content, err := os.ReadFile(dead); err == nil && len(content) > 0 {
				t.Errorf("dead letters: %s", content)
			}
		})
	}
}

// TestTokenIsNeverSeen breaks if the token gets into a log line or an error,
// whatever goes wrong.
func TestTokenIsNeverSeen(t *testing.T) {
	for name, fault := range map[string]influxfake.Fault{
		"wrong token": {Status: 401},
		"refused":     {Status: 400, Body: "no"},
		"away":        {Reset: true},
		"elsewhere":   {Status: 302, Header: map[string][]string{"Location": {"http://other.test/"}}},
	} {
		t.Run(name, func(t *testing.T) {
			conf := testConfig()
			conf.token = canary
			conf.backoffMax = 5 * time.Millisecond
			rejected := &bin{fail: func(service.MessageBatch) error { return errors.New("away") }}
			o, log := startOutput(t, conf, influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault { return fault }}), rejected)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			said := fmt.Sprint(o.Connect(ctx), o.WriteBatch(ctx, service.MessageBatch{message(lineOf(1))}), o.ConnectionTest(ctx), log)
			if strings.Contains(said, canary) {
				t.Error(said)
			}
		})
	}
}

// TestDependencies breaks if a build that takes this output alone gets Kafka with
// it, or the licence of connect.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "github.com/redpanda-data/benthos/v4/public/service") {
		t.Fatalf("go list gives %d packages, and not those of this one", len(packages))
	}
	for _, p := range packages {
		for _, not := range []string{"github.com/redpanda-data/connect/", "github.com/twmb/franz-go", "github.com/influxdata/influxdb"} {
			if strings.HasPrefix(p, not) {
				t.Errorf("depends on %s", p)
			}
		}
	}
}
