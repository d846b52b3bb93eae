package faultlab

import (
	"fmt"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// StartBehind starts another process of the group, with a link before its proxy, for
// faults of the connection to InfluxDB.
func (l *Lab) StartBehind() (*Member, *Link) {
	l.Helper()
	proxy := l.proxy()
	ports, err := process.FreePorts(1)
	if err != nil {
		l.Fatal(err)
	}
	link := NewLink(l, "influxdb", fmt.Sprintf("127.0.0.1:%d", ports[0]), strings.TrimPrefix(proxy.URL, "http://"))
	m := &Member{Influx: proxy}
	l.start(m, "http://"+link.Address)
	return m, link
}

// StartWith starts another process of the group with values of its configuration,
// as path=value, that the others do not have.
func (l *Lab) StartWith(values ...string) *Member {
	l.Helper()
	before := l.Reader.Args
	defer func() { l.Reader.Args = before }()
	l.Reader.Args = append([]string{}, before...)
	for _, value := range values {
		l.Reader.Args = append(l.Reader.Args, "--set", value)
	}
	return l.Start()
}

// AwaitLog waits until the process has logged all of these texts.
func (m *Member) AwaitLog(words ...string) {
	m.lab.Helper()
	testenv.Eventually(m.lab, time.Minute, fmt.Sprintf("%s says what it should", m), func() error {
		log := m.Log(m.lab)
		for _, word := range words {
			if !strings.Contains(log, word) {
				return fmt.Errorf("it has not said %q", word)
			}
		}
		return nil
	})
	m.lab.Event("%s has said %q", m, words)
}
