package influxdb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestHeadersAndProxy breaks if a gateway does not get the headers that it asks
// for, or if requests go past a proxy.
func TestHeadersAndProxy(t *testing.T) {
	fake := influxfake.New(influxfake.Options{})
	var (
		mu   sync.Mutex
		seen []string
	)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.URL.Host+" "+r.Host)
		mu.Unlock()
		fake.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	conf := testConfig()
	conf.proxy, _ = url.Parse(proxy.URL)
	conf.headers = map[string]string{"x-api-key": "secret", "Host": "other.test"}
	if err := conf.check(); err != nil {
		t.Fatal(err)
	}
	o := newOutput(conf, nil, nil, service.MockResources().Metrics())
	defer o.Close(t.Context())
	if err := write(t.Context(), o, service.MessageBatch{message(lineOf(1))}); err != nil {
		t.Fatal(err)
	}
	mustStore(t, fake, []string{lineOf(1)})
	if got := fake.Requests()[0].Header.Get("X-Api-Key"); got != "secret" {
		t.Errorf("the header is %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if slices.Contains(seen, "influxdb.test:8086 influxdb.test:8086") || len(seen) == 0 {
		t.Errorf("the proxy has seen %q", seen)
	}
}

// TestClientCertificate breaks if a server that asks for a certificate does not
// get the one of the configuration, or if one that asks for none is let in.
func TestClientCertificate(t *testing.T) {
	dir := t.TempDir()
	certificate, pair := selfSigned(t, dir)
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate)
	server := httptest.NewUnstartedServer(influxfake.New(influxfake.Options{}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}
	server.StartTLS()
	defer server.Close()
	yaml := "url: " + server.URL + "\norg: org\nbucket: bucket\ntls:\n  enabled: true\n  root_cas_file: " + filepath.Join(dir, "cert.pem")
	for name, test := range map[string]struct{ yaml, want string }{
		"with":    {yaml + "\n  client_certs: [ { cert_file: " + filepath.Join(dir, "cert.pem") + ", key_file: " + filepath.Join(dir, "key.pem") + " } ]", ""},
		"without": {yaml, "certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := spec().ParseYAML(test.yaml, nil)
			if err != nil {
				t.Fatal(err)
			}
			conf, err := configFrom(parsed)
			if err != nil {
				t.Fatal(err)
			}
			o := newOutput(conf, nil, nil, service.MockResources().Metrics())
			defer o.Close(t.Context())
			if err := o.Connect(t.Context()); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("connecting: %v", err)
			}
		})
	}
}

// selfSigned makes a certificate of 127.0.0.1 for servers and clients, and puts it
// and its key into cert.pem and key.pem.
func selfSigned(t *testing.T, dir string) (*x509.Certificate, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": secret} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(cert, secret)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, pair
}

// TestGatewayWithoutExpectations breaks if a gateway that answers 417 to a large
// request, since it does not know 100-continue, stops the stream, or is asked again
// for each request.
func TestGatewayWithoutExpectations(t *testing.T) {
	fake := influxfake.New(influxfake.Options{})
	var asked, written atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			asked.Add(1)
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		written.Add(1)
		fake.ServeHTTP(w, r)
	}))
	defer server.Close()
	conf := testConfig()
	conf.gzip = false
	conf.maxPoints = 20_000
	conf.requestsInFlight = 1
	conf.url, _ = url.Parse(server.URL)
	o := newOutput(conf, nil, nil, service.MockResources().Metrics())
	defer o.Close(t.Context())
	lines := linesOf(0, 60_000)
	if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
		t.Fatal(err)
	}
	mustStore(t, fake, lines)
	if asked.Load() != 1 || written.Load() != 3 {
		t.Errorf("asked %d times, written %d times", asked.Load(), written.Load())
	}
}
