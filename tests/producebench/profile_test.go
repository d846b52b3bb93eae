package producebench_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// How long a pipeline is profiled, at 100 samples per second of CPU. The mirror must not
// come to the end of its topic.
const (
	profileSpan = 10 * time.Second
	mirrorSpan  = 5 * time.Second
)

// profile prints where the CPU goes, in the process that writes and in the broker, and
// keeps the profiles of the former for `go tool pprof`.
func profile(b *bench) {
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		b.Fatal(err)
	}
	records := filepath.Join(b.TempDir(), "pipeline.yaml")
	if err := os.WriteFile(records, fmt.Appendf(nil, recordsConfig, outputs["kafka_batches"]), 0o600); err != nil {
		b.Fatal(err)
	}
	warm, drop := b.broker.topic(b.B, partitions, nil)
	b.fill(warm, "none", b.tweets) // Java compiles what runs often
	drop()
	for _, codec := range b.codecs {
		b.profile("generate_fast, "+codec, profileSpan, fastConfig, map[string]string{"COMPRESSION": codec, "ACKS": "leader"})
		b.profile("messages, "+codec, profileSpan, records, map[string]string{"COMPRESSION": codec})
		source, drop := b.broker.topic(b.B, partitions, nil)
		b.fill(source, codec, 2*b.tweets)
		b.profile("mirror, "+codec, mirrorSpan, "config/mirror.yaml", map[string]string{
			"TOPIC": source, "CONSUMER_GROUP": source, "ACKS": "leader", "TARGET_BROKERS": b.broker.Brokers[0],
		})
		drop()
	}
}

// fill generates tweets that are read.
func (b *bench) fill(topic, codec string, tweets int64) {
	b.Helper()
	generator := testenv.Start(b, testenv.Command{Config: fastConfig, Env: map[string]string{
		"KAFKA_BROKERS": b.broker.Brokers[0], "TOPIC": topic, "COMPRESSION": codec, "ACKS": "leader",
		"COUNT": strconv.FormatInt(tweets, 10), "PROGRESS": "never",
	}})
	if code := generator.Wait(b, runTimeout); code != 0 {
		b.Fatalf("the generator has ended with exit code %d", code)
	}
}

// profile runs a pipeline without an end, and profiles it for a while.
func (b *bench) profile(title string, span time.Duration, config string, env map[string]string) {
	b.Helper()
	topic, drop := b.broker.topic(b.B, partitions, nil)
	defer drop()
	env = maps.Clone(env)
	env["KAFKA_BROKERS"], env["COUNT"], env["PROGRESS"] = b.broker.Brokers[0], "0", "never"
	if env["TARGET_BROKERS"] == "" {
		env["TOPIC"] = topic
	} else {
		env["TARGET_TOPIC"] = topic
	}
	program := testenv.Start(b, testenv.Command{Config: config, Env: env, Args: []string{"--set", "http.debug_endpoints=true"}})
	ends := b.broker.ends(topic, partitions)
	testenv.Eventually(b, time.Minute, "there are records", func() error {
		n, err := ends(b.Context())
		if err == nil && n == 0 {
			err = errors.New("there are none yet")
		}
		return err
	})
	before := b.see(program, ends)
	content, err := program.Get(b.Context(), fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(span.Seconds())))
	if err != nil {
		b.Fatal(err)
	}
	after := b.see(program, ends)
	program.Kill(b)
	path := filepath.Join(b.profiles, strings.ReplaceAll(title, ", ", "-")+".pprof")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	shares, err := sharesOf(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	tweets := float64(after.tweets-before.tweets) / 1e6
	took := after.at.Sub(before.at)
	b.log.printf("\n%s, acks 1: %s tweets/s; profile in %s\n", title, grouped(int64(1e6*tweets/took.Seconds())), path)
	figures := map[string]any{"tweets": after.tweets - before.tweets, "took": took.Seconds(),
		"process": b.printShares("the process", (after.process-before.process).Seconds()/tweets, shares)}
	broker := map[string]float64{}
	for group, used := range after.broker {
		broker[group] = (used - before.broker[group]).Seconds()
	}
	figures["broker"] = b.printShares("the broker", (after.server-before.server).Seconds()/tweets, broker)
	b.log.record(entry{Job: b.job, Case: title, Tweets: after.tweets - before.tweets, Figures: figures})
}

// instant is what was used until a time.
type instant struct {
	at              time.Time
	tweets          int64
	process, server time.Duration
	broker          map[string]time.Duration
}

func (b *bench) see(program *testenv.Program, ends func(context.Context) (int64, error)) (i instant) {
	b.Helper()
	var err error
	if i.broker, err = b.broker.threads(); err != nil {
		b.Fatal(err)
	}
	if i.process, err = cpuOf(program.PID()); err != nil {
		b.Fatal(err)
	}
	if i.server, err = cpuOf(b.broker.PID()); err != nil {
		b.Fatal(err)
	}
	i.at = time.Now()
	if i.tweets, err = ends(b.Context()); err != nil {
		b.Fatal(err)
	}
	return i
}

// printShares prints the parts of something, of which 1,000,000 tweets take so many
// seconds of CPU, the largest first. Parts below one percent are added up.
func (b *bench) printShares(of string, seconds float64, parts map[string]float64) map[string]float64 {
	sum, rest := 0.0, 0.0
	for _, used := range parts {
		sum += used
	}
	b.log.printf("%-56s %7.3f CPU s a million\n", of, seconds)
	shares := map[string]float64{}
	for _, name := range byShare(parts) {
		share := parts[name] / sum
		if shares[name] = share; share < 0.01 {
			rest += share
			continue
		}
		b.log.printf("  %-54s %5.1f %%  %.3f\n", name, 100*share, share*seconds)
	}
	if rest > 0 {
		b.log.printf("  %-54s %5.1f %%\n", "less than 1 % each", 100*rest)
	}
	return shares
}

// sharesOf returns the seconds of each part of a profile.
func sharesOf(ctx context.Context, path string) (map[string]float64, error) {
	command := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", path)
	var errs bytes.Buffer
	command.Stderr = &errs
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("reading the profile %s: %w: %s", path, err, errs.String())
	}
	return shares(string(text))
}
