package process

import (
	"errors"
	"fmt"
	"os/exec"
)

// MissingError means that a program is not installed. Tests are skipped for it; any
// other error is a failure.
type MissingError struct {
	Program string // e.g. "cargo"
	For     string // purpose, e.g. "building InfluxDB 2.7.12"
	Get     string // where to get it
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s needs %s, which is not installed (%s)", e.For, e.Program, e.Get)
}

// Look returns the path of a program on the PATH, or a MissingError.
func Look(program, purpose, get string) (string, error) {
	path, err := exec.LookPath(program)
	if errors.Is(err, exec.ErrNotFound) {
		return "", &MissingError{Program: program, For: purpose, Get: get}
	}
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", program, err)
	}
	return path, nil
}
