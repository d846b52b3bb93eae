package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit is from how much memory on the garbage collector works harder
// instead of letting the heap grow. A backlog read after an outage otherwise
// held 300 MB and more. It is soft, and GOMEMLIMIT in the environment replaces
// it: give more to pipelines that really hold more, or they spend their time on
// collecting.
const memoryLimit = 200 << 20

// gcPercent is how much is allocated between two collections, in percent of what
// was left by the last one, as long as the memory limit allows it. With Go's 100
// the collector took a tenth of the CPU of a pipeline of large messages, whose
// live memory is a small part of the limit. GOGC in the environment replaces it.
const gcPercent = 400

// collectGarbage sets both, each unless the environment has a word about it.
func collectGarbage(limit int64, percent int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
