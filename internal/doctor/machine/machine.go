// Package machine has the checks of this machine for the command `doctor`: limits that
// end a pipeline hours after its start.
package machine

import (
	"context"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Group is the group of the checks.
const Group = "this machine"

// Need is what a pipeline needs.
type Need struct {
	// InFlightBytes are the budgets of its inputs for records in flight; 0: none known.
	InFlightBytes int64
	// Connections are those to brokers and InfluxDB, about.
	Connections int
	// Dirs are folders that it writes to.
	Dirs []string
}

// Checks returns the checks of this machine.
func Checks(n Need) []*doctor.Check {
	return []*doctor.Check{
		{ID: doctor.MachineMemory, Group: Group, Offline: true, Run: n.memory},
		{ID: doctor.MachineFiles, Group: Group, Offline: true, Run: n.files},
		{ID: doctor.MachineDisk, Group: Group, Offline: true, Run: n.disk},
	}
}

const (
	// baseBytes is the memory of a pipeline without records in flight, and easyBytes
	// with what garbage collection needs to be cheap.
	baseBytes = 64 << 20
	easyBytes = 256 << 20
)

// memory compares the limit of this process with what the pipeline is configured to use.
func (n Need) memory(context.Context) doctor.Finding {
	limit, from := memoryLimit(os.ReadFile)
	if limit == 0 {
		return doctor.Skipped("this system does not say how much memory a process may have")
	}
	least, easy := n.InFlightBytes+baseBytes, n.InFlightBytes+easyBytes
	words := humanize.IBytes(uint64(limit)) + " (" + from + ")"
	const do = "Raise the limit, or lower max_in_flight_bytes of the inputs. Set GOMEMLIMIT to about 80 % of the limit."
	switch {
	case limit < least:
		return doctor.Failed(do, "the memory limit is %s, and the pipeline needs at least %s: it would be killed", words, humanize.IBytes(uint64(least)))
	case limit < easy:
		return doctor.Warning(do, "the memory limit is %s; below %s the pipeline is slow, since it collects garbage all the time", words, humanize.IBytes(uint64(easy)))
	}
	if n.InFlightBytes == 0 {
		return doctor.OK("the memory limit is %s", words)
	}
	return doctor.OK("the memory limit is %s, and records in flight take up to %s", words, humanize.IBytes(uint64(n.InFlightBytes)))
}

// memoryLimit returns the lowest limit that applies to this process, and where it is
// set; 0 if none is known.
func memoryLimit(read func(string) ([]byte, error)) (limit int64, from string) {
	limit = math.MaxInt64
	lower := func(n int64, where string) {
		if n > 0 && n < limit {
			limit, from = n, where
		}
	}
	for _, file := range limitFiles(read) {
		if text, err := read(file); err == nil {
			n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is no limit
			lower(n, "control group")
		}
	}
	if text, err := read("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if rest, found := strings.CutPrefix(line, "MemTotal:"); found {
				n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
				lower(n<<10, "all of the machine's")
			}
		}
	}
	if n, ok := addressSpace(); ok {
		lower(n, "ulimit -v")
	}
	if limit == math.MaxInt64 {
		return 0, ""
	}
	return limit, from
}

// limitFiles returns the files with the limits of this process's control groups: its own
// and those around it. A container sees its own one as the root.
func limitFiles(read func(string) ([]byte, error)) []string {
	const v2, v1 = "/sys/fs/cgroup", "/sys/fs/cgroup/memory"
	files := []string{v2 + "/memory.max", v1 + "/memory.limit_in_bytes"}
	text, _ := read("/proc/self/cgroup") // not there: the root alone is asked
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(fields) != 3 {
			continue
		}
		for at := path.Clean("/" + fields[2]); at != "/"; at = path.Dir(at) {
			switch {
			case fields[1] == "":
				files = append(files, v2+at+"/memory.max")
			case slices.Contains(strings.Split(fields[1], ","), "memory"):
				files = append(files, v1+at+"/memory.limit_in_bytes")
			}
		}
	}
	return files
}

// spareFiles are open files besides connections: the program, logs, certificates.
const spareFiles = 64

func (n Need) files(context.Context) doctor.Finding {
	limit, ok := openFiles()
	if !ok {
		return doctor.Skipped("this system does not say how many files a process may open")
	}
	least := uint64(n.Connections + spareFiles)
	const do = "Raise the limit: ulimit -n, LimitNOFILE of systemd, or ulimits of the container."
	switch {
	case limit < least:
		return doctor.Failed(do, "a process may open %d files, and the pipeline needs about %d", limit, least)
	case limit < 2*least:
		return doctor.Warning(do, "a process may open %d files, and the pipeline needs about %d: not enough while connections are replaced", limit, least)
	}
	return doctor.OK("a process may open %d files", limit)
}

const (
	leastFree = 8 << 20
	easyFree  = 256 << 20
)

func (n Need) disk(context.Context) doctor.Finding {
	var seen []string
	for _, dir := range n.Dirs {
		free, ok := process.FreeBytes(dir)
		const do = "Free some space. Logs and dead letters in files are lost on a full disk."
		switch words := humanize.IBytes(free); {
		case !ok:
			continue
		case free < leastFree:
			return doctor.Failed(do, "the disk of %s is full (%s free)", dir, words)
		case free < easyFree:
			return doctor.Warning(do, "the disk of %s has %s free", dir, words)
		default:
			seen = append(seen, dir+" has "+words+" free")
		}
	}
	if len(seen) == 0 {
		return doctor.Skipped("this system does not say how much space is free")
	}
	return doctor.OK("%s", strings.Join(seen, ", "))
}
