package dashboard

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listen listens on HOST:PORT. An error names the flag that sets it and a way out.
func listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		if _, unknown := net.LookupPort("tcp", port); unknown != nil || port == "" {
			err = fmt.Errorf("the port %q is not a number from 0 to 65535", port)
		}
	} else if parsed := (*net.AddrError)(nil); errors.As(err, &parsed) {
		err = errors.New(parsed.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("the dashboard cannot listen on %q: %w. Set --address HOST:PORT, such as --address %s; port 0 picks a free one", address, err, DefaultAddress)
	}
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	free := "127.0.0.1:0"
	why := err
	if operation := (*net.OpError)(nil); errors.As(err, &operation) {
		why = operation.Err
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why, free = errors.New("another program listens there, perhaps another dashboard"), net.JoinHostPort(host, "0")
	case errors.Is(err, syscall.EACCES):
		why, free = errors.New("permission denied; ports below 1024 are reserved for root"), net.JoinHostPort(host, "0")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = errors.New("no network interface of this machine has that address")
	}
	return nil, fmt.Errorf("the dashboard cannot listen on %s: %w. Choose another --address, such as --address %s, which picks a free port", address, why, free)
}
