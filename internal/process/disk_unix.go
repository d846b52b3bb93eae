//go:build linux || darwin

package process

import "syscall"

// FreeBytes returns how many bytes can still be written to the disk of a folder. ok is
// false if that is not known.
func FreeBytes(dir string) (bytes uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
