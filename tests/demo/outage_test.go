//go:build unix

package demo_test

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the loss of Kafka is not reported, or Ctrl-C silently waits for it.
func TestDemoReportsThatKafkaIsGoneAndDoesNotWaitForIt(t *testing.T) {
	t.Parallel()
	kafka := testenv.FakeKafka(t)
	p := start(t, "--kafka", strings.Join(kafka.Brokers, ","), "--count", "0", "--rate", "5000", "--dashboard=false")
	said := func(what string) {
		t.Helper()
		testenv.Eventually(t, patience, what, func() error {
			if !strings.Contains(p.Log(t), what) {
				return io.ErrNoProgress
			}
			return nil
		})
	}
	awaitStored(t, p)
	kafka.Fake.Close()
	said("Kafka at " + kafka.Brokers[0] + " does not respond")
	signal(t, p, syscall.SIGINT)
	asked := time.Now()
	if code := p.Wait(t, 30*time.Second); code != 1 || time.Since(asked) > 12*time.Second {
		t.Errorf("exit code %d after %s, want 1 soon", code, time.Since(asked))
	}
	if !strings.Contains(p.Log(t), "for the comparison") {
		t.Errorf("the reason is not printed:\n%s", p.Log(t))
	}
}
