package machine

import (
	"errors"
	"testing"
)

// If this fails, the limit of a container is not seen, and the kernel kills the pipeline.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
		from  string
	}{
		"container":       {map[string]string{"/sys/fs/cgroup/memory.max": "268435456\n", "/proc/meminfo": "MemTotal: 1048576 kB\n"}, 256 << 20, "control group"},
		"container of v1": {map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n", "/proc/meminfo": "MemTotal: 1048576 kB\n"}, 256 << 20, "control group"},
		"service": {map[string]string{
			"/proc/self/cgroup": "0::/system.slice/brandpulse.service\n", "/sys/fs/cgroup/system.slice/brandpulse.service/memory.max": "268435456\n", "/sys/fs/cgroup/system.slice/memory.max": "max\n",
			"/proc/meminfo": "MemTotal: 1048576 kB\n"}, 256 << 20, "control group"},
		"slice around a service": {map[string]string{
			"/proc/self/cgroup": "0::/a.slice/b.service\n", "/sys/fs/cgroup/a.slice/b.service/memory.max": "536870912\n", "/sys/fs/cgroup/a.slice/memory.max": "268435456\n",
			"/proc/meminfo": "MemTotal: 1048576 kB\n"}, 256 << 20, "control group"},
		"service of v1": {map[string]string{
			"/proc/self/cgroup": "5:cpu,memory:/a\n0::/b\n", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n",
			"/proc/meminfo": "MemTotal: 1048576 kB\n"}, 256 << 20, "control group"},
		"no limit":          {map[string]string{"/sys/fs/cgroup/memory.max": "max\n", "/proc/meminfo": "MemFree: 1 kB\nMemTotal:    1048576 kB\n"}, 1 << 30, "all of the machine's"},
		"an absurd one, v1": {map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "/proc/meminfo": "MemTotal: 1048576 kB\n"}, 1 << 30, "all of the machine's"},
	} {
		got, from := memoryLimit(func(file string) ([]byte, error) {
			if text, ok := c.files[file]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("no such file")
		})
		if got != c.want || from != c.from {
			t.Errorf("%s: %d from %q", name, got, from)
		}
	}
}
