package producebench_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spansPart is all that Benthos does for traces, memory included: it makes spans for each
// message even if no tracer is configured.
const spansPart = "Benthos: spans of messages"

var spans = regexp.MustCompile(`benthos/v4/internal/tracing\.|^go\.opentelemetry\.io/`)

// parts are what else the CPU of a process is spent on. A sample belongs to the part of the
// innermost function in its stack that is in any.
var parts = []struct {
	name      string
	functions *regexp.Regexp
}{
	{"garbage collection", regexp.MustCompile(`^runtime\.(gcBgMarkWorker|gcAssist|gcDrain|bgsweep|bgscavenge|sweepone|wbBuf|gcStart|gcMark)`)},
	{"memory: allocating and clearing", regexp.MustCompile(`^runtime\.(mallocgc|newobject|makeslice|growslice|madvise|sysUsed)`)},
	{"CRC", regexp.MustCompile(`^hash/crc32\.`)},
	{"compression", regexp.MustCompile(`recordbatch\.\(\*Compressor\)|recordbatch\.\(\*lz4|klauspost/compress/|pierrec/lz4/`)},
	{"kernel: sending", regexp.MustCompile(`^internal/poll\.\(\*FD\)\.Write`)},
	{"kernel: reading", regexp.MustCompile(`^internal/poll\.\(\*FD\)\.Read`)},
	{"copying: into the request", regexp.MustCompile(`kmsg/internal/kbin\.Append|kmsg\..*AppendTo$`)},
	{"copying: out of the response", regexp.MustCompile(`^bytes\.Clone$`)},
	{"copying: with another header", regexp.MustCompile(`recordbatch\.appendWith$`)},
	{"generating tweets", regexp.MustCompile(`plugins/tweetgen\.`)},
	{"building record batches", regexp.MustCompile(`recordbatch\.\(\*Builder\)`)},
	{"output kafka_batches", regexp.MustCompile(`plugins/kafkabatch\.\(\*(output|writing)\)|internal/kafka/produce\.`)},
	{"input kafka_batches", regexp.MustCompile(`plugins/kafkabatch\.|internal/kafka/fetch\.`)},
	{"Kafka's client (franz-go)", regexp.MustCompile(`twmb/franz-go/`)},
	{"Benthos", regexp.MustCompile(`redpanda-data/benthos/|redpanda-data/connect/`)},
	{"scheduling goroutines", regexp.MustCompile(`^runtime\.(mcall|schedule|findRunnable|park_m|goexit0|mstart|sysmon|ready|wakep|goready|systemstack)`)},
}

const otherPart = "other"

func partOf(stack []string) string {
	if slices.ContainsFunc(stack, spans.MatchString) {
		return spansPart
	}
	for _, function := range stack {
		for _, p := range parts {
			if p.functions.MatchString(function) {
				return p.name
			}
		}
	}
	return otherPart
}

// shares reads the output of `go tool pprof -traces`: blocks of a stack each, the innermost
// function first, behind the time.
func shares(traces string) (map[string]float64, error) {
	of := map[string]float64{}
	blocks := strings.Split(traces, "-----------+")
	for _, block := range blocks[1:] {
		_, block, _ = strings.Cut(block, "\n")
		var took time.Duration
		var stack []string
		for line := range strings.Lines(block) {
			fields := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), "(inline)"))
			if len(fields) == 0 {
				continue
			}
			if len(stack) == 0 {
				var err error
				if took, err = time.ParseDuration(fields[0]); err != nil || len(fields) < 2 {
					return nil, fmt.Errorf("a stack of the profile begins with %q", line)
				}
				fields = fields[1:]
			}
			stack = append(stack, fields[0])
		}
		if len(stack) > 0 {
			of[partOf(stack)] += took.Seconds()
		}
	}
	if len(of) == 0 {
		return nil, errors.New("the profile has no samples")
	}
	return of, nil
}

