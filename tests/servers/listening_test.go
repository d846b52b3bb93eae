package servers_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listening returns the TCP addresses that a process listens on, from Linux's /proc:
// the sockets among its open files that are in the state LISTEN (0A).
func listening(t *testing.T, pid int) []string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) == 0 {
		t.Skip("needs Linux's /proc")
	}
	var sockets []string
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "socket:[") {
			sockets = append(sockets, strings.Trim(target, "socket:[]"))
		}
	}
	var addresses []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != "0A" || !slices.Contains(sockets, fields[9]) {
				continue
			}
			host, port, _ := strings.Cut(fields[1], ":")
			bytes, err := hex.DecodeString(host)
			if err != nil {
				t.Fatal(err)
			}
			for word := range slices.Chunk(bytes, 4) { // each in the machine's order
				slices.Reverse(word)
			}
			addresses = append(addresses, net.IP(bytes).String()+":"+port)
		}
	}
	if len(addresses) == 0 {
		t.Fatalf("process %d does not listen", pid)
	}
	return addresses
}
