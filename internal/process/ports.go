package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// Ports are chosen below the range from which systems take the local ports of outgoing
// connections (32768 and up on Linux, 49152 on others). Inside that range, a client
// that retries to reach a stopped server can get the server's own port, connect to
// itself, and prevent the server from starting again.
const (
	firstPort = 10000
	lastPort  = 32000
)

// nextPort counts the ports that this process has tried. It begins anywhere, so that
// two processes hardly try the same ones, and a port is not tried again while the
// server that it was given to may still be starting.
var nextPort atomic.Int64

func init() { nextPort.Store(rand.Int64N(lastPort - firstPort)) }

// FreePorts returns n different free TCP ports of 127.0.0.1. Another program may take
// one before it is used: the caller's server then fails to start.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	var last error
	for range 200 + n {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + int(nextPort.Add(1)%(lastPort-firstPort))
		l, err := listen(port)
		if err != nil {
			last = err
			continue
		}
		defer l.Close() // kept open until all are found, so that they differ
		ports = append(ports, port)
	}
	if len(ports) == n {
		return ports, nil
	}
	return nil, fmt.Errorf("finding %d free ports on 127.0.0.1: %w", n, last)
}

// CheckFree returns an error if something listens on a port of 127.0.0.1. Call it
// before starting a server there: the other program would respond instead, and the
// server would seem to be ready.
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
