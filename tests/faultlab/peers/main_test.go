package peers_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) {
	os.Exit(withScratch(func() int { return testenv.Main(m) }))
}
