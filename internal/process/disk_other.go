//go:build !linux && !darwin

package process

// FreeBytes is how many bytes can still be written to the disk that a folder is on.
// It is not ok where that is not known.
func FreeBytes(string) (bytes uint64, ok bool) { return 0, false }
