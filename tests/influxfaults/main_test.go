// Package influxfaults_test lets the output influxdb write to real InfluxDBs through a
// proxy that simulates networks, gateways and faulty servers, and compares the content
// of InfluxDB with the points that were sent.
package influxfaults_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
