package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// kafka has listeners for the faults of connections.
type kafka struct {
	*testenv.RealKafka
	ca string // file
}

func startKafka(t *testing.T) kafka {
	t.Helper()
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	const users = `org.apache.kafka.common.security.plain.PlainLoginModule required ` +
		`user_all="secret" user_noread="secret" user_nowrite="secret" user_nogroup="secret" user_noconfig="secret";`
	c := testenv.OwnKafka(t, kafkad.Options{
		HeapMB: 384,
		Listeners: []kafkad.Listener{
			{Name: "USERS", Protocol: "SASL_PLAINTEXT"},
			{Name: "ELSEWHERE", Protocol: "PLAINTEXT", Advertise: "127.0.0.1:9"},
			{Name: "SECURE", Protocol: "SSL"},
			{Name: "OTHERNAME", Protocol: "SSL"},
			{Name: "EXPIRED", Protocol: "SSL"},
			{Name: "SOON", Protocol: "SSL"},
		},
		Properties: map[string]string{
			"authorizer.class.name":                         "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users":                                   "User:ANONYMOUS",
			"auto.create.topics.enable":                     "false",
			"group.initial.rebalance.delay.ms":              "0",
			"sasl.enabled.mechanisms":                       "PLAIN",
			"listener.name.users.plain.sasl.jaas.config":    users,
			"listener.name.users.sasl.enabled.mechanisms":   "PLAIN",
			"listener.name.secure.ssl.keystore.type":        "PEM",
			"listener.name.secure.ssl.keystore.location":    ca.server(t, "secure", 365*24*time.Hour, "localhost"),
			"listener.name.othername.ssl.keystore.type":     "PEM",
			"listener.name.othername.ssl.keystore.location": ca.server(t, "othername", 365*24*time.Hour, "kafka.example.com"),
			"listener.name.expired.ssl.keystore.type":       "PEM",
			"listener.name.expired.ssl.keystore.location":   ca.server(t, "expired", -time.Hour, "localhost"),
			"listener.name.soon.ssl.keystore.type":          "PEM",
			"listener.name.soon.ssl.keystore.location":      ca.server(t, "soon", 24*time.Hour, "localhost"),
		},
	})
	return kafka{c, ca.file}
}

// authority issues certificates.
type authority struct {
	dir, file string
	key       *ecdsa.PrivateKey
	cert      *x509.Certificate
}

func newAuthority(t *testing.T, dir string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "ca.pem")
	writeFile(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return authority{dir, file, key, cert}
}

// server writes a key and a certificate that is valid for so long from now, for a name
// and for 127.0.0.1 if the name is localhost.
func (a authority) server(t *testing.T, file string, valid time.Duration, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(valid),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if name == "localhost" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(a.dir, file+".pem")
	writeFile(t, path, append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...))
	return path
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tweets makes records for a topic, the first of them this old.
func tweets(topic string, n int, age time.Duration) (records []*kgo.Record) {
	began := time.Now().Add(-age)
	for i := range n {
		at := began.Add(time.Duration(i) * time.Millisecond)
		one := tweet.Tweet{ID: fmt.Appendf(nil, "%d", i), Text: []byte("good"), Brand: []byte("SuperCoffee"), Sentiment: tweet.Positive, Millis: at.UnixMilli()}
		records = append(records, &kgo.Record{Topic: topic, Value: one.AppendAvro(nil), Timestamp: at})
	}
	return records
}

// allow adds access rules for a user of the listener USERS.
func (k kafka) allow(t *testing.T, user string, topics, groups []string, operations ...kadm.ACLOperation) {
	t.Helper()
	b := kadm.NewACLs().Allow("User:" + user).AllowHosts("*").Operations(operations...).ResourcePatternType(kadm.ACLPatternLiteral).Topics(topics...).Groups(groups...)
	created, err := kadm.NewClient(k.Client(t)).CreateACLs(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range created {
		if one.Err != nil {
			t.Fatal(one.Err)
		}
	}
}

// commit sets the offsets of a group.
func (k kafka) commit(t *testing.T, group, topic string, offset int64, metadata string) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: offset, LeaderEpoch: -1, Metadata: metadata})
	testenv.Eventually(t, 20*time.Second, "the commit", func() error {
		return kadm.NewClient(k.Client(t)).CommitAllOffsets(t.Context(), group, offsets)
	})
}

// member joins a group, and commits nothing.
func (k kafka) member(t *testing.T, group string, topics ...string) {
	t.Helper()
	client := k.Client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.DisableAutoCommit())
	ctx := t.Context()
	go func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx)
		}
	}()
}

// gateway changes the responses of an InfluxDB.
func gateway(t *testing.T, to string, change func(*http.Response) error, secure bool) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = change
	server := httptest.NewUnstartedServer(proxy)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL
}
