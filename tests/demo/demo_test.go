// Package demo_test runs `brandpulse-connect demo` as a user would.
package demo_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// patience is how long a demo may take on a busy machine, where its InfluxDB takes a
// minute to start.
const patience = 3 * time.Minute

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func start(t *testing.T, args ...string) *testenv.Program {
	t.Helper()
	cache, err := os.UserCacheDir() // with the InfluxDB that is already built
	if err != nil {
		t.Fatal(err)
	}
	return testenv.Start(t, testenv.Command{
		Args: append([]string{"demo"}, args...),
		Env:  map[string]string{"XDG_CACHE_HOME": cache},
	})
}

var storedRow = regexp.MustCompile(`\d+/\d+/\d+\n`)

// awaitStored waits for a row with the mix of stored tweets.
func awaitStored(t *testing.T, p *testenv.Program) {
	t.Helper()
	testenv.Eventually(t, patience, "tweets are stored", func() error {
		if !storedRow.MatchString(p.Log(t)) {
			return io.ErrNoProgress
		}
		return nil
	})
}

// If this fails, the first command that a new user runs does not end by itself with
// equal sums and exit code 0.
func TestDemoComparesBothEnds(t *testing.T) {
	p := start(t, "--count", "200000", "--rate", "0")
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	log := p.Log(t)
	for _, want := range []string{"100,000", "60,000", "40,000", "200,000", "equal"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing in\n%s", want, log)
		}
	}
}

// If this fails, --stock does not work.
func TestStockDemoComparesBothEnds(t *testing.T) {
	p := start(t, "--stock", "--count", "50000", "--rate", "0", "--dashboard=false")
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
}

// If this fails, an ingest that is killed three times loses tweets, or counts rewritten
// ones twice.
func TestDemoSurvivesItsCrashes(t *testing.T) {
	p := start(t, "--crash", "--count", "300000", "--rate", "50000")
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	log := p.Log(t)
	if n := strings.Count(log, "Killed the ingest"); n != 3 || !strings.Contains(log, "equal") {
		t.Errorf("killed %d times, want 3, and equal in\n%s", n, log)
	}
}

// A signal stops the generator; the tweets that it has sent are stored and compared.
func TestDemoEndsGracefullyOnASignal(t *testing.T) {
	p := start(t, "--count", "0", "--rate", "20000", "--mode", "volatile")
	awaitStored(t, p)
	if code := p.Stop(t); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	if !strings.HasSuffix(strings.TrimSpace(p.Log(t)), "equal") {
		t.Fatalf("the end is not `equal`:\n%s", p.Log(t))
	}
}

// The first demo on a machine takes minutes to build InfluxDB. If this fails, a signal
// ends it only after the build, which here never ends.
func TestDemoCanBeEndedWhileItBuilds(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\nexec /bin/sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	testenv.Binary(t) // built by the real go
	p := testenv.Start(t, testenv.Command{
		Args: []string{"demo"},
		Env:  map[string]string{"XDG_CACHE_HOME": t.TempDir(), "PATH": bin},
	})
	testenv.Eventually(t, 30*time.Second, "InfluxDB is being built", func() error {
		if !strings.Contains(p.Log(t), "Building InfluxDB") {
			return io.ErrNoProgress
		}
		return nil
	})
	asked := time.Now()
	if code := p.Stop(t); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if took := time.Since(asked); took > 10*time.Second {
		t.Errorf("it took %s to end", took)
	}
}

// If this fails, a truncated InfluxDB in the cache ends every demo with a segmentation
// fault. Here go builds it by copying the undamaged one.
func TestDemoRebuildsADamagedInfluxDB(t *testing.T) {
	t.Parallel()
	good, err := influxd.Get(t.Context(), testenv.InfluxV1, nil)
	testenv.SkipIfMissing(t, err)
	if err != nil {
		t.Fatal(err)
	}
	bin, cache := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\necho built >&2\nexec /bin/cp " + good + " $GOBIN/influxd\n"
	dir := filepath.Join(cache, "brandpulse-connect", "influxd-"+testenv.InfluxV1)
	program, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o700), os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "influxd"), program[:len(program)*9/10], 0o700))
	if err != nil {
		t.Fatal(err)
	}
	p := testenv.Start(t, testenv.Command{
		Args: []string{"demo", "--count", "1000", "--rate", "0", "--dashboard=false"},
		Env:  map[string]string{"XDG_CACHE_HOME": cache, "PATH": bin},
	})
	if code := p.Wait(t, patience); code != 0 || !strings.Contains(p.Log(t), "is damaged") {
		t.Fatalf("the demo ends with exit code %d:\n%s", code, p.Log(t))
	}
}

// If this fails, the demo succeeds although InfluxDB and Kafka differ: here a proxy
// adds one tweet to those that the ingest writes.
func TestDemoFailsOnADifference(t *testing.T) {
	influx := testenv.Influx(t, testenv.InfluxV1)
	target, err := url.Parse(influx.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	var added atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, r)
		if r.URL.Path != "/api/v2/write" || r.ContentLength == 0 || !added.CompareAndSwap(false, true) {
			return
		}
		line := []byte("tweets,brand=SuperCoffee,sentiment=neutral count=1i\n")
		u := *target
		u.Path, u.RawQuery = r.URL.Path, r.URL.RawQuery
		resp, err := http.Post(u.String(), "text/plain", bytes.NewReader(line))
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Errorf("adding a tweet: %v, %v", resp, err)
			return
		}
		resp.Body.Close()
	}))
	defer front.Close()

	p := start(t, "--count", "50000", "--rate", "0", "--influxdb-url", front.URL)
	if code := p.Wait(t, patience); code != 1 {
		t.Fatalf("exit code %d, want 1", code)
	}
	if log := p.Log(t); !strings.Contains(log, "50,001") || !strings.Contains(log, "difference") {
		t.Fatalf("the difference is not shown:\n%s", log)
	}
}

// If this fails, `--dashboard false` is refused without saying how it is written.
func TestDemoSaysHowASwitchIsSet(t *testing.T) {
	t.Parallel()
	p := start(t, "--dashboard", "false")
	if code := p.Wait(t, 30*time.Second); code != 1 || !strings.Contains(p.Log(t), "--dashboard=false") {
		t.Errorf("exit code %d:\n%s", code, p.Log(t))
	}
}

// If this fails, the demo waits for ever for a server that is not InfluxDB.
func TestDemoRefusesAServerThatIsNotInfluxDB(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	p := start(t, "--influxdb-url", other.URL, "--count", "10")
	if code := p.Wait(t, 30*time.Second); code != 1 || !strings.Contains(p.Log(t), "the server there is not InfluxDB") {
		t.Errorf("exit code %d:\n%s", code, p.Log(t))
	}
}
