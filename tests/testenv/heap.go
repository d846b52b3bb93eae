package testenv

import "runtime"

// HeapOf returns how many more bytes of the heap are in use after f. Objects that f
// creates must still be used after the call.
func HeapOf(f func()) int64 {
	before := heap()
	f()
	return heap() - before
}

// heap collects garbage until nothing more is freed: pooled objects are freed by the
// second collection, those with finalizers even later.
func heap() int64 {
	var stats runtime.MemStats
	for last := int64(-1); ; last = int64(stats.HeapAlloc) {
		runtime.GC()
		runtime.ReadMemStats(&stats)
		if last >= 0 && int64(stats.HeapAlloc) > last-last/1000 {
			return int64(stats.HeapAlloc)
		}
	}
}
