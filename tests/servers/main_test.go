// Package servers_test proves that the servers which other tests rest on do
// what those tests believe: that they keep what they have acknowledged when they
// are killed, and that a paused one is silent.
package servers_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
