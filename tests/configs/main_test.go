// Package configs_test proves that each pipeline in config/ does what its comments say:
// it passes lint, listens on this machine only, shows no secrets, and loses and
// duplicates nothing while each of its outputs fails.
package configs_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
