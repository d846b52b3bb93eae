package influxd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// startReal starts a server of its own for a test.
func startReal(t *testing.T, o Options) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a real InfluxDB")
	}
	o.Dir = t.TempDir()
	began := time.Now()
	s, err := Start(t.Context(), o)
	var missing *process.MissingError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("InfluxDB %s answers after %s", o.Version, time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func eachVersion(t *testing.T, test func(t *testing.T, version string)) {
	for _, version := range Versions {
		t.Run(version, func(t *testing.T) { test(t, version) })
	}
}

func lines(from, to int) []byte {
	var b []byte
	for i := from; i < to; i++ {
		b = fmt.Appendf(b, "tweets,brand=SuperCoffee,sentiment=positive count=1i,text=\"say \\\"hi\\\", %d\" %d\n", i, int64(1_700_000_000e9)+int64(i))
	}
	return b
}

func count(ctx context.Context, s *Server) (int64, error) {
	rows, err := s.Query(ctx, fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z)
		|> filter(fn: (r) => r._measurement == "tweets" and r._field == "count") |> sum()`, s.Bucket))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	n, ok := rows[0].Int("_value")
	if !ok || len(rows) != 1 {
		return 0, fmt.Errorf("got %v", rows)
	}
	return n, nil
}

func mustCount(t *testing.T, s *Server, want int64) {
	t.Helper()
	if got, err := count(t.Context(), s); err != nil || got != want {
		t.Fatalf("holds %d points, want %d; %v", got, want, err)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version})
		if err := s.Write(t.Context(), s.Bucket, lines(0, 2000)); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, 2000)

		texts := 0
		err := s.Each(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z) |> filter(fn: (r) => r._field == "text")`, s.Bucket), func(r Row) error {
			if want := fmt.Sprintf("say \"hi\", %d", r.Time("_time").UnixNano()%1e9); r.String("_value") != want || r.String("brand") != "SuperCoffee" {
				return fmt.Errorf("row %v, want %s", r, want)
			}
			texts++
			return nil
		})
		if err != nil || texts != 2000 {
			t.Fatalf("%d texts, %v", texts, err)
		}

		// A point that cannot be stored must not pass for one that is.
		if err := s.Write(t.Context(), s.Bucket, []byte("tweets count=\"text\" 1\nno line")); err == nil {
			t.Fatal("a wrong line was taken")
		}
		if err := s.Write(t.Context(), "nowhere", lines(0, 1)); err == nil {
			t.Fatal("a bucket that is not there took points")
		}
		if _, err := s.Query(t.Context(), `from(bucket: "nowhere") |> range(start: -1h)`); err == nil {
			t.Fatal("a bucket that is not there was read")
		}
		if size, err := s.Size(); err != nil || size < 1000 {
			t.Fatalf("%d bytes, %v", size, err)
		}
	})
}

func TestOtherBucketsAreApart(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version})
		for name, retention := range map[string]time.Duration{"for_ever": 0, "a-day": 24 * time.Hour} {
			if err := s.CreateBucket(t.Context(), name, retention); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Write(t.Context(), "for_ever", lines(0, 10)); err != nil {
			t.Fatal(err)
		}
		// Points of 2023 are older than a day: refused, in part or silently, so
		// they must not be there.
		_ = s.Write(t.Context(), "a-day", lines(0, 10))
		mustCount(t, s, 0)
		s.Bucket = "for_ever"
		mustCount(t, s, 10)
		s.Bucket = "a-day"
		mustCount(t, s, 0)
	})
}

// What was acknowledged must be there after a crash: every fault test rests on
// that.
func TestKilledServerComesBackWithItsData(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version})
		url := s.URL
		for round := range 2 {
			if err := s.Write(t.Context(), s.Bucket, lines(round*1000, round*1000+1000)); err != nil {
				t.Fatal(err)
			}
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, err := count(t.Context(), s); err == nil {
				t.Fatal("a killed server answers")
			}
			began := time.Now()
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Logf("answers again after %s", time.Since(began).Round(time.Millisecond))
			if s.URL != url {
				t.Fatalf("came back at %s, not %s", s.URL, url)
			}
			mustCount(t, s, int64(round*1000+1000))
		}
		if err := s.Restart(t.Context()); err != nil { // of a running server
			t.Fatal(err)
		}
		mustCount(t, s, 2000)
	})
}

func TestPausedServerTakesConnectionsAndIsSilent(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version})
		if err := s.Write(t.Context(), s.Bucket, lines(0, 10)); err != nil {
			t.Fatal(err)
		}
		if err := s.Pause(); err != nil {
			t.Fatal(err)
		}
		connection, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		connection.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := count(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, 10)
	})
}

func TestTokenIsAskedFor(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version, Auth: true})
		if err := s.Write(t.Context(), s.Bucket, lines(0, 10)); err != nil {
			t.Fatal(err)
		}
		mustCount(t, s, 10)
		response, err := http.Post(s.URL+"/api/v2/write?org=brandpulse&bucket="+s.Bucket, "text/plain", strings.NewReader(string(lines(0, 1))))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Fatal(response.Status)
		}
		log, err := os.ReadFile(s.LogPath())
		if err != nil || strings.Contains(string(log), s.Token) {
			t.Fatalf("the token stands in the server's log, or %v", err)
		}
	})
}

// A server that listened on other addresses would let the network in.
func TestListensOnTheLoopbackAlone(t *testing.T) {
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version})
		for _, address := range listening(t, s.PID()) {
			if !strings.HasPrefix(address, "127.0.0.1:") {
				t.Errorf("listens on %s", address)
			}
		}
	})
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Run("version", func(t *testing.T) {
		if _, err := Start(t.Context(), Options{Version: "1.7", Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "known are 1.8.10 and 2.7.12") {
			t.Fatal(err)
		}
	})
	eachVersion(t, func(t *testing.T, version string) {
		s := startReal(t, Options{Version: version})
		if _, err := Start(t.Context(), Options{Version: version, Dir: s.dir}); err == nil || !strings.Contains(err.Error(), "is not empty") {
			t.Fatal(err)
		}
		// The port is taken: by the server that runs.
		if _, err := Start(t.Context(), Options{Version: version, Dir: filepath.Join(t.TempDir(), "new"), Port: s.port}); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Fatal(err)
		}
	})
}
