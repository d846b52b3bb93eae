// Package influxfaults_test lets the output influxdb write to real InfluxDBs
// through a proxy that does what networks, gateways and servers in trouble do,
// and compares what InfluxDB then holds with what was sent.
package influxfaults_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
