// Package servers_test checks what other tests assume about the servers: that they keep
// acknowledged data when they are killed, and that a paused one does not respond.
package servers_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
