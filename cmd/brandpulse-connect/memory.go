package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit is the size from which the garbage collector works harder instead
// of letting the heap grow. Without it, reading a backlog after an outage held
// 300 MB and more. The limit is soft, and GOMEMLIMIT in the environment replaces
// it: pipelines that need more would otherwise spend their time collecting
// garbage.
const memoryLimit = 200 << 20

// gcPercent is how much is allocated between two collections, in percent of the
// live heap after the last one, as long as the memory limit allows it. With Go's
// default of 100 the collector took a tenth of the CPU of a pipeline of large
// messages, whose live heap is a small part of the limit. GOGC in the environment
// replaces it.
const gcPercent = 400

// collectGarbage sets both, unless the environment does.
func collectGarbage(limit int64, percent int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
