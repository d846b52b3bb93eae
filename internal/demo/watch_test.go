//go:build unix

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// If this fails, an outage or its end is reported late, every second, or never.
func TestAnOutageAndItsEndAreReportedOnce(t *testing.T) {
	var said bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	o := &outage{}
	gone := errors.New("connection refused")
	for i, err := range []error{nil, gone, gone, nil, nil, gone} {
		if down := o.look(say, "Kafka at a:1", err); down != (err != nil) {
			t.Errorf("response %d: down is %v", i, down)
		}
	}
	for text, times := range map[string]int{"Kafka at a:1 does not respond: connection refused.": 2, "Kafka at a:1 responds again": 1} {
		if n := strings.Count(said.String(), text); n != times {
			t.Errorf("%q is printed %d times, want %d, in\n%s", text, n, times, said.String())
		}
	}
}

// If this fails, the demo ignores Ctrl-C while InfluxDB is frozen.
func TestReadingNeverWaitsForInfluxDB(t *testing.T) {
	var frozen atomic.Bool
	frozen.Store(true)
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if frozen.Load() {
			<-end
			return
		}
		http.Error(w, "out of order", http.StatusTeapot)
	}))
	defer server.Close()
	defer close(end)
	db := &influx{Database: influxd.NewDatabase(server.URL, "o", "b", "")}
	r := startReading(t.Context(), db, func() counts { return counts{} })
	begin := time.Now()
	if _, err := r.latest(); err != nil {
		t.Errorf("at first: %v", err)
	}
	r.set(func() { r.asked = time.Now().Add(-slowAnswer - time.Second) })
	if _, err := r.latest(); err == nil || !strings.Contains(err.Error(), "no response for 6s") {
		t.Errorf("after 6 s: %v", err)
	}
	r.close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	frozen.Store(false)
	r = startReading(t.Context(), db, func() counts { return counts{} })
	defer r.close()
	for range 500 {
		if _, err := r.latest(); err != nil {
			if !strings.Contains(err.Error(), "out of order") {
				t.Error(err)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the error is not reported")
}

// If this fails, interrupting the demo during its start reports a failure.
func TestAnInterruptIsNotAFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stop := make(chan struct{})
	close(stop)
	for name, at := range map[string]context.Context{"at once": ctx, "gracefully": t.Context()} {
		var out bytes.Buffer
		_, err := Run(at, stop, Options{Count: 1, Rate: 1, Mode: "fixed", Out: &out, Binary: "/nonexistent"})
		if !errors.Is(err, ErrInterrupted) || !strings.Contains(out.String(), "Interrupted before the comparison") || strings.Contains(out.String(), "logs are in") {
			t.Errorf("%s: %v, and %q is printed", name, err, out.String())
		}
	}
}

// If this fails, a demo that fails during the build of InfluxDB ends only after the
// build, minutes later.
func TestAFailureEndsTheBuildOfInfluxDBAtOnce(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\nexec /bin/sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("HOME", bin)
	t.Setenv("XDG_CACHE_HOME", bin)
	db, err := openInflux(t.Context(), Options{}, t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	db.close()
	if took := time.Since(begin); db.server != nil || db.err == nil || took > 10*time.Second {
		t.Errorf("%v, %v after %s", db.server, db.err, took)
	}
}
