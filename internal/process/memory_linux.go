package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// PeakRSS returns the highest memory use of the running child so far, in bytes (VmHWM
// of /proc/PID/status).
func (p *Process) PeakRSS() (int64, error) { return p.memory("VmHWM:") }

// RSS returns the memory use of the running child, in bytes (VmRSS).
func (p *Process) RSS() (int64, error) { return p.memory("VmRSS:") }

func (p *Process) memory(field string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, field); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("reading the memory of %s: it has ended", p.name)
}
