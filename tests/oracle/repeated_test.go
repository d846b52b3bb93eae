package oracle_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a fault of InfluxDB's reading passes for points that the
// pipeline has written twice.
func TestPointsThatFluxGivesTwiceCountOnce(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version})
			write := func(line func(i int) string, n int) {
				t.Helper()
				var lines strings.Builder
				for i := range n {
					lines.WriteString(line(i))
				}
				if err := server.Write(t.Context(), []byte(lines.String())); err != nil {
					t.Fatal(err)
				}
			}
			tweet := func(nanos int) string {
				return fmt.Sprintf("tweets,brand=Tea,sentiment=positive count=1i %d\n", 1_700_000_000_000_000_000+nanos)
			}

			// Points in a TSM file: one is written once 25 MiB are in memory.
			write(func(i int) string { return tweet(2 * i) }, 5000)
			text := strings.Repeat("x", 100_000)
			for second := range 3 {
				write(func(i int) string {
					return fmt.Sprintf("filler text=%q %d\n", text, 1_700_000_000_000_000_000+100*second+i)
				}, 100)
			}
			dir := filepath.Dir(server.LogPath())
			testenv.Eventually(t, 30*time.Second, "a TSM file is written", func() error { return hasFile(dir, ".tsm") })
			// And some between them, in memory.
			write(func(i int) string { return tweet(2301 + 2*i) }, 100)

			rows, err := server.Query(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "tweets") |> count()`, server.Bucket))
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			if n, _ := rows[0].Int("_value"); n <= 5100 {
				t.Errorf("Flux counts %d points: the fault is not there, and this test proves nothing", n)
			}
			counts, err := oracle.ReadInflux(t.Context(), server.Database)
			if err != nil || counts.Total() != 5100 {
				t.Errorf("read %d tweets of 5100, %v", counts.Total(), err)
			}
			if n, err := oracle.CountPoints(t.Context(), server.Database); err != nil || n != 5100 {
				t.Errorf("%d points of 5100, %v", n, err)
			}
		})
	}
}

// hasFile gives an error while no file below dir has that ending.
func hasFile(dir, ending string) error {
	missing := fmt.Errorf("no %s", ending)
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ending) {
			missing = nil
			return fs.SkipAll
		}
		return nil
	})
	return missing
}
