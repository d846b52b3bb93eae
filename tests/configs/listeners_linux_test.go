package configs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var defaultPort = regexp.MustCompile(`:419[5-8]}`)

// If this fails, anyone on the network can read the metrics of a pipeline, or stop it,
// after a command of the README.
func TestPipelinesListenOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, file := range pipelines(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			code, printed := run(t, testenv.Command{Args: []string{"echo", file}})
			var whole map[string]any
			if err := yaml.Unmarshal([]byte(printed), &whole); err != nil || code != 0 {
				t.Fatalf("exit code %d, %v:\n%s", code, err, printed)
			}
			addresses := addressesIn(whole)
			if len(addresses) == 0 {
				t.Fatal("the HTTP server has no address")
			}
			for _, address := range addresses {
				if host, _, err := net.SplitHostPort(address); err != nil || host != "127.0.0.1" {
					t.Errorf("listens on %s", address)
				}
			}

			// Its port, but not its host, may be in use.
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			ports, err := process.FreePorts(1)
			if err != nil {
				t.Fatal(err)
			}
			port := ports[0]
			dir := t.TempDir()
			copied := filepath.Join(dir, "copy.yaml")
			moved := defaultPort.ReplaceAllString(string(text), ":"+strconv.Itoa(port)+"}")
			if err := os.WriteFile(copied, []byte(moved), 0o600); err != nil {
				t.Fatal(err)
			}
			child, err := process.Start(process.Command{
				Path: testenv.Binary(t), Args: []string{"run", copied}, Dir: dir, Env: process.Environment(dir, testenv.Nowhere()...), Log: filepath.Join(dir, "log"),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer child.Kill()
			testenv.Eventually(t, time.Minute, "the HTTP server listens", func() error {
				addresses, err := listenersOf(child.PID())
				if err != nil {
					return err
				}
				for _, address := range addresses {
					if !strings.HasPrefix(address, "0100007F:") { // 127.0.0.1 on amd64 and arm64
						t.Fatalf("listens on %s", address)
					}
				}
				if !slices.Contains(addresses, fmt.Sprintf("0100007F:%04X", port)) {
					return fmt.Errorf("it has %d other listeners", len(addresses))
				}
				return nil
			})
		})
	}
}

// addressesIn returns the values of all fields named address.
func addressesIn(v any) (found []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if text, ok := value.(string); ok && key == "address" {
				found = append(found, text)
			}
			found = append(found, addressesIn(value)...)
		}
	case []any:
		for _, value := range v {
			found = append(found, addressesIn(value)...)
		}
	}
	return found
}

// listenersOf returns the addresses that a process listens on, in the format of
// /proc/net/tcp: hexadecimal, with the bytes of the host in the machine's order.
func listenersOf(pid int) (addresses []string, err error) {
	files := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(files)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(files, entry.Name())); err == nil { // otherwise it has been closed
			own[target] = true
		}
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no IPv6
		} else if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(content)) {
			const address, state, inode, listen = 1, 3, 9, "0A"
			if f := strings.Fields(line); len(f) > inode && f[state] == listen && own["socket:["+f[inode]+"]"] {
				addresses = append(addresses, f[address])
			}
		}
	}
	return addresses, nil
}
