package influxfaults_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

// If this fails, /ready does not show that the token has become invalid, or valid
// again; or points are dropped meanwhile.
func TestProgramIsNotReadyWhileItsTokenIsRefused(t *testing.T) {
	t.Parallel()
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		proxy, through := testenv.FaultyProxy(t, db, nil)
		rejected := filepath.Join(t.TempDir(), "rejected")
		program := testenv.Start(t, testenv.Command{Config: "tests/influxfaults/testdata/ready.yaml", Env: map[string]string{
			"INFLUXDB_URL": through.URL, "INFLUXDB_ORG": through.Org, "INFLUXDB_BUCKET": through.Bucket, "INFLUXDB_TOKEN": through.Token,
			"REJECTED_FILE": rejected,
		}})
		program.Ready(t, time.Minute)
		testenv.Eventually(t, 10*time.Second, "points are stored", func() error {
			if proxy.Stats().Stored == 0 {
				return errors.New("none yet")
			}
			return nil
		})
		mustBeReady := func() {
			t.Helper()
			if _, err := program.Get(t.Context(), "/ready"); err != nil {
				t.Error(err)
			}
		}
		mustBeReady()

		proxy.SetFaults(func(influxfault.Request) influxfault.Fault { return influxfault.Fault{Kind: influxfault.Unauthorized} })
		notReady := func() error {
			if _, err := program.Get(t.Context(), "/ready"); err == nil || !strings.Contains(err.Error(), "503") {
				return errors.Join(errors.New("it is ready"), err)
			}
			return nil
		}
		testenv.Eventually(t, 10*time.Second, "the program is not ready", notReady)
		for range 10 {
			time.Sleep(100 * time.Millisecond)
			if err := notReady(); err != nil {
				t.Errorf("while the token is refused: %v", err)
			}
		}
		if log := program.Log(t); !strings.Contains(log, "token is missing or wrong") {
			t.Error("the log does not say that the token is wrong")
		}

		proxy.SetFaults(nil)
		program.Ready(t, 20*time.Second)
		if code := program.Wait(t, time.Minute); code != 0 {
			t.Errorf("exit code %d", code)
		}
		sent := points{}
		for i := range int64(8000) {
			sent[start+i] = i
		}
		mustHold(t, db, sent)
		if lines := influxstream.Rejected(t, rejected); lines != nil {
			t.Errorf("%d points are rejected, the first one: %s", len(lines), lines[0])
		}
		if proxy.Stats().Happened(influxfault.Unauthorized) == 0 {
			t.Error("no request with points was rejected, so this proves nothing")
		}
	})
}
