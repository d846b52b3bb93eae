//go:build !linux

package process

import (
	"errors"
	"fmt"
)

// PeakRSS is implemented on Linux only. Elsewhere the error is errors.ErrUnsupported.
func (p *Process) PeakRSS() (int64, error) {
	return 0, fmt.Errorf("reading the memory of %s: %w", p.name, errors.ErrUnsupported)
}

// RSS is implemented on Linux only, like PeakRSS.
func (p *Process) RSS() (int64, error) { return p.PeakRSS() }
