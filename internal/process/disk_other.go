//go:build !linux && !darwin

package process

// FreeBytes returns how many bytes can still be written to the disk of a folder. ok is
// false if that is not known.
func FreeBytes(string) (bytes uint64, ok bool) { return 0, false }
