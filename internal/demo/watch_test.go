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

// What would break: a server that is gone is named late, every second, or never,
// and so is its return.
func TestAnOutageIsNamedOnceAndItsEndToo(t *testing.T) {
	var said bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	o := &outage{}
	gone := errors.New("connection refused")
	for i, err := range []error{nil, gone, gone, nil, nil, gone} {
		if down := o.look(say, "Kafka at a:1", err); down != (err != nil) {
			t.Errorf("answer %d: down is %v", i, down)
		}
	}
	for text, times := range map[string]int{"Kafka at a:1 does not answer: connection refused.": 2, "Kafka at a:1 answers again": 1} {
		if n := strings.Count(said.String(), text); n != times {
			t.Errorf("%q is said %d times, want %d, in\n%s", text, n, times, said.String())
		}
	}
}

// What would break: an InfluxDB that is frozen keeps Ctrl-C from being seen.
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
	r := startReading(t.Context(), db)
	begin := time.Now()
	if _, err := r.latest(); err != nil {
		t.Errorf("at first: %v", err)
	}
	r.set(func() { r.asked = time.Now().Add(-slowAnswer - time.Second) })
	if _, err := r.latest(); err == nil || !strings.Contains(err.Error(), "no answer for 6s") {
		t.Errorf("after 6 s: %v", err)
	}
	r.close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	frozen.Store(false)
	r = startReading(t.Context(), db)
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
	t.Error("the refusal is not seen")
}

// What would break: a person who has ended the demo in the middle of its start is
// told that something has failed.
func TestAnInterruptIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stop := make(chan struct{})
	close(stop)
	for name, at := range map[string]context.Context{"at once": ctx, "in good order": t.Context()} {
		var out bytes.Buffer
		_, err := Run(at, stop, Options{Count: 1, Rate: 1, Mode: "fixed", Out: &out, Binary: "/nonexistent"})
		if !errors.Is(err, ErrInterrupted) || !strings.Contains(out.String(), "Interrupted before the comparison") || strings.Contains(out.String(), "logs are kept") {
			t.Errorf("%s: %v, and %q is said", name, err, out.String())
		}
	}
}

// What would break: a demo that fails while InfluxDB is built ends when that is done,
// minutes later.
func TestAnInfluxDBThatIsBuiltIsGivenUpAtOnce(t *testing.T) {
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
