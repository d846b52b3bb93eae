// Package netcheck has what the checks of all servers share: names, connections and
// certificates.
package netcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

// Names checks that the hosts of addresses have IP addresses. field is where they are
// configured.
func Names(ctx context.Context, addresses []string, field string) doctor.Finding {
	var seen, unknown []string
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		if net.ParseIP(host) != nil {
			seen = append(seen, host)
			continue
		}
		found, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			unknown = append(unknown, fmt.Sprintf("%s: %s", host, lookupReason(err)))
			continue
		}
		seen = append(seen, fmt.Sprintf("%s is %s", host, strings.Join(found, " and ")))
	}
	do := fmt.Sprintf("Correct the name in %s, or the name server of this machine (/etc/resolv.conf, /etc/hosts).", field)
	switch {
	case len(seen) == 0:
		return doctor.Failed(do, "%s", strings.Join(unknown, "; "))
	case len(unknown) > 0:
		return doctor.Warning(do, "%s", strings.Join(append(unknown, seen...), "; "))
	}
	return doctor.OK("%s", strings.Join(seen, "; "))
}

func lookupReason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsNotFound {
			return "no such host"
		}
		return dns.Err
	}
	return err.Error()
}

// dialLimit is how long a connection may take. Across the world it takes a third of a
// second.
const dialLimit = 2500 * time.Millisecond

// Dial connects to all addresses at once and returns those that accept.
func Dial(ctx context.Context, addresses []string) (reached []string, errs []error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	failed := make([]error, len(addresses))
	var wait sync.WaitGroup
	for i, address := range addresses {
		wait.Go(func() {
			c, err := Connect(ctx, address, nil)
			if failed[i] = err; err == nil {
				c.Close()
			}
		})
	}
	wait.Wait()
	for i, err := range failed {
		if err == nil {
			reached = append(reached, addresses[i])
		} else {
			errs = append(errs, err)
		}
	}
	return reached, errs
}

// Connect opens a connection, with TLS if secure is not nil.
func Connect(ctx context.Context, address string, secure *tls.Config) (net.Conn, error) {
	dialer := &net.Dialer{}
	if secure == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, "tcp", address)
}

// Handshake returns the certificate of a server, whose names, dates and issuer secure
// has checked.
func Handshake(ctx context.Context, address string, secure *tls.Config) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	c, err := Connect(ctx, address, secure)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// TLSHint describes what to do about a failed handshake. field is where TLS is
// configured.
func TLSHint(err error, field string) string {
	var (
		host    x509.HostnameError
		issuer  x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &host):
		return "Use a name that the certificate has, or give the server a certificate with this name."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "Renew the certificate of the server, or correct the clock of this machine."
	case errors.As(err, &issuer):
		return fmt.Sprintf("Set %s.root_cas_file to the certificate of the authority that issued the server's.", field)
	case errors.As(err, &record), strings.Contains(err.Error(), "EOF"), strings.Contains(err.Error(), "reset by peer"):
		return fmt.Sprintf("The server does not speak TLS at this port: use its port with TLS, or disable %s.", field)
	}
	return fmt.Sprintf("Check the settings of %s, and the log of the server.", field)
}

// expirySoon is how long before the end of a certificate's validity it is reported.
const expirySoon = 14 * 24 * time.Hour

// Expiring returns a warning if a certificate ends soon, or an empty finding.
func Expiring(address string, c *x509.Certificate) doctor.Finding {
	if left := time.Until(c.NotAfter); left < expirySoon {
		return doctor.Warning("Renew the certificate of the server: connections fail once it has expired.",
			"the certificate of %s expires in %.0f hours, on %s", address, left.Hours(), c.NotAfter.UTC().Format(time.DateTime))
	}
	return doctor.Finding{}
}

// Describe returns what was seen of a certificate.
func Describe(address string, c *x509.Certificate) string {
	var names []string
	names = append(names, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return fmt.Sprintf("%s has a certificate for %s, valid until %s", address, strings.Join(names, ", "), c.NotAfter.UTC().Format(time.DateOnly))
}
