package doctor_test

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// noSockets makes this test program become the program of its arguments, which the kernel
// kills at its first socket.
const noSockets = "BRANDPULSE_TEST_NO_SOCKETS"

func init() {
	if os.Getenv(noSockets) == "" {
		return
	}
	runtime.LockOSThread() // the filter is that of the thread that calls exec
	const (
		setNoNewPrivileges = 38 // prctl(2)
		setSeccomp         = 22
		modeFilter         = 2
		killProcess        = 0x80000000 // seccomp(2)
		allow              = 0x7fff0000
	)
	filter := []syscall.SockFilter{
		{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS, K: 0}, // the number of the call
		{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, Jt: 0, Jf: 1, K: syscall.SYS_SOCKET},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: killProcess},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: allow},
	}
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	for _, call := range [][3]uintptr{{setNoNewPrivileges, 1, 0}, {setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program))}} {
		if _, _, err := syscall.RawSyscall6(syscall.SYS_PRCTL, call[0], call[1], call[2], 0, 0, 0); err != 0 {
			panic(err)
		}
	}
	runtime.KeepAlive(filter)
	panic(syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
}

// If this fails, --offline opens a socket.
func TestOfflineOpensNoSocket(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := testenv.Binary(t)
	run := func(args ...string) (int, string) {
		p := testenv.Start(t, testenv.Command{
			Path: self, Args: append([]string{bin, "doctor"}, args...),
			Env: map[string]string{noSockets: "1", "KAFKA_BROKERS": "kafka.example.com:9092", "INFLUXDB_URL": "https://influx.example.com"},
		})
		return p.Wait(t, 30*time.Second), p.Log(t)
	}
	if code, log := run("--offline", "config/exact.yaml"); code != 0 || !strings.Contains(log, "not checked with --offline") {
		t.Errorf("exit code %d:\n%s", code, log)
	}
	if code, log := run("config/exact.yaml"); code == 0 || code == 1 || code == 2 {
		t.Errorf("the test cannot detect a socket: without --offline the exit code is %d:\n%s", code, log)
	}
}