// byShare returns the names of parts, the largest first.
func byShare(of map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		switch {
		case of[a] > of[b]:
			return -1
		case of[a] < of[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// threads returns the CPU of the broker's threads by what they do. Java names its threads
// in the dump that SIGQUIT adds to its output; the kernel has only the beginning of a name.
func (k *broker) threads() (map[string]time.Duration, error) {
	before, err := os.Stat(k.LogPath())
	if err != nil {
		return nil, err
	}
	if err := syscall.Kill(k.PID(), syscall.SIGQUIT); err != nil {
		return nil, fmt.Errorf("asking Kafka for its threads: %w", err)
	}
	var dump string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(k.LogPath())
		if err != nil {
			return nil, err
		}
		if dump = string(text[before.Size():]); strings.Contains(dump, "JNI global refs") {
			break
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("Kafka writes no dump of its threads to %s", k.LogPath())
		}
	}
	used := map[string]time.Duration{}
	for thread, name := range threadsIn(dump) {
		user, kernel, err := timesOf(filepath.Join("/proc", strconv.Itoa(k.PID()), "task", strconv.Itoa(thread), "stat"))
		if err != nil {
			continue // it has ended
		}
		role := roleOf(name)
		if role == requestThreads || role == networkThreads {
			used[role+", kernel"] += kernel
			used[role+", Java"] += user
		} else {
			used[role] += user + kernel
		}
	}
	return used, nil
}

var threadLine = regexp.MustCompile(`(?m)^"(.*)" .*\bnid=(0x[0-9a-f]+|[0-9]+)\b`)

// threadsIn returns the names of the threads in a dump by their id.
func threadsIn(dump string) map[int]string {
	names := map[int]string{}
	for _, match := range threadLine.FindAllStringSubmatch(dump, -1) {
		if id, err := strconv.ParseInt(match[2], 0, 32); err == nil {
			names[int(id)] = match[1]
		}
	}
	return names
}

const (
	requestThreads = "request handlers (check and store batches)"
	networkThreads = "network threads (read requests)"
)

func roleOf(thread string) string {
	switch {
	case strings.Contains(thread, "request-handler"):
		return requestThreads
	case strings.Contains(thread, "network-thread"):
		return networkThreads
	case strings.HasPrefix(thread, "G1 "), strings.HasPrefix(thread, "GC "), strings.HasPrefix(thread, "VM "):
		return "garbage collection"
	case strings.Contains(thread, "CompilerThread"):
		return "compiling Java"
	}
	return otherPart
}

// If this fails, a part of the CPU is called by a wrong name.
func TestSharesOfAProfile(t *testing.T) {
	got, err := shares(`File: brandpulse-connect
Type: cpu
-----------+-------------------------------------------------------
      30ms   runtime.memmove
             github.com/twmb/franz-go/pkg/kmsg.(*ProduceRequest).AppendTo (inline)
             github.com/brandpulse/brandpulse-connect/internal/kafka/produce.(*ordered).AppendTo
-----------+-------------------------------------------------------
      1.50s   hash/crc32.castagnoliSSE42Triple
             github.com/brandpulse/brandpulse-connect/internal/recordbatch.(*Builder).Finish
-----------+-------------------------------------------------------
      10ms   runtime.memclrNoHeapPointers
             runtime.mallocgc
             github.com/brandpulse/brandpulse-connect/plugins/tweetgen.(*packer).pack
-----------+-------------------------------------------------------
      10ms   runtime.mallocgc
             github.com/redpanda-data/benthos/v4/internal/tracing.InitSpan
-----------+-------------------------------------------------------
      10ms   runtime.futex
`)
	want := map[string]float64{"copying: into the request": 0.03, "CRC": 1.5, "memory: allocating and clearing": 0.01, spansPart: 0.01, otherPart: 0.01}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := shares("File: brandpulse-connect\n"); err == nil {
		t.Error("a profile without samples passes")
	}
}

func TestThreadsInADump(t *testing.T) {
	got := threadsIn(`Full thread dump OpenJDK 64-Bit Server VM:

"data-plane-kafka-request-handler-0" #75 daemon prio=5 os_prio=0 cpu=12.34ms elapsed=1.00s tid=0x00007f nid=0x1f waiting on condition  [0x00]
   java.lang.Thread.State: TIMED_WAITING (parking)
"G1 Main Marker" os_prio=0 cpu=0.21ms elapsed=1.00s tid=0x00007f nid=32 runnable
`)
	if want := map[int]string{31: "data-plane-kafka-request-handler-0", 32: "G1 Main Marker"}; !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
