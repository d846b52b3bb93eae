// Package audit_test runs the audit on real servers.
package audit_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
