package faultlab

import (
	"maps"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Audit lets the program itself compare the contents of Kafka and InfluxDB. It must
// find no difference.
func (l *Lab) Audit() {
	l.Helper()
	env := stream.Env{}
	maps.Copy(env, l.Reader.Environment())
	env["KAFKA_BROKERS"] = strings.Join(l.Broker.Brokers, ",")
	audit := testenv.Start(l, testenv.Command{Args: []string{"audit", "--to-end", l.Config}, Env: env})
	code := audit.Wait(l, time.Minute)
	printed := strings.TrimSpace(audit.Log(l))
	if code != 0 {
		l.Errorf("the audit ends with exit code %d:\n%s", code, printed)
		return
	}
	l.Logf("audit: %s", printed[strings.LastIndexByte(printed, '\n')+1:])
}
