// Package configs_test proves that each pipeline of config/ does what its
// comments say: that it lints, listens on this machine alone, tells no secrets,
// and loses and doubles nothing while each of its outputs fails.
package configs_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
