package producebench_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// The environment variables, which the Makefile sets from its own without the prefix.
const (
	jobsVariable     = "BRANDPULSE_BENCH_JOBS"     // generate records kilobyte pipeline curves profile
	tweetsVariable   = "BRANDPULSE_BENCH_TWEETS"   // of a run of a fast writer, 20,000,000
	roundsVariable   = "BRANDPULSE_BENCH_ROUNDS"   // 3
	codecsVariable   = "BRANDPULSE_BENCH_CODECS"   // none lz4; also snappy and zstd
	durationVariable = "BRANDPULSE_BENCH_DURATION" // for which the pipeline must hold its rate, 5m
	ratesVariable    = "BRANDPULSE_BENCH_RATES"    // tweets/s that the pipeline tries, the highest first
	profilesVariable = "BRANDPULSE_BENCH_PROFILES" // folder of the profiles, bin/profiles
	resultsVariable  = "BRANDPULSE_BENCH_RESULTS"  // path without .txt and .jsonl, bin/bench-produce
)

type settings struct {
	jobs, codecs []string
	tweets       int64
	rounds       int
	duration     time.Duration
	rates        []int64
	results      string
	profiles     string
}

func settingsOf(b *testing.B) settings {
	b.Helper()
	s := settings{
		jobs:     strings.Fields(cmp.Or(os.Getenv(jobsVariable), "generate records kilobyte")),
		codecs:   strings.Fields(cmp.Or(os.Getenv(codecsVariable), "none lz4")),
		tweets:   numbers(b, tweetsVariable, "20000000")[0],
		rounds:   int(numbers(b, roundsVariable, "3")[0]),
		rates:    numbers(b, ratesVariable, "2000000 1750000 1500000 1250000 1000000"),
		results:  os.Getenv(resultsVariable),
		profiles: cmp.Or(os.Getenv(profilesVariable), filepath.Join(testenv.Root(b), "bin", "profiles")),
	}
	var err error
	if s.duration, err = time.ParseDuration(cmp.Or(os.Getenv(durationVariable), "5m")); err != nil || s.duration <= 0 {
		b.Fatalf("%s is not a duration such as 5m: %v", durationVariable, err)
	}
	return s
}

func numbers(b *testing.B, variable, otherwise string) []int64 {
	b.Helper()
	var all []int64
	for _, text := range strings.Fields(cmp.Or(os.Getenv(variable), otherwise)) {
		n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		if err != nil || n < 1 {
			b.Fatalf("%s has %q, which is not a number above 0", variable, text)
		}
		all = append(all, n)
	}
	return all
}
