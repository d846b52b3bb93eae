// Package memory sets the limits of the garbage collector, when it is imported. The
// program imports it, and no plugin does: those are part of other programs.
//
// It is a package because Go initializes packages before main runs, and those first
// whose own imports are few. Most of a start is parsing the lint rules of all
// components, which leaves 80 MB of garbage: with Go's defaults, collecting that was a
// third of a start.
package memory

import (
	"os"
	"runtime/debug"
)

// limit is the size from which the garbage collector works harder instead of letting
// the heap grow. Without it, reading a backlog after an outage held 300 MB and more.
// The limit is soft, and GOMEMLIMIT in the environment replaces it: pipelines that
// need more would otherwise spend their time collecting garbage.
const limit = 200 << 20

// percent is how much is allocated between two collections, in percent of the live
// heap after the last one, as long as the limit allows it. With Go's default of 100
// the collector took a tenth of the CPU of a pipeline of large messages, whose live
// heap is a small part of the limit. GOGC in the environment replaces it.
const percent = 400

func init() { Set(limit, percent) }

// Set sets both, unless the environment does.
func Set(limit int64, percent int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
