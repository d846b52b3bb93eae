package servers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func eachInflux(t *testing.T, test func(t *testing.T, version string)) {
	for _, version := range influxd.Versions {
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

func mustHold(t *testing.T, d *influxd.Database, want int64) {
	t.Helper()
	if got, err := oracle.CountPoints(t.Context(), d); err != nil || got != want {
		t.Fatalf("%s holds %d points, want %d; %v", d.Bucket, got, want, err)
	}
}

func TestInfluxGivesBackWhatWasWritten(t *testing.T) {
	eachInflux(t, func(t *testing.T, version string) {
		d := testenv.Influx(t, version)
		if err := d.Write(t.Context(), lines(0, 2000)); err != nil {
			t.Fatal(err)
		}
		mustHold(t, d, 2000)
		texts := 0
		err := d.Each(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z) |> filter(fn: (r) => r._field == "text")`, d.Bucket), func(r influxd.Row) error {
			if want := fmt.Sprintf("say \"hi\", %d", r.Time("_time").UnixNano()%1e9); r.String("_value") != want || r.String("brand") != "SuperCoffee" {
				return fmt.Errorf("row %v, want %s", r, want)
			}
			texts++
			return nil
		})
		if err != nil || texts != 2000 {
			t.Fatalf("%d texts, %v", texts, err)
		}

		// Data that is not stored, or does not exist, must not look stored.
		if err := d.Write(t.Context(), []byte("tweets count=\"text\" 1\nno line")); err == nil {
			t.Fatal("an invalid line was accepted")
		}
		if err := d.Sibling("nowhere").Write(t.Context(), lines(0, 1)); err == nil {
			t.Fatal("a bucket that does not exist accepted points")
		}
		if _, err := d.Sibling("nowhere").Query(t.Context(), `from(bucket: "nowhere") |> range(start: -1h)`); err == nil {
			t.Fatal("a bucket that does not exist was read")
		}
	})
}

// If this fails, acknowledged points are lost by a crash, and every fault test proves
// nothing.
func TestInfluxKeepsItsDataWhenKilledAndIsSilentWhenPaused(t *testing.T) {
	eachInflux(t, func(t *testing.T, version string) {
		began := time.Now()
		s := testenv.OwnInflux(t, influxd.Options{Version: version})
		t.Logf("responds after %s", since(began))
		for round := range 2 {
			if err := s.Write(t.Context(), lines(round*1000, round*1000+1000)); err != nil {
				t.Fatal(err)
			}
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, err := oracle.CountPoints(t.Context(), s.Database); err == nil {
				t.Fatal("a killed server responds")
			}
			began := time.Now()
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Logf("responds again after %s", since(began))
			mustHold(t, s.Database, int64(round*1000+1000))
		}

		if err := s.Pause(); err != nil {
			t.Fatal(err)
		}
		connection, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), time.Second)
		if err != nil {
			t.Fatal(err) // the kernel should have accepted it
		}
		connection.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := oracle.CountPoints(ctx, s.Database); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
		mustHold(t, s.Database, 2000)
		if size, err := s.Size(); err != nil || size < 1000 {
			t.Fatalf("%d bytes, %v", size, err)
		}
	})
}

func TestInfluxIsSetUpAsAsked(t *testing.T) {
	eachInflux(t, func(t *testing.T, version string) {
		s := testenv.OwnInflux(t, influxd.Options{Version: version, Auth: true})
		if err := s.Write(t.Context(), lines(0, 10)); err != nil {
			t.Fatal(err)
		}
		mustHold(t, s.Database, 10)

		t.Run("needs the token and does not print it", func(t *testing.T) {
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
				t.Fatalf("the token is in the server's log, or %v", err)
			}
		})

		// On another address it would be reachable from the network.
		t.Run("listens on the loopback only", func(t *testing.T) {
			for _, address := range listening(t, s.PID()) {
				if !strings.HasPrefix(address, "127.0.0.1:") {
					t.Errorf("listens on %s", address)
				}
			}
		})

		t.Run("keeps buckets separate, each with its own retention", func(t *testing.T) {
			for name, retention := range map[string]time.Duration{"for_ever": 0, "a-day": 24 * time.Hour} {
				if err := s.CreateBucket(t.Context(), name, retention); err != nil {
					t.Fatal(err)
				}
			}
			forEver, aDay := s.Sibling("for_ever"), s.Sibling("a-day")
			mustHold(t, forEver, 0)
			if err := forEver.Write(t.Context(), lines(0, 10)); err != nil {
				t.Fatal(err)
			}
			mustHold(t, forEver, 10)
			// Points of 2023 are older than a day. Whether that is an error or not,
			// they must not be stored.
			_ = aDay.Write(t.Context(), lines(0, 10))
			mustHold(t, aDay, 0)
		})

		t.Run("rejects a used folder and a used port", func(t *testing.T) {
			used := influxd.Options{Version: version, Dir: filepath.Dir(s.LogPath())}
			if _, err := influxd.Start(t.Context(), used); err == nil || !strings.Contains(err.Error(), "is not empty") {
				t.Fatal(err)
			}
			at, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			port, err := strconv.Atoi(at.Port())
			if err != nil {
				t.Fatal(err)
			}
			taken := influxd.Options{Version: version, Dir: filepath.Join(t.TempDir(), "new"), Port: port}
			if _, err := influxd.Start(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "address already in use") {
				t.Fatal(err)
			}
		})
	})
}

func since(began time.Time) time.Duration { return time.Since(began).Round(time.Millisecond) }

// If this fails, the demo shows other sums than InfluxDB holds, or its InfluxDB takes
// seconds to start for a language that it does not use.
func TestInfluxSumsWithoutFlux(t *testing.T) {
	server := testenv.OwnInflux(t, influxd.Options{Version: influxd.V1, WithoutFlux: true})
	if sums, err := server.SumBy(t.Context(), "tweets", "count", "sentiment"); err != nil || len(sums) != 0 {
		t.Fatalf("an empty database has the sums %v, %v", sums, err)
	}
	const most = 1 << 53 // beyond it a float64 is no longer exact
	lines := fmt.Sprintf("tweets,brand=a,sentiment=positive count=%di 1\ntweets,brand=b,sentiment=positive count=1i 1\ntweets,brand=a,sentiment=neutral count=7i,other=5i 3\nothers,sentiment=neutral count=9i 1\n", most)
	if err := server.Write(t.Context(), []byte(lines)); err != nil {
		t.Fatal(err)
	}
	sums, err := server.SumBy(t.Context(), "tweets", "count", "sentiment")
	if want := map[string]int64{"positive": most + 1, "neutral": 7}; err != nil || !maps.Equal(sums, want) {
		t.Fatalf("the sums are %v, %v, want %v", sums, err, want)
	}
	if _, err := server.Query(t.Context(), `from(bucket: "brandpulse") |> range(start: -1h)`); err == nil {
		t.Fatal("the server has Flux")
	}
	if _, err := server.Sibling("none").SumBy(t.Context(), "tweets", "count", "sentiment"); err == nil {
		t.Fatal("a database that does not exist has sums")
	}
}
