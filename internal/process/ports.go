package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are looked for below the range that systems take the local ports of
// outgoing connections from (32768 and up on Linux, 49152 on others). In that
// range a client that retries to reach a stopped server can be given the
// server's own port, connect to itself, and keep the server from coming back.
const (
	firstPort = 10000
	lastPort  = 32000
)

// FreePorts gives n different TCP ports of 127.0.0.1 that nobody listens on.
// Somebody else may take one before it is used: the caller's server then fails
// to start and says so.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	var last error
	for range 200 + n {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := listen(port)
		if err != nil {
			last = err
			continue
		}
		defer l.Close() // held until all are found, so that they differ
		ports = append(ports, port)
	}
	if len(ports) == n {
		return ports, nil
	}
	return nil, fmt.Errorf("looking for %d free ports on 127.0.0.1: %w", n, last)
}

// CheckFree gives an error when something listens on a port of 127.0.0.1. To
// be asked before a server is started there: whatever holds the port would
// answer for it, and the server would seem to be ready.
func CheckFree(port int) error {
	l, err := listen(port)
	if err != nil {
		return fmt.Errorf("checking that port %d is free: %w", port, err)
	}
	return l.Close()
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
