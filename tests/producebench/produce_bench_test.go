// Package producebench compares the ways to write tweets to a real Kafka: this project's
// generator and output, a loop without Benthos that is as fast as we know how to be,
// Kafka's own tool, librdkafka, franz-go, and the stock outputs of Benthos. It is `make
// bench-produce`, which the variables in settings_test.go adjust.
//
// Each writer is a process of its own. It is measured from outside, from the first
// records that Kafka has to the last: the start of a process, and that of Java above all,
// takes as long as a million tweets.
package producebench_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(workVariable); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testenv.Main(m))
}

// jobs are what can be compared, in this order.
var jobs = []struct {
	name string
	run  func(*bench)
}{
	{"generate", generate},
	{"records", records},
	{"kilobyte", kilobyte},
	{"pipeline", pipeline},
	{"curves", curves},
	{"profile", profile},
}

// BenchmarkProduce runs the chosen jobs once. A job that fails does not end the others.
func BenchmarkProduce(b *testing.B) {
	s := settingsOf(b)
	log := openLog(b, s.results)
	broker := startKafka(b)
	log.printf("%s\n", machine(broker))
	left := slices.Clone(s.jobs)
	for _, job := range jobs {
		if !slices.Contains(s.jobs, job.name) {
			continue
		}
		b.Run(job.name, func(b *testing.B) {
			job.run(&bench{B: b, settings: s, broker: broker, log: log, job: job.name})
		})
		left = slices.DeleteFunc(left, func(name string) bool { return name == job.name })
	}
	if len(left) > 0 {
		b.Errorf("unknown jobs in %s: %q", jobsVariable, left)
	}
}

// bench is a job that runs.
type bench struct {
	*testing.B
	settings
	broker *broker
	log    *resultLog
	job    string
}

// progress shows a build that takes minutes, a line every ten seconds.
func (b *bench) progress() buildcache.Progress {
	var last time.Time
	return func(line string) {
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			fmt.Println("  ", line)
		}
	}
}
