package exactbench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// jobVariable holds a job, and makes this program a reader instead of a test.
const jobVariable = "BRANDPULSE_BENCH_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testenv.Main(m))
}

// job is the work of one process.
type job struct {
	Reader  string
	Broker  string
	Topic   string
	Tweets  int64 // number of tweets in the topic
	Passes  int   // how often it is read from its beginning
	Threads int   // Go threads at a time; 0: one per core
	Profile string
	Result  string // file
}

// result is the measurements of a process. Rate and CPU are those of the last pass, 0
// if all tweets arrived at once.
type result struct {
	Passes int     // duration in which all tweets were counted
	Rate   float64 // tweets per second
	CPU    float64 // seconds per million tweets
	Memory []int64 // bytes: the most used by the end of each pass
	Pauses pauses
}

func (r result) reading() rounds.Reading {
	return rounds.Reading{Rate: r.Rate, CPU: r.CPU, Peak: r.Memory[len(r.Memory)-1]}
}

func (r result) String() string {
	var peaks strings.Builder
	for _, peak := range r.Memory {
		fmt.Fprintf(&peaks, " %d", peak>>20)
	}
	return fmt.Sprintf("peak memory in MB after each pass%s; %s", peaks.String(), r.Pauses)
}

// run reads in a process of its own.
func run(tb testing.TB, j job) (r result) {
	tb.Helper()
	dir := tb.TempDir()
	j.Result = filepath.Join(dir, "result")
	if profiles := os.Getenv("BRANDPULSE_BENCH_PROFILES"); profiles != "" {
		j.Profile = filepath.Join(profiles, j.Reader+".pprof")
	}
	text, err := json.Marshal(j)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), benchTimeout)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	reader := exec.CommandContext(ctx, self)
	reader.Dir = testenv.Root(tb)
	reader.Env = append(os.Environ(), jobVariable+"="+string(text))
	if j.Threads > 0 {
		reader.Env = append(reader.Env, "GOMAXPROCS="+strconv.Itoa(j.Threads))
	}
	if out, err := reader.CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v\n%s", j.Reader, err, out)
	}
	if text, err = os.ReadFile(j.Result); err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// work does a job in this process.
func work(text string) (err error) {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	if j.Profile != "" {
		stop, err := profile(j.Profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	ctx, cancel := context.WithTimeout(context.Background(), benchTimeout)
	defer cancel()
	var r result
	before := gcPauses()
	for pass := range j.Passes {
		m := newMeter(j.Tweets)
		if err := read(ctx, j, pass, m); err != nil {
			return fmt.Errorf("reading by the %s: %w", j.Reader, err)
		}
		if r.Rate, r.CPU, err = m.measured(); err != nil {
			return err
		}
		r.Passes++
		peak, err := peakMemory()
		if err != nil {
			return err
		}
		r.Memory = append(r.Memory, peak)
	}
	r.Pauses = gcPauses().since(before)
	out, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(j.Result, out, 0o600)
}

func profile(path string) (stop func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// peakMemory returns the highest memory use of this process so far, in bytes.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("reading the memory of this process: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the system does not report the memory of this process")
}
